"""The shop's settings under a strict policy, with logins required, a second admin and SLOs that are easy to spend."""

from __future__ import annotations

from shop.settings import *  # noqa: F403
from shop.settings import MIDDLEWARE

# Names are text, whatever they hold.
HOSTILE = [
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "y" * 300,
    "🔥 checkout / 50% & more?",
    "תשלום الدفع",
]
SLO_DEFINITIONS = {
    "checkout": {
        "target": "90%",
        "window": "1d",
        "views": ["checkout"],
        "description": "Customers can pay.",
        # So low that a few failures in a hundred are enough, long before the budget is spent; and so long that it still fires
        # when a page of a busy machine comes to show it.
        "alert_rules": [{"long_window": "5m", "short_window": "4m", "severity": "page", "burn_rate": 0.3}],
        "burn_rate_windows": ["5m"],
    },
    "history": {"target": "99.9%", "kind": "custom", "description": "A month of it."},
    **{name: {"target": "99%", "kind": "custom", "description": name} for name in HOSTILE},
}
SLO_FLUSH_INTERVAL = 0.2
MIDDLEWARE = [
    "strict_shop.policy",
    *MIDDLEWARE,
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
]
LOGIN_URL = "admin:login"
ROOT_URLCONF = "strict_shop_urls"
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
CSRF_TRUSTED_ORIGINS: list[str] = []
# Those who log in are tests, and do so often.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def policy(get_response):
    """Nothing but what comes from the service itself, and nothing inline."""

    def respond(request):
        response = get_response(request)
        response["Content-Security-Policy"] = "default-src 'self'"
        return response

    return respond
