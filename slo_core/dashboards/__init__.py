"""The dashboards that Grafana is given."""
