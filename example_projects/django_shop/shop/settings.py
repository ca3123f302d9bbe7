"""Settings of the shop. The environment decides what differs between a laptop and a server."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = os.environ.get("SHOP_DEBUG", "1") == "1"
SECRET_KEY = os.environ.get("SHOP_SECRET_KEY", "")
if not SECRET_KEY and DEBUG:
    SECRET_KEY = "for development only: set SHOP_SECRET_KEY where SHOP_DEBUG is 0"
ALLOWED_HOSTS = os.environ.get("SHOP_ALLOWED_HOSTS", "localhost,127.0.0.1").split(",")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "slo_django",  # shows budgets in the admin
    "catalogue",
]
MIDDLEWARE = [
    "slo_django.middleware.SLOMiddleware",  # first: it sees and times everything
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",  # the admin's style sheets, also under gunicorn
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
STATIC_URL = "static/"
STATIC_ROOT = os.environ.get("SHOP_STATIC_ROOT", BASE_DIR / "static")
WHITENOISE_USE_FINDERS = DEBUG
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
# Counts go to shop.slo.sqlite3, beside the database; SHOP_SLO_STORE="redis://localhost/0" takes them elsewhere.
if "SHOP_SLO_STORE" in os.environ:
    SLO_STORE = os.environ["SHOP_SLO_STORE"]
    SLO_SERVICE = "shop"
SLO_METRICS_TOKEN = os.environ.get("SHOP_METRICS_TOKEN")
