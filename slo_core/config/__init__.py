"""From written text to objectives: definitions, settings and where they are read from."""
