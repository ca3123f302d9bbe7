"""What every shared store has in common: batches, numbering, retries, threads, reads."""
