"""Simulated incidents: the alerts and the error budget of an SLO over time."""
