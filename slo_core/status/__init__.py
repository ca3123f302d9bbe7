"""The state of SLOs as text and JSON, and the gate of a release pipeline."""
