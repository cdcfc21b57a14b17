"""The settings of this peer: Django with nothing that introspection does not need, SQLite, no log."""

import os
from pathlib import Path

STATE = Path(os.environ["PEER_STATE"])  # noqa: TID251 - another program than the validator

SECRET_KEY = (STATE / "key").read_text()
ALLOWED_HOSTS = ["localhost"]
DEBUG = False
USE_TZ = True
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "introspection"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": STATE / "peer.db",
        "CONN_MAX_AGE": None,
        "OPTIONS": {"init_command": "PRAGMA journal_mode = WAL"},
    }
}
OAUTH2_PROVIDER = {"SCOPES": {"introspection": "ask about tokens", "callback": "be asked about"}}
