"""`python -m tests.architecture.proofs` runs the tests of every row of two pages and reports them."""

import re
import subprocess
import sys
from collections import Counter

import pytest

from tests.architecture.proofs import Row, result, rows, text_of_pages
from tests.architecture.source import CHECKOUT


def test_every_row_with_a_test_is_found() -> None:
    """Every row that names a test is found, and every test file in it."""
    text = text_of_pages()
    found = rows(text)

    assert len(found) == sum("tests/" in line for line in text.splitlines() if line.startswith("|"))
    assert {file for row in found for file in row.files} == set(re.findall(r"tests/[\w/]+\.py", text))
    assert len(found) > 60
    assert all(row.claim for row in found)


@pytest.mark.parametrize(
    ("first", "second", "word"),
    [
        (Counter(passed=2), Counter(passed=1, skipped=1), "passed"),
        (Counter(passed=2), Counter(passed=9, failed=1), "FAILED"),
        (Counter(passed=2), Counter(skipped=3), "NOT RUN"),
        (Counter(passed=2), Counter(), "NOT RUN"),
        (Counter(skipped=1), Counter(failed=1), "FAILED"),
    ],
)
def test_row_passes_only_with_each_of_its_files(first: Counter[str], second: Counter[str], word: str) -> None:
    """A failed test fails the row; a file without a run test does not count as passed."""
    assert result(Row("claim", ("a.py", "b.py")), {"a.py": first, "b.py": second}) == word


@pytest.mark.slow
def test_rows_are_run_and_reported() -> None:
    """A row chosen by a word runs its file and has one line in the report."""
    command = [sys.executable, "-m", "tests.architecture.proofs", "no such row"]
    nothing = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60)
    command[-1] = "shortest password"
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60)

    assert (nothing.returncode, nothing.stdout) == (1, "0 of 0 rows passed\n")
    assert done.returncode == 0, done
    assert "passed   shortest password (tests/unit/passwords/test_policy.py)\n" in done.stdout
    assert done.stdout.endswith("1 of 1 rows passed\n")
