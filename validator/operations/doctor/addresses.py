"""Merges the findings of several addresses: common ones appear once, others with their addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from validator.operations.doctor.results import Checked
from validator.operations.doctor.tls_client import Address


def at_each(found: Mapping[Address, Sequence[Checked]]) -> list[Checked]:
    """Return the findings of all addresses, in the order of the checks.

    A finding that is not the same at all addresses begins with those that it is about.
    """
    places: dict[Checked, list[str]] = {}
    for address, checks in found.items():
        for each in dict.fromkeys(checks):
            places.setdefault(each, []).append(text_of(address))
    codes = dict.fromkeys(each.code for each in places)
    return [
        each if len(where) == len(found) else _placed(each, where)
        for code in codes
        for each, where in places.items()
        if each.code == code
    ]


def text_of(address: Address) -> str:
    """Return *address* in the form of a URL."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _placed(checked: Checked, where: Sequence[str]) -> Checked:
    return replace(checked, words=f"at {', '.join(where)}: {checked.words}")
