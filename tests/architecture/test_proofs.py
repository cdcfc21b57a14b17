"""`python -m tests.architecture.proofs` runs every proof of the security page, and says how each row went."""

import re
import subprocess
import sys
from collections import Counter

import pytest

from tests.architecture.proofs import PAGE, Row, result, rows
from tests.architecture.source import CHECKOUT


def test_every_row_with_a_proof_is_found() -> None:
    """No row of the page that names a test is left out, and no test file that it names."""
    text = PAGE.read_text("utf-8")
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
    """One failed test fails the row; a file of which nothing ran does not count as passed."""
    assert result(Row("claim", ("a.py", "b.py")), {"a.py": first, "b.py": second}) == word


@pytest.mark.slow
def test_rows_are_run_and_reported() -> None:
    """One row, chosen by a word: its file is really run, and it has a line of its own."""
    command = [sys.executable, "-m", "tests.architecture.proofs", "no such row"]
    nothing = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60)
    command[-1] = "shortest password"
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60)

    assert (nothing.returncode, nothing.stdout) == (1, "0 of 0 rows passed\n")
    assert done.returncode == 0, done
    assert "passed   shortest password (tests/unit/passwords/test_policy.py)\n" in done.stdout
    assert done.stdout.endswith("1 of 1 rows passed\n")
