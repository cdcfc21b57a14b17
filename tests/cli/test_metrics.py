"""`validator metrics`: the metrics, printed once; and what is refused before serving."""

import socket
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from tests.support.command_line import CommandLine, check_misused, check_refused


def test_shown_metrics_are_in_prometheus_form(validator: CommandLine) -> None:
    """What is printed is what Prometheus reads, with the state of this home in it."""
    said = validator("metrics", "show")

    assert (said.code, said.err) == (0, "")
    samples = {sample.name for family in parse(said.out) for sample in family.samples}
    assert {"validator_ready", "validator_keys", "validator_locks", "validator_workers"} <= samples


def test_shown_metrics_as_json_are_the_same(validator: CommandLine) -> None:
    """JSON has the same metrics, each with its type, its help and its samples."""
    shown = validator("metrics", "show", "--json").json()
    plain = {family.name for family in parse(validator("metrics", "show").out)}

    assert {metric["name"] for metric in shown} == plain
    ready = next(metric for metric in shown if metric["name"] == "validator_ready")
    assert (ready["type"], ready["samples"][0]["labels"]) == ("gauge", {"part": "store"})
    assert {sample["value"] for sample in ready["samples"]} == {1}


def test_what_is_broken_is_shown(validator: CommandLine) -> None:
    """Without its database the command ends well, and says what is not ready."""
    (validator.home / "validator.db").unlink()

    said = validator("metrics", "show")

    assert said.code == 0
    assert 'validator_ready{part="store"} 0.0' in said.out
    assert 'validator_ready{part="keys"} 1.0' in said.out


def test_looking_changes_nothing(validator: CommandLine) -> None:
    """No entry is written into the trail for a look."""
    before = validator.trail()

    validator.did("metrics", "show")

    assert validator.trail() == before


@pytest.mark.slow
@pytest.mark.parametrize("words", [("show",), ("serve",)])
def test_without_a_home_is_refused(nowhere: CommandLine, words: tuple[str, ...]) -> None:
    """Where nothing was made there is nothing to show, and no folder is made for it."""
    check_refused(nowhere.program("metrics", *words), "validator init")
    assert not nowhere.home.exists()


@pytest.mark.slow
@pytest.mark.parametrize("bind", ["0.0.0.0:9464", "192.0.2.1:9464", "[::]:9464"])
def test_serving_everybody_is_refused(validator: CommandLine, bind: str) -> None:
    """An address that other hosts reach needs the networks that may ask."""
    said = validator.program("metrics", "serve", "--bind", bind)

    assert (said.code, said.out) == (1, "")
    assert "metrics.networks" in said.err


@pytest.mark.slow
def test_serving_where_the_server_is_is_refused(validator: CommandLine) -> None:
    """The metrics are never where the cloud and people ask."""
    said = validator.program("metrics", "serve", "--bind", "127.0.0.1:8000")

    assert (said.code, said.out) == (1, "")
    assert "is server.bind" in said.err


@pytest.mark.slow
@pytest.mark.parametrize("bind", ["nonsense", "localhost:80", "unix:relative"])
def test_serving_nowhere_is_refused(validator: CommandLine, bind: str) -> None:
    """An invalid address is reported with what is allowed."""
    said = validator.program("metrics", "serve", "--bind", bind)

    assert (said.code, said.out) == (1, "")
    assert "metrics.bind" in said.err


@pytest.mark.slow
def test_socket_that_is_served_is_not_taken(validator: CommandLine, tmp_path: Path) -> None:
    """Neither the metrics that are served already nor a pool of the server is put out of its place."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        before = path.stat().st_ino

        said = validator.program("metrics", "serve", "--bind", f"unix:{path}")

        assert path.stat().st_ino == before
    check_refused(said, "is served already")


def test_unknown_words_are_misused(validator: CommandLine) -> None:
    """A group without a command says how it is used."""
    check_misused(validator("metrics", "nonsense"))
