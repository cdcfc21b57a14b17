"""Reads what the processes of a node have counted together."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from validator.metrics import prometheus_internals
from validator.metrics.instruments import REGISTRY


def counted(directory: Path) -> list[Metric]:
    """Return every metric that a worker has counted in *directory*; none when no worker ever did.

    The files outlive versions of the program. What this one does not count so is left out: a metric, a label
    or a bucket that another had.
    """
    if not directory.is_dir():
        return []
    collector: Any = MultiProcessCollector
    found = {metric.name: metric for metric in collector(CollectorRegistry(), path=str(directory)).collect()}
    return list(_known(found))


def _known(found: dict[str, Metric]) -> Iterator[Metric]:
    for instrument in prometheus_internals.instruments(REGISTRY):
        (known,) = instrument.describe()
        metric = found.get(known.name)
        if metric is not None and metric.type == known.type:
            known.samples = [
                each for each in metric.samples if prometheus_internals.has_sample(instrument, each)
            ]
            if known.samples:
                yield known
