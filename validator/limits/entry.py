"""One rate for one key, as the storages count it."""

from typing import NamedTuple


class Entry(NamedTuple):
    """What `acquire_sliding_window_entry` takes: the counter's key, its limit, its window in seconds."""

    key: str
    limit: int
    expiry: int
