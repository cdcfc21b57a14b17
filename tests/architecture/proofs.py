"""Runs the tests named in docs/{security,coverage}.md, by rows: `python -m tests.architecture.proofs [WORD]`.

Every test file named in a row of a table runs once, and each row has a line: `passed`, `FAILED`, or `NOT RUN`
when no test of a file ran. With WORD only rows that contain it run. Exits with 1 unless all passed.
"""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from tests.architecture.source import CHECKOUT

PAGES = tuple(CHECKOUT / "docs" / name for name in ("security.md", "coverage.md"))
_FILE = re.compile(r"tests/[\w/]+\.py")


class Row(NamedTuple):
    """A row of a table: its first cell, and the test files that it names."""

    claim: str
    files: tuple[str, ...]


class Outcomes:
    """A pytest plugin that records the results of each file's tests, and whether the file was collected."""

    def __init__(self) -> None:
        self.of: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def _count(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.when == "call" or not report.passed:
            self.of[report.nodeid.partition("::")[0]][report.outcome] += 1

    pytest_runtest_logreport = pytest_collectreport = _count


def text_of_pages() -> str:
    """Return the text of both pages."""
    return "".join(page.read_text("utf-8") for page in PAGES)


def rows(text: str) -> list[Row]:
    """Return the rows of the tables in *text* that name a test file."""
    lines = (line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| "))
    return [Row(cells[0], files) for cells in lines if (files := tuple(_FILE.findall(" ".join(cells))))]


def result(row: Row, outcomes: Mapping[str, Counter[str]]) -> str:
    """Return the result of *row*, from the *outcomes* of its files."""
    counted = [outcomes.get(file, Counter()) for file in row.files]
    if any(each["failed"] for each in counted):
        return "FAILED"
    return "passed" if all(each["passed"] for each in counted) else "NOT RUN"


def main(word: str = "") -> int:
    """Run the rows that contain *word*, print their results, and return the exit code."""
    wanted, seen = [row for row in rows(text_of_pages()) if word in str(row)], Outcomes()
    files = sorted({file for row in wanted for file in row.files})
    options = ["-q", "-n", "2", "--dist", "loadfile", f"--rootdir={CHECKOUT}"]
    code = pytest.main([*options, *files], plugins=[seen]) if wanted else pytest.ExitCode.NO_TESTS_COLLECTED
    results = [result(row, seen.of) for row in wanted]
    for row, told in zip(wanted, results, strict=True):
        sys.stdout.write(f"{told:<7}  {row.claim} ({', '.join(row.files)})\n")
    sys.stdout.write(f"{results.count('passed')} of {len(wanted)} rows passed\n")
    return int(code != pytest.ExitCode.OK or set(results) != {"passed"})


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
