"""A Django project with a view for every way in which a request can go."""
