"""Sources of a service's status: its pages and its shared store."""
