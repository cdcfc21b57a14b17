"""The scripts and pages that the stand-in answers with, each with what was posted written into it."""

import html
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from validator.simulator.records import Record
from validator.simulator.registration import Registration

_FOLDER = Path(__file__).parent / "scripts"
_GIVEN_IN_SCRIPT = "const given = {};"
_GIVEN_IN_PAGE = "{{given}}"


def script(name: str, given: Mapping[str, object]) -> str:
    """Return the script *name*, which knows *given*."""
    # In a script "<" could end the element it is put into, and U+2028 is a line's end to old engines.
    literal = json.dumps(given).replace("<", "\\u003c")
    return shipped(name).replace(_GIVEN_IN_SCRIPT, f"const given = {literal};", 1)


def bar(given: Mapping[str, object]) -> str:
    """Return the document in the agent bar's frame, which knows *given*."""
    return shipped("bar.html").replace(_GIVEN_IN_PAGE, html.escape(json.dumps(given)), 1)


@cache
def shipped(name: str) -> str:
    """Return the text of the shipped file *name*."""
    return (_FOLDER / name).read_text("utf-8")


def status(registration: Registration, records: list[Record]) -> str:
    """Return the status page: what is registered, and the last exchanges, newest first."""
    rows = "".join(_row(record) for record in records)
    told = (
        ("Agent side", registration.enterprise.agent_url),
        ("Customer side", registration.enterprise.chat_url),
        ("Tenants", ", ".join(sorted(registration.tenants))),
        ("Agents", ", ".join(agent.account for agent in registration.agents)),
        ("Channels", ", ".join(sorted(registration.channels))),
    )
    facts = "".join(f"<dt>{name}</dt><dd>{html.escape(text) or '-'}</dd>" for name, text in told)
    page = shipped("status.html").replace("{{facts}}", facts, 1)
    return page.replace("{{rows}}", rows or '<tr><td colspan="5">Nothing was asked yet.</td></tr>', 1)


def _row(record: Record) -> str:
    details = "".join(
        f"<div><b>{html.escape(name)}</b> {html.escape(text)}</div>" for name, text in record.details.items()
    )
    cells = (record.time, record.door, record.origin, record.outcome)
    return "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + f"<td>{details}</td></tr>\n"
