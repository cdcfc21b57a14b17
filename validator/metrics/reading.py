"""Reads what the processes of a node have counted together."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.samples import Sample

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
    for instrument in vars(REGISTRY)["_collector_to_names"]:
        (known,) = instrument.describe()
        metric = found.get(known.name)
        if metric is not None and metric.type == known.type:
            known.samples = [sample for sample in metric.samples if _is_of(sample, instrument)]
            if known.samples:
                yield known


def _is_of(sample: Sample, instrument: MetricWrapperBase) -> bool:
    """Return whether *instrument* has the labels of *sample*, and its bucket if it is one's."""
    own, labels = vars(instrument), dict(sample.labels)
    bound = labels.pop("le", None)
    is_known = bound is None or float(bound) in own["_upper_bounds"]
    return is_known and set(labels) == set(own["_labelnames"])
