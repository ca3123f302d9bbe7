"""Counting events and asking how an SLO stands."""
