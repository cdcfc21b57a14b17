"""`validator serve --https`: what is refused before anything is started; tests/system runs it."""

from pathlib import Path

import pytest

from tests.cli.commandline import CommandLine


@pytest.mark.parametrize("word", [["--bind", "127.0.0.1:8000"], ["--role", "people"]])
def test_it_serves_everything_on_a_socket_of_its_own(validator: CommandLine, word: list[str]) -> None:
    """Where it listens, and what it serves, is not for choice."""
    said = validator("serve", "--https", *word)

    assert said.code == 2
    assert "without --bind and --role" in said.err


def test_home_that_no_socket_fits_into_is_refused(tmp_path: Path) -> None:
    """A path longer than a socket's may be is told in words, before gunicorn stumbles over it."""
    deep = CommandLine(tmp_path / ("d" * 100))
    deep.did("init")

    said = deep("serve", "--https")

    assert said.code == 1
    assert "choose a shorter --home" in said.err


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_port_must_be_one(validator: CommandLine, port: str) -> None:
    """No port, no server."""
    assert validator("serve", f"--https={port}").code == 2
