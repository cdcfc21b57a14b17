"""The undocumented parts of prometheus-client that this project relies on; no other module uses them.

`tests/architecture/test_library_internals.py` checks them, and fails for a version outside `TESTED`.

A process counts in memory-mapped files, `KIND_SLOT.db`. Such a file begins with the number of its bytes in
use; then come entries, each a key (JSON) and its value.
"""

import os
import struct
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any

import orjson
from prometheus_client import CollectorRegistry, values
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.samples import Sample

TESTED = ">=0.23,<0.27"
_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # the library takes the folder from the environment only
_KINDS = ("counter", "histogram")
_PAIR = struct.Struct("dd")  # a value and its time, which only gauges have
_HEAD_BYTES = 8  # a new file has no bytes in use


def count_in(directory: Path, slot: str) -> None:
    """Make every metric whose first child is made from now on count in the files of *slot*."""
    os.environ[_VARIABLE] = str(directory)
    value_of: Any = values.MultiProcessValue  # which has no types
    of_library = value_of(lambda: slot)
    lock = Lock()

    class Value(of_library):  # type: ignore[misc, valid-type]
        """The library's value, which looks for another slot before each step; here it stays the same."""

        def inc(self, amount: float) -> None:
            """Add *amount*; another process reads the old pair or the new one."""
            with lock:
                self._value += amount
                file = self._file
                begin = file._positions[self._key]
                file._m[begin : begin + _PAIR.size] = _PAIR.pack(self._value, 0.0)

    values.ValueClass = Value


def files_of(directory: Path, slot: str) -> tuple[Path, ...]:
    """Return the paths of the files that the process of *slot* counts in."""
    return tuple(directory / f"{kind}_{slot}.db" for kind in _KINDS)


def is_whole(path: Path) -> bool:
    """Return whether the library can continue to count in the file at *path*."""
    library: Any = MmapedDict  # which has no types
    try:
        (used,) = struct.unpack_from("i", path.read_bytes())
        if used and not _HEAD_BYTES <= used <= path.stat().st_size:
            return False
        for key, *_ in library.read_all_values_from_file(str(path)):
            orjson.loads(key)
    except (RuntimeError, ValueError, struct.error):
        return False
    return True


def instruments(registry: CollectorRegistry) -> Iterable[MetricWrapperBase]:
    """Return every metric of *registry*, without collecting its values."""
    return tuple(vars(registry)["_collector_to_names"])


def name_of(instrument: MetricWrapperBase) -> str:
    """Return the name of *instrument*, without the suffixes of its samples."""
    return str(vars(instrument)["_name"])


def has_sample(instrument: MetricWrapperBase, sample: Sample) -> bool:
    """Return whether *instrument* has the labels of *sample*, and its bucket when it has one."""
    own, labels = vars(instrument), dict(sample.labels)
    bound = labels.pop("le", None)
    is_known = bound is None or float(bound) in own["_upper_bounds"]
    return is_known and set(labels) == set(own["_labelnames"])
