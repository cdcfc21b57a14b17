"""`serve` before it serves: whatever is missing is reported once, in words, and no server is left behind."""

import socket
from contextlib import closing

import pytest

from tests.support.command_line import CommandLine, check_refused
from validator.cli.process import plain_text_notice

NOWHERE = "192.0.2.1:9"  # an address no machine has: a server that started all the same would soon end


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["keys/keyring.json", "keys/sealing.key", "validator.db"])
def test_serving_without_a_part_is_refused(validator: CommandLine, missing: str) -> None:
    """Without its keyring, its sealing key or its database the server does not start."""
    (validator.home / missing).unlink()

    check_refused(validator.program("serve", "--bind", NOWHERE))


@pytest.mark.slow
def test_role_without_routes_is_refused(validator: CommandLine) -> None:
    """A pool for integrations does not start before one is switched on, instead of serving nothing."""
    words = 'no route of the role "integrations" is switched on'

    check_refused(validator.program("serve", "--role", "integrations", "--bind", NOWHERE), words)


@pytest.mark.slow
def test_serving_without_a_trail_is_refused(validator: CommandLine) -> None:
    """A server that could not write its verdicts down does not start."""
    trail = validator.home / "audit" / "audit.jsonl"
    trail.unlink()
    trail.mkdir()

    check_refused(validator.program("serve", "--bind", NOWHERE))


@pytest.mark.slow
@pytest.mark.parametrize("words", [("serve",), ("metrics", "serve")])
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_busy_port_is_told_in_one_sentence(validator: CommandLine, words: tuple[str, ...], host: str) -> None:
    """A port on which something listens is named before gunicorn is begun."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.create_server((host.strip("[]"), 0), family=family)) as other:
        bind = f"{host}:{other.getsockname()[1]}"

        check_refused(validator.program(*words, "--bind", bind), f"{bind} is in use: stop the program")


@pytest.mark.slow
def test_address_of_another_host_is_told_in_one_sentence(validator: CommandLine) -> None:
    """An address that this host does not have is named as such."""
    check_refused(validator.program("serve", "--bind", NOWHERE), "is not an address of this host")


@pytest.mark.parametrize(
    ("bind", "is_told"),
    [
        ("0.0.0.0:8000", True),
        ("[::]:8000", True),
        ("192.0.2.1:8000", True),
        ("127.0.0.1:8000", False),
        ("127.8.0.1:8000", False),
        ("[::1]:8000", False),
        ("unix:/run/validator.sock", False),
    ],
)
def test_plain_http_for_other_hosts_is_told(bind: str, is_told: bool) -> None:
    """Passwords in the clear are said so where others can listen, and nowhere else."""
    assert (plain_text_notice(bind) is not None) is is_told


@pytest.mark.slow
@pytest.mark.parametrize("bind", ["nonsense", "localhost:80", "127.0.0.1:99999", "unix:relative"])
def test_serving_nowhere_is_refused(validator: CommandLine, bind: str) -> None:
    """An invalid address is reported with what is allowed."""
    said = validator.program("serve", "--bind", bind)

    assert (said.code, said.out) == (1, "")
    assert "server.bind" in said.err
    assert "Traceback" not in said.err
