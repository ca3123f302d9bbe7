"""The process that the library lives in: forks, workers, threads, swallowed errors, files."""
