"""What a process has counted and not handed over yet, in a file that outlives the process."""
