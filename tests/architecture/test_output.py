"""Where commands print: in one module, which escapes what a stranger may have chosen."""

import re

from tests.architecture.source import CHECKOUT, modules


def test_commands_print_in_one_place() -> None:
    """No command echoes by itself: what is printed goes through `cli.output`, which escapes it."""
    printing = re.compile(
        r"\bclick\.(secho|echo|echo_via_pager)\b|\bprint\(|\bsys\.(stdout|stderr)\.write|\bos\.write"
    )
    found = [
        str(path)
        for path in modules("validator")
        if path.is_relative_to("validator/cli") and printing.search((CHECKOUT / path).read_text("utf-8"))
    ]

    assert found == ["validator/cli/output.py"]


def test_lines_are_drawn_raw_only_where_they_are_escaped() -> None:
    """Only the screen that is drawn in place, whose lines are escaped, and JSON bypass the escaping."""
    raw = re.compile(r"\bdraw\(")
    found = {str(path) for path in modules() if raw.search((CHECKOUT / path).read_text("utf-8"))}

    assert found == {
        "validator/cli/output.py",
        "validator/cli/status.py",
        "validator/operations/monitoring/watching.py",
    }
