"""The state of SLOs in words and JSON, and the gate that decides on it."""
