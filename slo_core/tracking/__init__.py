"""Counting events, and reading the state of SLOs."""
