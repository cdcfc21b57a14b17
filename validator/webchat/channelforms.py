"""Checks the id, secret key, origins and order of keys that an operator gives for a channel."""

import re
from collections.abc import Collection

from validator.errors import OperatorError
from validator.origins import is_origin
from validator.sizes import MAX_CHANNEL
from validator.webchat.wire import SIGNED_KEYS

SECRET_FORM = "exactly 43 characters of A-Z a-z 0-9"  # noqa: S105 - a description
_SECRET = re.compile(r"[A-Za-z0-9]{43}", re.ASCII)
_ID = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_CHANNEL}}}", re.ASCII)


def check_form(
    channel_id: str, secret_key: str, origins: Collection[str], key_order: tuple[str, ...]
) -> None:
    """Raise OperatorError unless all of a new channel has its form."""
    if not _ID.fullmatch(channel_id):
        raise OperatorError(f"a channelConfigId has 1 to {MAX_CHANNEL} of A-Z a-z 0-9 . _ -")
    check_secret(secret_key)
    check_origins(origins)
    if sorted(key_order) != sorted(SIGNED_KEYS):
        raise OperatorError(f"the key order names each of {', '.join(SIGNED_KEYS)} once")


def check_origins(origins: Collection[str]) -> None:
    """Raise OperatorError unless these are origins of pages, at least one."""
    wrong = [origin for origin in origins if not is_origin(origin)]
    if wrong or not origins:
        shown = ", ".join(wrong) or "nothing"
        raise OperatorError(f"{shown}: a page's origin is such as https://www.example.com")


def check_secret(secret_key: str) -> None:
    """Raise OperatorError unless *secret_key* has the form of the cloud's."""
    if not _SECRET.fullmatch(secret_key):
        raise OperatorError(f"a channel's secret key has {SECRET_FORM}")
