"""What is spent: error budgets, burn rates, alerts and snapshots, worked out from counts. Pure."""
