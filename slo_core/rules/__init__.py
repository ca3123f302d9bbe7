"""The recording and alerting rules for Prometheus."""
