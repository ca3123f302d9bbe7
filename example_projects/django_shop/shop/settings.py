"""Settings of the shop. The environment decides what differs between a laptop and a server."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = os.environ.get("SHOP_DEBUG", "1") == "1"
SECRET_KEY = os.environ.get("SHOP_SECRET_KEY", "")
if not SECRET_KEY and DEBUG:
    SECRET_KEY = "for development only: set SHOP_SECRET_KEY where SHOP_DEBUG is 0"
ALLOWED_HOSTS = os.environ.get("SHOP_ALLOWED_HOSTS", "localhost,127.0.0.1").split(",")

INSTALLED_APPS = ["slo_django", "catalogue"]
MIDDLEWARE = [
    "slo_django.middleware.SLOMiddleware",  # first: it sees and times everything
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("SHOP_DATABASE", BASE_DIR / "shop.sqlite3"),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "UTC"
USE_TZ = True

SLO_DEFINITIONS = {
    "availability": {"target": "99.9%", "window": "30d", "description": "Every request is answered without an error."},
    "checkout-latency": {
        "target": "99%",
        "latency": "300ms",
        "views": ["checkout"],
        "methods": ["POST"],
        "description": "Checking out takes at most 300 ms.",
    },
    "stock-import": {"target": "99%", "kind": "custom", "description": "Products that an import could read."},
}
SLO_METRICS_TOKEN = os.environ.get("SHOP_METRICS_TOKEN")
