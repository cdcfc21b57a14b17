"""Unproven text is escaped and cut in an entry, and proven text stays whole."""

import hashlib
import json

import pytest

from tests.support.fixed_trails import Place
from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.audit.unproven import MAX_TEXT, is_at_will, shortened, with_safe_text
from validator.errors import Reason

LONG = "长" * 100
NASTY = "\x1b[2J\x9b1m\u202eabc\u2028\u2066\x7f\n"
REFUSED, ACCEPTED = Outcome.REFUSED, Outcome.ACCEPTED


def verdict(reason: Reason | None, jti: str | None, subject: str) -> Event:
    """Return a verdict on a request about *subject*."""
    return Event(EventName.VERDICT, Outcome.of(reason), reason, tenant="T", subject=subject, jti=jti)


@pytest.mark.parametrize("text", ["", "agent-7", "李伟", "a" * MAX_TEXT, "é" * 32])
def test_short_printable_text_stays(text: str) -> None:
    """Short printable text is unchanged."""
    assert shortened(text) == text


@pytest.mark.parametrize("text", ["a" * 65, LONG, "é" * 33, "\x01" * 128, "\u202e" * 11])
def test_long_text_is_cut_and_has_its_digest(text: str) -> None:
    """At most 64 bytes remain, without half an escape, plus the digest of the whole text."""
    cut, _, digest = shortened(text).partition("… sha256:")

    assert len(cut.encode()) <= MAX_TEXT
    assert not cut.replace("\\u0001", "").replace("\\u202e", "").strip("a长é")
    assert digest == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_terminal_controls_are_escaped() -> None:
    """C0 and C1 controls, bidirectional overrides and line separators become visible text."""
    assert shortened(NASTY) == "\\u001b[2J\\u009b1m\\u202eabc\\u2028\\u2066\\u007f\\u000a"


@pytest.mark.parametrize(
    ("event", "is_cut"),
    [
        (verdict(Reason.TOKEN_FORGED, None, LONG), True),
        (verdict(Reason.TOKEN_EXPIRED, "j", LONG), True),  # not compared with the token
        (verdict(Reason.SUBJECT_MISMATCH, "j", LONG), True),
        (verdict(Reason.TOKEN_REVOKED, "j", LONG), False),
        (verdict(None, "j", LONG), False),
        (Event(EventName.SIGNED, REFUSED, Reason.CHANNEL_UNKNOWN, detail=LONG), True),
        (
            Event(EventName.TOKEN_ISSUED, REFUSED, Reason.TENANT_NOT_GRANTED, subject=LONG, by="client:c"),
            True,
        ),
        (Event(EventName.REVOKED, ACCEPTED, subject=LONG, by="client:c"), False),
        (Event(EventName.LOGIN, REFUSED, Reason.PASSWORD_WRONG, subject=LONG), False),
        (Event(EventName.TENANT, REFUSED, Reason.REQUEST_INVALID, detail=LONG, by="operator:o"), False),
    ],
)
def test_only_unproven_text_is_cut(event: Event, is_cut: bool) -> None:
    """Text is cut unless it was verified; claims, accounts and operators' input stay whole."""
    safe = with_safe_text(event)

    assert ((safe.subject, safe.detail) != (event.subject, event.detail)) is is_cut


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (verdict(Reason.TOKEN_FORGED, None, "a"), True),
        (verdict(Reason.TOKEN_EXPIRED, "j", "a"), False),
        (verdict(None, "j", "a"), False),
        (Event(EventName.LOGIN, REFUSED, Reason.ACCOUNT_UNKNOWN), True),
        (Event(EventName.LOGIN, REFUSED, Reason.ACCOUNT_LOCKED, subject="a"), True),
        (Event(EventName.LOGIN, REFUSED, Reason.PASSWORD_WRONG, subject="a"), False),
        (Event(EventName.LOGIN, ACCEPTED, subject="a"), False),
        (Event(EventName.GUEST, ACCEPTED, subject="g"), True),
        (Event(EventName.GUEST, REFUSED, Reason.ORIGIN_DENIED), True),
        (Event(EventName.SIGNED, REFUSED, Reason.CHANNEL_UNKNOWN), True),
        (Event(EventName.SIGNED, ACCEPTED, subject="g"), False),
        (Event(EventName.SECRET_DISCLOSED, REFUSED, Reason.SECRET_DISCLOSED), True),
        (Event(EventName.CLIENT, REFUSED, Reason.CLIENT_SECRET_WRONG, by="client:c"), True),
        (Event(EventName.CLIENT, REFUSED, Reason.CLIENT_UNKNOWN, by="operator:o"), False),
        (Event(EventName.CLIENT, ACCEPTED, by="operator:o"), False),
        (Event(EventName.TOKEN_ISSUED, REFUSED, Reason.TENANT_NOT_GRANTED, by="client:c"), False),
        (Event(EventName.REVOKED, ACCEPTED), False),
    ],
)
def test_what_a_stranger_can_cause_at_will(event: Event, expected: bool) -> None:
    """Only events that prove and change nothing have a ceiling."""
    assert is_at_will(event) is expected


def test_entry_of_junk_is_small(trail: AuditTrail, place: Place) -> None:
    """The longest fields of control characters make an entry of half a kilobyte."""
    junk = Event(
        EventName.VERDICT,
        REFUSED,
        Reason.TOKEN_FORGED,
        tenant="\x01" * 64,
        subject="\x01" * 128,
        audience="chat",
    )

    trail.append(junk)

    assert len(place.lines()[-1]) < 600
    assert json.loads(place.lines()[-1])["subject"].startswith("\\u0001\\u0001")
