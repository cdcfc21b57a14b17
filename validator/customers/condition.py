"""What is wrong with looking customers up and with their retention, in words for the operator."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from validator.audit.explanations import EXPLANATIONS
from validator.customers.directory import Directory
from validator.customers.policy import CustomersPolicy
from validator.customers.store import CustomerStore
from validator.errors import Fault
from validator.keys.index import IndexKeys, IndexKeyState
from validator.keys.monthly import MonthlyKeys


@dataclass(frozen=True, slots=True)
class Retained:
    """What this node retains: records, their index keys, and the keys of the trail's names of numbers."""

    store: CustomerStore
    index_keys: IndexKeys
    trail_numbers: MonthlyKeys


def shortcomings(
    policy: CustomersPolicy, directory: Directory, retained: Retained, tenants: Sequence[str]
) -> list[str]:
    """Return what is wrong, nothing if all is well; a look-up of a number that nobody has is a part of it."""
    return [*_of_look_ups(directory, tenants[:1]), *_of_retention(policy, retained)]


def _of_look_ups(directory: Directory, tenants: Sequence[str]) -> Iterator[str]:
    try:
        for tenant in tenants:
            directory.probe(tenant)
    except Fault as fault:
        yield f"look-ups fail: {fault.detail or EXPLANATIONS[fault.reason]}"


def _of_retention(policy: CustomersPolicy, retained: Retained) -> Iterator[str]:
    try:
        states = {key.state for key in retained.index_keys.list()}
        overdue = retained.store.overdue()
    except Fault:
        return  # the parts "keys" and "store" have the reason, or the look-up has it
    if IndexKeyState.PREVIOUS in states:
        yield "the rotation of the index key has not ended: run `validator keys rotate --index` again"
    keys = retained.trail_numbers.overdue(policy.keep)
    if overdue or keys:
        yield (
            f"customers.keep ({policy.keep.days} days) is over for {overdue} records and {keys} keys of the "
            "trail: run `validator customers purge`, daily by a timer"
        )
