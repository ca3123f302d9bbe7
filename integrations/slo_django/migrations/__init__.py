"""Migrations of the tables behind `django://`."""
