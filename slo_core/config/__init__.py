"""Configuration: SLO definitions, settings, and the files and modules they are read from."""
