"""The host process: forks, workers, threads, swallowed errors, files."""
