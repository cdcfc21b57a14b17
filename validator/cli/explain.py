"""`validator audit explain`: explain the outcome of one request, or of one token."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from validator.audit import reading
from validator.audit.events import EventName
from validator.audit.explanations import EXPLANATIONS
from validator.cli.frame import Command, opened
from validator.cli.output import json_option, say, show
from validator.errors import OperatorError, Reason
from validator.escaping import quoted

PRINTED = "urn:validator:request:"  # prefix of a request's id in error responses
_ABOUT = ("reason", "tenant", "subject", "audience", "jti", "by", "detail", "source", "request_id")
_MAX_LATER = 20  # entries about one token

Entry = Mapping[str, Any]


@click.command(cls=Command, examples=["validator audit explain 0123456789abcdef0123456789abcdef"])
@click.argument("request_id", metavar="ID")
@json_option
def explain(request_id: str, as_json: bool) -> None:
    """Explain the outcome of the request ID and of the token issued to it, or of the token ID.

    ID is the X-Request-ID of a response, or the jti of a token.
    """
    sought = request_id.strip().removeprefix(PRINTED)
    with opened(any_schema=True) as services:
        found, later = _trace(services.settings.audit.directory, sought)
    if not found:
        raise OperatorError(
            f"the audit trail has nothing about request or token {sought}",
            "A request that is refused before any decision leaves no entry: a foreign origin (403),",
            'no login (401 "login required"), an unknown route (404), a malformed request from a page',
            "(400), too many requests (429). The server's log has the id of every request.",
        )
    if as_json:
        show([{**entry, "words": _words(entry)} for entry in (*found, *later)], as_json=True)
        return
    for entry in found:
        say(*_lines(entry))
    _print_later(found, later)


def _trace(directory: Path, sought: str) -> tuple[list[Entry], list[Entry]]:
    """Return the entries of the request or token *sought*, and the other entries about their tokens."""
    found: list[Entry] = [entry for entry in reading.entries(directory) if entry.get("request_id") == sought]
    if not found:
        return [entry for entry in reading.entries(directory) if entry.get("jti") == sought], []
    tokens = {entry["jti"] for entry in found if "jti" in entry}
    if not tokens:
        return found, []
    others = (entry for entry in reading.entries(directory) if entry.get("request_id") != sought)
    return found, [entry for entry in others if entry.get("jti") in tokens]


def _print_later(found: list[Entry], later: list[Entry]) -> None:
    """Print the other entries about the tokens of *found*, and whether the cloud ever presented them."""
    if later:
        say("the same token elsewhere in the trail:")
    for entry in later[:_MAX_LATER]:
        say(f"  {_head(entry)} request_id={quoted(str(entry.get('request_id', '-')))}")
    if len(later) > _MAX_LATER:
        say(f"  and {len(later) - _MAX_LATER} more: --json has all of them")
    # Only an issue that succeeded names a token.
    issued = {entry["jti"] for entry in found if _is(entry, EventName.TOKEN_ISSUED) and "jti" in entry}
    asked = {entry.get("jti") for entry in (*found, *later) if _is(entry, EventName.VERDICT)}
    if issued - asked:
        say(
            "the cloud never presented this token: the page did not pass it on, or the cloud did not reach",
            "this server. (Entries of throttled requests and of altered tokens name no token.)",
        )


def _is(entry: Entry, name: EventName) -> bool:
    return bool(entry["event"] == name)


def _lines(entry: Entry) -> Iterable[str]:
    return [_head(entry), *(f"  {name}: {entry[name]}" for name in _ABOUT if name in entry)]


def _head(entry: Entry) -> str:
    return f"{entry['time']}  {entry['event']} {entry.get('outcome', '')}: {_words(entry)}"


def _words(entry: Entry) -> str:
    reason = entry.get("reason")
    if not reason:
        return "nothing stood against it"
    # An entry of another version may have an unknown reason.
    return next((EXPLANATIONS[each] for each in Reason if each == reason), str(reason))
