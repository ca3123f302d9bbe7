"""Flask extensions, made before there is an application, so that blueprints can use them."""

from slo_flask import SLO

slo = SLO()
