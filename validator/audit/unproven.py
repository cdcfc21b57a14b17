"""Entries that strangers can cause at will: which are bounded in number, and which of their text is cut."""

import hashlib

from validator.audit.events import Event, EventName, Outcome
from validator.errors import Reason
from validator.escaping import escape, is_visible

MAX_TEXT = 64  # bytes of UTF-8, escaped
_DIGITS = 16  # of the SHA-256 of a cut text
_LOCKED = frozenset({Reason.ACCOUNT_LOCKED, Reason.ADDRESS_LOCKED})
_NO_CLIENT = frozenset({Reason.CLIENT_UNKNOWN, Reason.CLIENT_SECRET_WRONG})
_NO_ACCESS = frozenset({Reason.SOURCE_DENIED, Reason.CERTIFICATE_MISSING, Reason.ROUTE_SECRET_WRONG})
# The token was verified, and its tenant and subject match the presented ones.
_MATCHED = frozenset(
    {
        *(Reason.NAME_MISMATCH, Reason.TOKEN_REVOKED, Reason.TOKEN_STALE),
        *(Reason.TENANT_UNKNOWN, Reason.TENANT_DISABLED, Reason.ACCOUNT_UNKNOWN, Reason.ACCOUNT_DISABLED),
    }
)


def is_at_will(event: Event) -> bool:
    """Return whether a stranger can cause *event* at will: it proves nothing and changes nothing."""
    if event.name is EventName.GUEST:
        return True
    if event.outcome is Outcome.ACCEPTED or _is_by_operator(event):
        return False
    if event.name is EventName.VERDICT:
        return event.jti is None
    if event.name is EventName.LOGIN:
        return event.subject is None or event.reason in _LOCKED
    if event.name is EventName.CLIENT:
        return event.reason in _NO_CLIENT
    if event.name in (EventName.CUSTOMER_QUERY, EventName.CALL_RECORD):
        return event.reason in _NO_ACCESS
    return event.name in (EventName.SIGNED, EventName.SECRET_DISCLOSED, EventName.POP_LOGIN)


def with_safe_text(event: Event) -> Event:
    """Return *event* with unproven text escaped and cut; proven text stays whole."""
    if not _has_unproven_text(event):
        return event
    tenant, subject, detail = (
        None if text is None else shortened(text) for text in (event.tenant, event.subject, event.detail)
    )
    if (tenant, subject, detail) == (event.tenant, event.subject, event.detail):
        return event
    return event._replace(tenant=tenant, subject=subject, detail=detail)


def shortened(text: str) -> str:
    """Return *text* escaped; if longer than `MAX_TEXT` bytes, cut and with its digest."""
    if len(text) <= MAX_TEXT and text.isascii() and text.isprintable():
        return text
    pieces: list[str] = []
    room = MAX_TEXT
    for character in text[: MAX_TEXT + 1]:
        piece = character if is_visible(character) else escape(character)
        room -= len(piece.encode())
        if room < 0:
            digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
            return f"{''.join(pieces)}… sha256:{digest}"
        pieces.append(piece)
    return "".join(pieces)


def _has_unproven_text(event: Event) -> bool:
    """Return whether tenant, subject and detail are a caller's unverified input."""
    if event.outcome is Outcome.ACCEPTED or event.name in (EventName.LOGIN, EventName.PASSWORD):
        return False
    if _is_by_operator(event):
        return False
    return event.name is not EventName.VERDICT or event.reason not in _MATCHED


def _is_by_operator(event: Event) -> bool:
    return event.by is not None and event.by.startswith("operator:")
