"""What a process has counted and not handed over yet, in a file that outlives it. No counter uses it yet."""
