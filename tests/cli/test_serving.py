"""`serve` before it serves: whatever is missing is told once, in words, and no server is left behind."""

import pytest

from tests.cli.commandline import CommandLine, check_refused

NOWHERE = "192.0.2.1:9"  # an address no machine has: a server that started all the same would soon end


@pytest.mark.parametrize("missing", ["keys/keyring.json", "keys/sealing.key", "validator.db"])
def test_serving_without_a_part_is_refused(validator: CommandLine, missing: str) -> None:
    """Without its keyring, its sealing key or its database the server does not start."""
    (validator.home / missing).unlink()

    check_refused(validator.program("serve", "--bind", NOWHERE))


def test_serving_without_a_trail_is_refused(validator: CommandLine) -> None:
    """A server that could not write its verdicts down does not start."""
    trail = validator.home / "audit" / "audit.jsonl"
    trail.unlink()
    trail.mkdir()

    check_refused(validator.program("serve", "--bind", NOWHERE))


@pytest.mark.parametrize("bind", ["nonsense", "localhost:80", "127.0.0.1:99999", "unix:relative"])
def test_serving_nowhere_is_refused(validator: CommandLine, bind: str) -> None:
    """An address that is none is told with what is allowed."""
    said = validator.program("serve", "--bind", bind)

    assert (said.code, said.out) == (1, "")
    assert "server.bind" in said.err
    assert "Traceback" not in said.err
