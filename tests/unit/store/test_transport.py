"""PostgreSQL on another host is reached over verified TLS, or not at all unless the operator says so."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest
from sqlalchemy.engine import make_url

from validator.store.transport import connect_arguments, problems

SECRET = "correct-horse-battery"
HERE = [
    "u@/n",
    "u@/n?host=/run/postgresql",
    "u@localhost/n",
    "u@LOCALHOST/n?sslmode=disable",
    "u@127.0.0.1/n",
    "u@127.0.0.2:5433/n",
    "u@[::1]/n",
    "u@db.example.com/n?hostaddr=127.0.0.1",
    "u@/n?host=localhost:1&host=127.0.0.1:2",
    "u@/n?host=/run/a&host=/run/b",
]
ELSEWHERE = [
    "u@db.example.com/n",
    "u@192.0.2.7/n",
    "u@[2001:db8::7]/n",
    "u@/n?host=db.example.com",
    "u@localhost/n?hostaddr=192.0.2.7",
    "u@/n?host=localhost:1&host=db.example.com:2",
    "u@/n?host=localhost,db.example.com",
    "u@localhost,192.0.2.7/n",
    "u@/n?hostaddr=127.0.0.1,192.0.2.7&host=a,b",
    "u@localhost.example.com/n",
]
WEAK = ["disable", "allow", "prefer", "require", "verify-ca"]


def arguments(url: str, *, is_insecure: bool = False) -> dict[str, object]:
    made = make_url(f"postgresql+psycopg://{url}").set(password=SECRET)
    return connect_arguments(made, is_insecure=is_insecure)


def with_mode(url: str, mode: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}sslmode={mode}"


def found(url: str, *, is_insecure: bool = False, environment: dict[str, str] | None = None) -> list[str]:
    made = make_url(f"postgresql+psycopg://{url}")
    return list(problems(made, is_insecure=is_insecure, environment=environment or {}))


@pytest.mark.parametrize("url", HERE)
def test_this_host_is_reached_as_it_comes(url: str) -> None:
    """A socket and loopback need no TLS, and get no more than the URL asks for."""
    assert found(url) == []
    assert arguments(url).get("sslmode") in (None, "disable")


@pytest.mark.parametrize("url", ELSEWHERE)
def test_other_hosts_get_verified_tls_by_default(url: str) -> None:
    """However a host is named, TLS that verifies the name is asked for, and the password is only proven."""
    given = arguments(url)

    assert found(url) == []
    assert (given["sslmode"], given["require_auth"]) == ("verify-full", "scram-sha-256")


@pytest.mark.parametrize("mode", WEAK)
@pytest.mark.parametrize("url", ELSEWHERE)
def test_less_is_refused_in_words(url: str, mode: str) -> None:
    """A mode that a machine in the middle can get around is refused, and the words say what to write."""
    (problem,) = found(with_mode(url, mode))

    assert "sslmode=verify-full" in problem
    assert "database.insecure = true" in problem


@pytest.mark.parametrize("url", ELSEWHERE)
def test_url_may_say_how_it_is_verified(url: str) -> None:
    """The URL names the authority, and the kinds of proof that the server may ask for."""
    more = f"{with_mode(url, 'verify-full')}&sslrootcert=/etc/ca.pem&require_auth=md5&channel_binding=require"
    given = arguments(more)

    assert found(more) == []
    assert given["sslrootcert"] == "/etc/ca.pem"
    assert (given["require_auth"], given["channel_binding"]) == ("md5", "require")


@pytest.mark.parametrize("mode", WEAK)
def test_operator_may_allow_less(mode: str) -> None:
    """With `database.insecure` the URL decides; the password is still only ever proven."""
    url = with_mode("u@db.example.com/n", mode)

    assert found(url, is_insecure=True) == []
    assert arguments(url, is_insecure=True)["sslmode"] == mode
    assert "sslmode" not in arguments("u@db.example.com/n", is_insecure=True)
    assert arguments(url, is_insecure=True)["require_auth"] == "scram-sha-256"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("u@localhost/n", "PGHOSTADDR"),
        ("u@localhost/n", "PGSERVICE"),
        ("u@/n", "PGHOST"),
    ],
)
def test_environment_cannot_name_another_server(url: str, name: str) -> None:
    """Libpq's own variables, which would lead elsewhere than the URL says, are refused by name."""
    (problem,) = found(url, environment={name: "192.0.2.7"})

    assert name in problem


def test_environment_that_changes_nothing_is_left_alone() -> None:
    """A variable that the URL overrides is no reason to refuse."""
    assert found("u@localhost/n", environment={"PGHOST": "192.0.2.7", "PGUSER": "somebody"}) == []


@pytest.mark.parametrize("wanted", ["any", "standby", "prefer-standby", "read-only"])
def test_standby_is_not_asked_for(wanted: str) -> None:
    """A URL that asks for a standby is refused; by default the server must be writable."""
    assert "standby" in found(f"u@localhost/n?target_session_attrs={wanted}")[0]
    assert arguments("u@localhost/n")["target_session_attrs"] == "read-write"


def test_text_is_always_utf8() -> None:
    """Whatever the server or the URL says, text goes both ways as UTF-8."""
    assert arguments("u@localhost/n?client_encoding=latin1")["client_encoding"] == "utf8"


# A machine in the middle


class Impostor:
    """A server that says "no TLS here" and asks for the password in the clear."""

    def __init__(self) -> None:
        self.got = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def run(self) -> None:
        """Serve one client until it goes."""
        with suppress(OSError, struct.error):
            client, _ = self._listener.accept()
            client.settimeout(10)
            with client:
                while self._code(client) in (80877103, 80877104):  # TLS or GSS is asked for
                    client.sendall(b"N")
                client.sendall(b"R" + struct.pack("!II", 8, 3))
                self.got = client.recv(1024)

    def end(self) -> None:
        """Stop waiting for a client."""
        self._listener.close()

    def _code(self, client: socket.socket) -> int:
        length = struct.unpack("!I", client.recv(4))[0]
        return int(struct.unpack("!I", client.recv(length - 4)[:4])[0])


@pytest.fixture
def impostor() -> Iterator[Impostor]:
    """Run an impostor for one client."""
    made = Impostor()
    thread = threading.Thread(target=made.run)
    thread.start()
    yield made
    with suppress(OSError), socket.create_connection(("127.0.0.1", made.port), timeout=1):
        pass  # wake it up, where nobody came
    made.end()
    thread.join(10)


@pytest.mark.parametrize("is_insecure", [False, True])
def test_impostor_does_not_get_the_password(impostor: Impostor, is_insecure: bool) -> None:
    """A machine in the middle gets nothing, neither with the default nor where the operator allowed less."""
    given = arguments(f"u@db.example.com:{impostor.port}/n", is_insecure=is_insecure)

    with pytest.raises(psycopg.OperationalError) as raised:
        psycopg.connect(**given | {"hostaddr": "127.0.0.1"})  # type: ignore[arg-type]

    assert SECRET.encode() not in impostor.got
    assert SECRET not in str(raised.value)


def test_impostor_gets_it_from_the_driver_left_to_itself(impostor: Impostor) -> None:
    """Without our arguments the driver hands the password over: what is refused above is real."""
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host="127.0.0.1", port=impostor.port, user="u", password=SECRET, dbname="n")

    assert SECRET.encode() in impostor.got
