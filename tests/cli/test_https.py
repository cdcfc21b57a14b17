"""`validator serve --https`: what is refused before anything is started; tests/system runs it."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, check_refused
from validator.cli import https
from validator.cli.operators import user_name
from validator.settings.fields import to_text
from validator.settings.loading import Settings, load
from validator.settings.sources import environment_variable


@contextmanager
def listening(path: Path, *, size: int = 5) -> Iterator[None]:
    """Listen on a socket at *path*; *size* connections may wait."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(size)
        yield


def in_force(home: Path, written: Mapping[str, object]) -> Settings:
    """Return the settings of `serve --https` where the operator has *written* others."""
    given = {**written, **https.overrides(home, 8443)}
    return load(home, environment={environment_variable(key): to_text(value) for key, value in given.items()})


@pytest.mark.parametrize("word", [["--bind", "127.0.0.1:8000"], ["--role", "people"]])
def test_it_serves_everything_on_a_socket_of_its_own(validator: CommandLine, word: list[str]) -> None:
    """Where it listens, and what it serves, is not for choice."""
    said = validator("serve", "--https", *word)

    assert said.code == 2
    assert "omit --bind and --role" in said.err


def test_home_that_no_socket_fits_into_is_refused(tmp_path: Path) -> None:
    """A path too long for a socket is reported in words, before gunicorn fails on it."""
    deep = CommandLine(tmp_path / ("d" * 100))
    deep.did("init")

    said = deep("serve", "--https")

    assert said.code == 1
    assert "choose a shorter --home" in said.err


def test_home_with_a_blank_is_refused_in_words(tmp_path: Path) -> None:
    """The home is named, which the operator chose, and no setting that they never wrote."""
    blank = CommandLine(tmp_path / "my home")
    blank.did("init")

    said = blank("serve", "--https")

    assert said.code == 1
    assert "choose another --home" in said.err
    assert str(blank.home) in said.err
    assert "VALIDATOR_" not in said.err


def test_it_serves_everything_to_this_machine(tmp_path: Path) -> None:
    """A role and networks of the settings are for another place: here the callbacks are tried as well."""
    apart = {"server.role": "people", "callbacks.networks": ["192.0.2.0/24"]}

    settings = in_force(tmp_path, apart)

    assert (settings.server.role, settings.callbacks.networks) == ("all", ())


@pytest.mark.parametrize(("number", "user"), [(1000, "_setting"), (0, user_name())])
def test_workers_user_is_chosen_by_root_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, user: str
) -> None:
    """Only root sets the worker user, which nginx ignores otherwise and might refuse the form of."""
    monkeypatch.setattr(os, "geteuid", lambda: number)

    assert in_force(tmp_path, {"proxy.worker_user": "_setting"}).proxy.worker_user == user


@pytest.mark.slow
@pytest.mark.parametrize("authentication", [5, 0])
def test_socket_that_is_served_is_not_taken(
    validator: CommandLine, tmp_path: Path, authentication: int
) -> None:
    """A second server on the same socket is refused in words; the first keeps it, even a busy one."""
    path = tmp_path / "socket"
    with listening(path, size=authentication), socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(path))  # fills the queue of one that takes none to wait

        said = validator.program("serve", "--bind", f"unix:{path}")

        assert path.is_socket()
    check_refused(said, "is served already")


@pytest.mark.slow
def test_second_serve_https_is_refused(validator: CommandLine) -> None:
    """The same behind nginx: the running one is not cut off from its proxy."""
    (validator.home / "door").mkdir(mode=0o700)
    with listening(validator.home / "door" / "app.sock"):
        said = validator.program("serve", "--https=1")

    check_refused(said, "is served already")


@pytest.mark.slow
def test_socket_that_a_killed_server_left_is_taken(validator: CommandLine, tmp_path: Path) -> None:
    """A file that nobody listens on is in nobody's way; a server that starts says so by another refusal."""
    path = tmp_path / "socket"
    with listening(path):
        pass
    (validator.home / "keys" / "keyring.json").unlink()

    said = validator.program("serve", "--bind", f"unix:{path}")

    check_refused(said)
    assert "served" not in said.err


def test_samples_are_tried_on_the_port_of_this_time(nowhere: CommandLine) -> None:
    """The channel allows the pages wherever they were served, so that the printed commands work each time."""
    for words, bind in (
        ((), "127.0.0.1:8000"),
        (("--https=9443",), "127.0.0.1:8001"),
        (("--https=9443",), "127.0.0.1:8001"),
    ):
        said = nowhere("init", "--demo", *words, variables={"VALIDATOR_SERVER_BIND": bind})
        assert said.code == 0

    (channel,) = nowhere("channels", "list", "--json").json()

    ports = {origin.rpartition(":")[2] for origin in channel["origins"]}
    assert ports >= {"8000", "8001", "8443", "9443"}
    assert len(set(channel["origins"])) == len(channel["origins"])
    assert nowhere.last()["detail"].endswith("allows https://localhost:9443")


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_port_must_be_one(validator: CommandLine, port: str) -> None:
    """No port, no server."""
    assert validator("serve", f"--https={port}").code == 2
