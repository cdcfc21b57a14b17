"""The tables of the comparison, for people."""

from statistics import median
from typing import Any

from benchmarks import bars
from benchmarks.reports import markdown

_BUSY = 0.9  # of a core: a process that used less was delayed by something else
_BASES = ("gunicorn", "flask")


def table(report: dict[str, Any]) -> str:
    """Return every table of *report*, as Markdown."""
    parts = [_contenders(report), _notes(report)]
    for name, door in report["pressed"].items():
        parts += [
            f"{bars.DOORS[name]}:",
            _connections(door),
            _workers(door),
            *(_paced(each) for each in door["paced"].values()),
            f"a worker has {door['memory']['pss'] / 1024:.1f} MiB (PSS), and the counters' file "
            f"{door['memory']['shared'] / 1024:.1f} MiB",
        ]
    return "\n\n".join(part for part in [*parts, bars.table(report["bars"])] if part)


def _contenders(report: dict[str, Any]) -> str:
    rows = []
    for each in report["contenders"]:
        ratios = [f"{each['ratios'][base]:.2f}" if base in each["ratios"] else "-" for base in _BASES]
        words = ["yes" if each[key] else "no" for key in ("has_database", "has_limits", "has_trail")]
        figures = [f"{each['rate']:,}", *ratios, each["server_microseconds"], each["p99"]]
        rows.append([each["title"], *figures, *words, each["errors"]])
    head = ["server", "req/s", "to bare gunicorn", "to bare Flask", "processor µs", "p99 ms"]
    return markdown([*head, "database", "limits", "trail", "errors"], rows)


def _notes(report: dict[str, Any]) -> str:
    lines = [f"skipped: {name}: {why}" for name, why in report["skipped"].items()]
    changes = report["changes"]
    lines.append(
        f"meanwhile {changes['logins']} logins and {changes['revocations']} revocations, "
        f"{changes['errors']} with a wrong response"
    )
    for each in report["contenders"]:
        used = median(sum(one["server_seconds"]) / one["seconds"] for one in each["rounds"])
        asked = median(one["load_busy"] for one in each["rounds"])
        if asked >= _BUSY:
            lines.append(f"{each['name']}: the load was at its end, the server can do more")
        elif used < _BUSY:
            lines.append(
                f"{each['name']}: used {used:.0%} of its core, the load {asked:.0%}: too low a figure"
            )
    return "\n".join(lines)


def _connections(report: dict[str, Any]) -> str:
    rows = [
        [each["connections"], f"{each['rate']:,}", each["p50"], each["p99"], each["errors"]]
        for each in report["connections"]
    ]
    return markdown(["connections", "req/s", "p50 ms", "p99 ms", "errors"], rows)


def _workers(report: dict[str, Any]) -> str:
    told = report["workers"]
    rows = []
    for number in ("one", "two"):
        each = told[number]
        rows.append([number, f"{each['rate']:,}", each["p99"], each["server_microseconds"], each["errors"]])
    shared = "on the workers' own cores" if told["load"] == "shared" else "on separate cores"
    idle = median(sum(one["idle"]) / len(one["idle"]) for one in told["two"]["rounds"])
    return (
        f"{markdown(['workers', 'req/s', 'p99 ms', 'processor µs each', 'errors'], rows)}\n\n"
        f"two workers carry {told['ratio']:.2f} times as much as one, the load {shared}; "
        f"with two, {idle:.0%} of the machine was idle"
    )


def _paced(report: dict[str, Any]) -> str:
    rows = [
        [name, f"{each['p50']:.2f}", f"{each['p99']:.2f}", each["errors"]]
        for name, each in report.items()
        if name != "rate"
    ]
    return markdown([f"at {report['rate']:,} questions a second", "p50 ms", "p99 ms", "errors"], rows)
