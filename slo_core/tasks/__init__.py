"""Background tasks: one task becomes good, bad or left out."""
