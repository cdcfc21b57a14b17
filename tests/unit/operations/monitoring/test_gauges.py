"""The catalogue of gauges keeps Prometheus' conventions, and the page about monitoring says the same."""

import re

from tests.architecture.source import CHECKOUT
from validator.metrics.instruments import REGISTRY
from validator.operations.monitoring.gauges import GAUGES, PREFIX, Reading, families

ROW = re.compile(r"^\| `(validator_\w+)` \| (counter|histogram|gauge) \| (.+?) \| (.+) \|$", re.MULTILINE)
# What names a person, a tenant or a caller, and so may never be a label.
FORBIDDEN = {"tenant", "subject", "login", "account", "address", "client", "jti", "path", "pid"}


def counted() -> dict[str, tuple[str, tuple[str, ...], str]]:
    """Return the type, the labels and the meaning of each metric that the workers keep."""
    kept = {}
    for collector in REGISTRY._collector_to_names:
        (metric,) = collector.describe()  # type: ignore[attr-defined]
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        kept[name] = (metric.type, tuple(collector._labelnames), metric.documentation)  # type: ignore[attr-defined]
    return kept


def every() -> dict[str, tuple[str, tuple[str, ...], str]]:
    """Return the type, the labels and the meaning of every metric that is shown."""
    gauges = {PREFIX + name: ("gauge", gauge.labels, gauge.meaning) for name, gauge in GAUGES.items()}
    return counted() | gauges


def test_page_has_every_metric() -> None:
    """docs/monitoring.md lists each metric with its type, its labels and its meaning, and no other."""
    page = (CHECKOUT / "docs" / "monitoring.md").read_text("utf-8")
    told = {
        name: (kind, tuple(re.findall(r"`(\w+)`", labels)), words)
        for name, kind, labels, words in ROW.findall(page)
    }

    assert told == every()


def test_names_keep_the_conventions() -> None:
    """Base units at the end, `_total` for nothing but counters, small letters, a sentence of help."""
    for name, gauge in GAUGES.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name), name
        assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_milliseconds", "_days")), name
        assert gauge.meaning.endswith("."), name
        assert ("since 1970" in gauge.meaning) is name.endswith("_timestamp_seconds"), name


def test_no_label_is_somebody() -> None:
    """Neither a person, a tenant, an address nor anything that a caller chose is a label."""
    labels = {label for _, names, _ in every().values() for label in names}

    assert labels.isdisjoint(FORBIDDEN)


def test_readings_become_families() -> None:
    """A gauge with readings is shown once, with each of them; one without any is not shown."""
    shown = families(
        [Reading("ready", 1, ("keys",)), Reading("trail_bytes", 7), Reading("ready", 0, ("store",))]
    )

    assert [(family.name, family.type) for family in shown] == [
        ("validator_ready", "gauge"),
        ("validator_trail_bytes", "gauge"),
    ]
    assert [(sample.labels, sample.value) for sample in shown[0].samples] == [
        ({"part": "keys"}, 1),
        ({"part": "store"}, 0),
    ]
