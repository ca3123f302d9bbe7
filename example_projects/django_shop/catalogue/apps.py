"""The catalogue app."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """Products and orders."""

    name = "catalogue"
