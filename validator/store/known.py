"""What a node knows of the changes that no older database may undo.

There are two kinds. *Ended*: a logout or a revocation, which ends tokens and sessions. *Changed*: a disabled
account, a new password, a change of a client, channel, tenant or link. Each change has an id, its number and
random digits, so that ids sort as the changes follow each other and no two histories have one in common.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

_DIGITS = 19  # of the greatest number, 2**62


class Kind(StrEnum):
    """What a change did that an older database would undo."""

    ENDED = "ended"
    CHANGED = "changed"


def change_id(number: int, digits: str = "") -> str:
    """Return the id of a change; one of an older version has no random digits."""
    return f"{number:0{_DIGITS}d}.{digits}"


def number_of(change: str) -> int:
    """Return the number in the id of a change; 0 when there is none."""
    return int(change.partition(".")[0] or 0)


def is_of_older_version(change: str) -> bool:
    """Return whether a change was recorded by a version that gave it no random digits."""
    return change.endswith(".")


@dataclass(frozen=True, slots=True)
class Known:
    """The last change of each kind that a node knows, "" for none.

    Tokens and sessions that carry a smaller number than *fence* are from before the database lost a change
    of the kind *ended*. *accepted* is the number of the last `db accept-restore` that the node took over.
    """

    ended: str = ""
    changed: str = ""
    fence: int = 0
    accepted: int = 0

    def of(self, kind: Kind) -> str:
        """Return the last change of *kind*."""
        return self.ended if kind is Kind.ENDED else self.changed

    @property
    def count(self) -> int:
        """Of how many kinds a change is known."""
        return bool(self.ended) + bool(self.changed)

    @property
    def horizon(self) -> int:
        """The number that tokens and sessions carry at least, to be from after the last loss or restore."""
        return max(self.fence, self.accepted)

    def merged(self, other: "Known") -> "Known":
        """Return what both know together; the last accepted restore ends what was known before it."""
        if other.accepted != self.accepted:
            return max(self, other, key=lambda known: known.accepted)
        return Known(
            max(self.ended, other.ended),
            max(self.changed, other.changed),
            max(self.fence, other.fence),
            self.accepted,
        )


class Seen(NamedTuple):
    """What a query returned of the changes in the database (`store.history`).

    The ids of the newest change of each kind, "" for none; how many of the queried changes it has; the
    last number of the kind *ended*; the greatest number of a revocation that was pruned.
    """

    ended: str = ""
    changed: str = ""
    found: int = 0
    number: int = 0
    pruned: int = 0

    @classmethod
    def of(cls, row: Sequence[Any]) -> "Seen":
        """Return what *row* says, whose columns are those of `history.seen_columns`."""
        ended, changed, found, number, pruned = row
        return cls(ended or "", changed or "", found, number or 0, pruned or 0)
