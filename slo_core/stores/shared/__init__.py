"""The half that all shared stores have in common: batches, numbering, retries, threads, reads."""
