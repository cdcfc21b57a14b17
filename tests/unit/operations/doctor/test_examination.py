"""What the doctor is asked to look at must be something that a cloud can call."""

from pathlib import Path

import pytest

from tests.support.certificates import server
from tests.support.fakes import FakeClock
from validator.clock import stopwatch
from validator.errors import OperatorError
from validator.operations.doctor.case import Case, addresses_of
from validator.operations.doctor.examination import Doctor
from validator.operations.doctor.tls_client import Endpoint


def doctor(origin: str = "https://portal.example.com", *, certificate: Path | None = None) -> Doctor:
    case = Case(origin, "/agent", "/chat", 1000, client_certificate=certificate)
    return Doctor(case, FakeClock(), stopwatch)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "portal.example.com",
        "http://portal.example.com",
        "https://portal.example.com/rest",
        "https://portal.example.com:443",
        "https://user@portal.example.com",
        "https://portal.example.com:x",
        "https://portal..example.com",
        f"https://{'a' * 64}.example.com",
    ],
)
def test_only_an_origin_over_tls_is_looked_at(origin: str) -> None:
    """What is registered is HTTPS; a path belongs to the options."""
    with pytest.raises(OperatorError, match="an origin such as"):
        doctor(origin)


@pytest.mark.parametrize("path", ["", "rest", "/a b", "/\r\nHost: x", "/rest/认证", "/rest\x00"])
def test_path_is_one_of_a_url(path: str) -> None:
    """A path cannot bring a header with it."""
    with pytest.raises(OperatorError, match="path of a callback"):
        Doctor(Case("https://portal.example.com", "/agent", path, 1000), FakeClock(), stopwatch)


def test_client_certificate_that_cannot_be_used_is_told_at_once(tmp_path: Path) -> None:
    """A missing file, or one without its key, is the caller's mistake and no finding."""
    path = tmp_path / "client.pem"
    path.write_bytes(server().pem)

    for each in (path, tmp_path / "missing.pem"):
        with pytest.raises(OperatorError, match="client certificate"):
            doctor(certificate=each)


def test_client_certificate_with_its_key_is_taken(tmp_path: Path) -> None:
    """One file may hold both."""
    path, client = tmp_path / "client.pem", server()
    path.write_bytes(client.pem + client.key_pem)

    assert doctor(certificate=path)


@pytest.mark.parametrize(
    ("origin", "host", "port", "authority"),
    [
        ("https://portal.example.com", "portal.example.com", 443, "portal.example.com"),
        ("https://portal.example.com:8443", "portal.example.com", 8443, "portal.example.com:8443"),
        ("https://[2001:db8::1]", "2001:db8::1", 443, "[2001:db8::1]"),
    ],
)
def test_server_is_called_by_its_name(origin: str, host: str, port: int, authority: str) -> None:
    """The header Host is as a client of that origin would write it."""
    target = Case(origin, "/agent", "/chat", 1000).target(("192.0.2.1", 1))

    assert (target.host, target.port, target.authority) == (host, port, authority)


def test_plain_port_is_of_the_same_address() -> None:
    """Plain HTTP is looked for where TLS was."""
    target = Endpoint("portal.example.com", 443, ("192.0.2.1", 8443)).at(80)

    assert (target.address, target.port) == (("192.0.2.1", 80), 80)


def test_numeric_host_needs_no_dns() -> None:
    """An address is its own answer, once."""
    assert addresses_of("127.0.0.1", 443) == [("127.0.0.1", 443)]


@pytest.mark.parametrize("is_framed", [True, False])
def test_private_address_matters_to_a_framed_page(is_framed: bool) -> None:
    """Browsers ask before a public page may use a private address; it is said only when the pop is on."""
    case = Case("https://portal.example.com", "/a", "/c", 1024, is_framed=is_framed)
    examined = Doctor(case, FakeClock(), lambda: 0.0, lambda _host, port: [("10.1.2.3", port)]).examine()

    found = next(examined)

    assert found.code == "dns"
    assert "not on the Internet" in found.words
    assert ("frame the screen pop" in found.words) is is_framed
