"""Where definitions are read from: files, modules, Django settings."""
