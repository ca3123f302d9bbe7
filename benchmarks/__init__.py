"""Side-by-side measurements: every figure is a ratio to a peer of the same run."""
