"""The recording and alerting rules that Prometheus is given."""
