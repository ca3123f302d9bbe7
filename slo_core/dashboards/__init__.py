"""The Grafana dashboards of SLOs: an overview, and a detail page for each SLO."""
