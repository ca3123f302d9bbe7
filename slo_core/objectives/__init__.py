"""SLO definitions, targets, windows and alert rules. Pure: no clock, no input or output."""
