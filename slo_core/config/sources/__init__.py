"""Sources of definitions: files, modules, Django settings."""
