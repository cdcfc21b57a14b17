"""Reads what the processes of a node have counted together."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.multiprocess import MultiProcessCollector


def counted(directory: Path) -> Iterable[Metric]:
    """Return every metric that a worker has counted in *directory*; none when no worker ever did."""
    if not directory.is_dir():
        return []
    collector: Any = MultiProcessCollector
    collected: Iterable[Metric] = collector(CollectorRegistry(), path=str(directory)).collect()
    return collected
