"""Metrics for Prometheus: collectors, text formats, the `/metrics` view and a server for it."""
