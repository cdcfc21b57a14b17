"""Whether a directory of a million customers is imported, searched and exported within bounds.

    python -m benchmarks.customers [--customers N] [--quick] [--json FILE]

A file of customers, one in eight with two numbers, is imported and exported by the commands that an operator
runs, each in its own process, whose memory the kernel reports. Then numbers are looked up in this process,
through the directory with its bulkhead and its budget, as for a query of the cloud: each is drawn from all
customers, and one in ten belongs to nobody. Every result is checked. In turn with them, numbers are looked up
in a directory of a thousand customers: what both take longer on a busy machine is not due to the million.

The bars: 200 MB of memory for a command, and 10 ms for the 99th percentile of a look-up.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from benchmarks import reports
from benchmarks.machine import machine
from benchmarks.servers import environment, validator
from validator.customers.directory import Directory, Nobody, One
from validator.services import open_services
from validator.settings.loading import load

MAX_COMMAND_MB, MAX_LOOK_UP_MS = 200, 10
FEW = 1000
TENANT = "202400000001"
_FIRST, _SECOND, _NOBODY = 13_600_000_000, 15_800_000_000, 18_900_000_000  # numbers of mobiles in China
_TWO_NUMBERS = 8
_LEVELS = ("standard", "silver", "gold")
_VARIABLES = {"VALIDATOR_CUSTOMERS_SOURCE": "store"}


def main() -> int:
    """Measure, print the table, and return 0 when every result was right and every bar is met."""
    parser = reports.options("customers", quick="1,000 customers; the figures are rough and not judged")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--look-ups", type=int, default=20_000)
    given = parser.parse_args()
    customers, look_ups = (1000, 300) if given.quick else (given.customers, given.look_ups)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        report = {"machine": machine(), "customers": customers, **measure(Path(folder), customers, look_ups)}
    reports.write(given.json, report)
    print(table(report))  # noqa: T201
    return 0 if given.quick or is_met(report) else 1


def measure(folder: Path, customers: int, look_ups: int) -> dict[str, Any]:
    """Return the figures of a home in *folder* with *customers* customers and *look_ups* look-ups."""
    home, few, file = folder / "home", folder / "few", folder / "customers.csv"
    if customers == FEW:
        few = home
    else:
        import_into(few, file, FEW)
    imported = import_into(home, file, customers)
    milliseconds = looked_up({home: customers, few: FEW}, look_ups)
    exported = Command.run(home, "customers", "export")
    if exported.lines != customers:
        raise ValueError(f"{exported.lines} customers were exported, not {customers}")
    return {
        "file_bytes": file.stat().st_size,
        "import": vars(imported),
        "export": vars(exported),
        "look_up": figures(milliseconds[home]),
        "look_up_few": figures(milliseconds[few]),
    }


def figures(milliseconds: list[float]) -> dict[str, float]:
    """Return the figures of look-ups."""
    return {
        "median": quantiles(milliseconds, n=2)[0],
        "p99": quantiles(milliseconds, n=100)[98],
        "longest": max(milliseconds),
    }


@dataclass
class Command:
    """What a command took: seconds, the largest memory of its process, and the lines that it printed."""

    seconds: float
    megabytes: float
    lines: int

    @classmethod
    def run(cls, home: Path, *words: str) -> "Command":
        """Run `validator` with *words*; raises CalledProcessError when it fails."""
        began, lines = time.perf_counter(), 0
        with subprocess.Popen(  # noqa: S603
            validator(home, *words),
            env=environment() | _VARIABLES,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            if process.stdout is None:
                raise ValueError("there is no output to read")
            for _ in process.stdout:
                lines += 1
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, words)
        return cls(time.perf_counter() - began, usage.ru_maxrss / 1000, lines)


def import_into(home: Path, file: Path, customers: int) -> Command:
    """Make *home*, write *customers* into *file* and import them; return what the import took."""
    Command.run(home, "init")
    Command.run(home, "tenants", "add", TENANT)
    write_customers(file, customers)
    return Command.run(home, "customers", "import", str(file))


def write_customers(file: Path, customers: int) -> None:
    """Write *file*, CSV with *customers* rows."""
    with file.open("w", encoding="utf-8") as rows:
        rows.write("id,number,name,company,level,since,card,note\n")
        for number in range(customers):
            second = f"|{_SECOND + number}" if number % _TWO_NUMBERS == 0 else ""
            rows.write(
                f"C-{number},{_FIRST + number}{second},客户{number},Company {number % 977},"
                f"{_LEVELS[number % 3]},2020-01-{number % 28 + 1:02},62220202{number:011},\n"
            )


def looked_up(homes: dict[Path, int], look_ups: int) -> dict[Path, list[float]]:
    """Return the milliseconds of each of *look_ups* look-ups in each of *homes*.

    *homes* has the number of customers of each. Raises ValueError for a wrong result.
    """
    drawn = random.Random(1)  # noqa: S311 - the same numbers in each run
    milliseconds: dict[Path, list[float]] = {home: [] for home in homes}
    with ExitStack() as stack:
        opened = {home: stack.enter_context(_directory(home)) for home in homes}
        for turn in range(look_ups):
            for home, directory in opened.items():
                number = drawn.randrange(homes[home])
                text = str((_NOBODY if turn % 10 == 0 else _FIRST) + number)
                began = time.perf_counter()
                found = directory.look_up(TENANT, text)
                milliseconds[home].append(1000 * (time.perf_counter() - began))
                is_right = isinstance(found, Nobody) if turn % 10 == 0 else _is_customer(found, number)
                if not is_right:
                    raise ValueError(f"look-up {turn} had a wrong result: {type(found).__name__}")
    return milliseconds


@contextmanager
def _directory(home: Path) -> Iterator[Directory]:
    services = open_services(load(home, environment=environment() | _VARIABLES))
    try:
        if services.directory is None:
            raise ValueError("the customers are switched off")
        yield services.directory
    finally:
        services.close()


def _is_customer(found: object, number: int) -> bool:
    return isinstance(found, One) and found.customer.id == f"C-{number}"


def is_met(report: dict[str, Any]) -> bool:
    """Return whether the figures of *report* meet every bar."""
    commands = max(report[command]["megabytes"] for command in ("import", "export"))
    return bool(commands <= MAX_COMMAND_MB and report["look_up"]["p99"] <= MAX_LOOK_UP_MS)


def table(report: dict[str, Any]) -> str:
    """Return the figures of *report* as Markdown."""
    rows: list[tuple[object, ...]] = [
        (name, f"{report[name]['seconds']:.0f}", f"{report[name]['megabytes']:.0f}", "")
        for name in ("import", "export")
    ]
    for name, look_up in (("look-up", report["look_up"]), (f"of {FEW:,}", report["look_up_few"])):
        words = " / ".join(f"{look_up[figure]:.1f}" for figure in ("median", "p99", "longest"))
        rows.append((name, "", "", words))
    head = (f"{report['customers']:,} customers", "seconds", "memory, MB", "ms: median / p99 / longest")
    return reports.markdown(head, rows)


if __name__ == "__main__":
    sys.exit(main())
