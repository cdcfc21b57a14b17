"""Commands print in one module, which escapes text that a stranger may have chosen."""

import re

from tests.architecture.source import CHECKOUT, modules


def test_commands_print_in_one_place() -> None:
    """No command calls `echo`: all output goes through `cli.output`, which escapes it."""
    printing = re.compile(
        r"\bclick\.(secho|echo|echo_via_pager)\b|\bprint\(|\bsys\.(stdout|stderr)\.write|\bos\.write"
    )
    found = [
        str(path)
        for path in modules("validator")
        if path.is_relative_to("validator/cli") and printing.search((CHECKOUT / path).read_text("utf-8"))
    ]

    assert found == ["validator/cli/output.py"]


def test_escaping_is_bypassed_only_where_text_is_escaped() -> None:
    """Only the live screen, whose lines are escaped, and JSON bypass the escaping."""
    raw = re.compile(r"\bdraw\(")
    found = {str(path) for path in modules() if raw.search((CHECKOUT / path).read_text("utf-8"))}

    assert found == {
        "validator/cli/output.py",
        "validator/cli/status.py",
        "validator/operations/monitoring/watching.py",
    }
