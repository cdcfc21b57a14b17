"""A finding of every address appears once, any other with its addresses."""

from validator.operations.doctor.addresses import at_each, text_of
from validator.operations.doctor.results import Checked, Sound, problem
from validator.operations.doctor.tls_client import Address

ONE, TWO, THREE = ("192.0.2.1", 443), ("2001:db8::1", 443), ("192.0.2.3", 443)
TLS, GOOD, BAD = Sound("tls", "is spoken"), Sound("trust", "accepts it"), problem("trust", "refuses it")


def test_one_address_needs_no_name() -> None:
    """The findings are returned unchanged."""
    assert at_each({ONE: [TLS, BAD]}) == [TLS, BAD]


def test_nothing_is_told_of_no_address() -> None:
    """Where nothing was reached there is nothing to tell."""
    assert at_each({}) == []


def test_equal_results_are_told_once() -> None:
    """Two addresses of one server, or of equal nodes, are as one."""
    assert at_each({ONE: [TLS, GOOD], TWO: [TLS, GOOD]}) == [TLS, GOOD]


def test_different_results_are_told_by_address() -> None:
    """The addresses stand before the words, and what is about one subject stands together."""
    found: dict[Address, list[Checked]] = {
        ONE: [TLS, GOOD],
        TWO: [TLS, BAD, Sound("days", "good")],
        THREE: [TLS, GOOD],
    }

    assert at_each(found) == [
        TLS,
        Sound("trust", "at 192.0.2.1:443, 192.0.2.3:443: accepts it"),
        problem("trust", "at [2001:db8::1]:443: refuses it"),
        Sound("days", "at [2001:db8::1]:443: good"),
    ]


def test_address_is_written_as_in_a_url() -> None:
    """An address of IPv6 has brackets."""
    assert [text_of(ONE), text_of(TWO)] == ["192.0.2.1:443", "[2001:db8::1]:443"]
