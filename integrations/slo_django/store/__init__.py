"""`django://`: the store in a database of a Django project."""
