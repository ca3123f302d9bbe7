"""Error budgets, burn rates, alerts and snapshots, worked out from counts. Pure: no clock, no input or output."""
