"""Tells what was found at several addresses: what holds for all of them once, the rest by its place."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from validator.operations.doctor.checked import Checked
from validator.operations.doctor.looking import Address


def at_each(found: Mapping[Address, Sequence[Checked]]) -> list[Checked]:
    """Return what was *found* at each address, in the order of looking.

    Words that are not the same everywhere begin with the addresses that they are about.
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
    """Return *address* as it is written in a URL."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _placed(checked: Checked, where: Sequence[str]) -> Checked:
    return replace(checked, words=f"at {', '.join(where)}: {checked.words}")
