"""The store in Redis, alone, behind Sentinel or as a cluster."""
