"""The guard of a route: its secrets, two at once, and what is required in addition."""

import copy
import pickle
from ipaddress import ip_network

import pytest

from validator.errors import PublicError, Reason, Refusal
from validator.exchange import Exchange
from validator.routeguard import BASIC, PATH, RouteAccess, RouteGuard, RouteSecrets, parse_secrets

CLOUD = Exchange("request-1", "203.0.113.9", "integrations", is_certified=True)
OLD = "9f3b06c1d27e48a5b0c9d1e2f3a47586"
NEW = "q1w2E3r4T5y6U7i8O9p0-A1s2D3f4G5h6J7k8L9_0zX"
OTHERS = "60dbc1a9e8f7465b3c2d1e0f9a8b7c6d60dbc1a9e8f7465b3c2d1e0f9a8b7c6e"
ROUTE, OTHER = "202400000001", "202400000002"
FILE = f"# rotated in November\n{ROUTE} {OLD}\n{ROUTE}\t{NEW}  # the new one\n\n{OTHER} {OTHERS}\n"


def reason(
    access: RouteAccess, secret: str | None, user: str | None = None, by: Exchange = CLOUD
) -> Reason | None:
    """Return why the request with *secret* is refused on `ROUTE`; None when it is not."""
    try:
        RouteGuard(ROUTE, access).check(by, secret, user)
    except Refusal as refusal:
        return refusal.reason
    return None


def test_two_secrets_are_valid_at_once() -> None:
    """While a secret is rotated the old one and the new one are valid; without its line it is not."""
    both, rotated = parse_secrets(FILE), parse_secrets(f"{ROUTE} {NEW}")

    assert [reason(RouteAccess(PATH, both), each) for each in (OLD, NEW)] == [None, None]
    assert [reason(RouteAccess(PATH, rotated), each) for each in (OLD, NEW)] == [
        Reason.ROUTE_SECRET_WRONG,
        None,
    ]


@pytest.mark.parametrize(
    "presented",
    [None, "", OTHERS, OLD[:-1], f"{OLD}0", OLD.upper(), f" {OLD}", "é" * 32, "\udcff", "\0"],
)
def test_other_secrets_are_refused(presented: str | None) -> None:
    """Nothing but a secret of this route is accepted: another route's is not, no part, no other text."""
    access = RouteAccess(PATH, parse_secrets(FILE))

    assert reason(access, presented) is Reason.ROUTE_SECRET_WRONG
    assert reason(access, OLD) is None


def test_route_without_a_secret_is_closed() -> None:
    """Without secrets, or with those of other routes only, everything is refused, an empty secret too."""
    for known in (RouteSecrets(), parse_secrets(""), parse_secrets(f"{OTHER} {OTHERS}")):
        assert {reason(RouteAccess(PATH, known), each) for each in (None, "", OLD, OTHERS)} == {
            Reason.ROUTE_SECRET_WRONG
        }


def test_user_of_basic_is_the_route() -> None:
    """With HTTP Basic the user is the name of the route; a path has no user."""
    basic = RouteAccess(BASIC, parse_secrets(FILE))

    assert reason(basic, NEW, ROUTE) is None
    assert {reason(basic, NEW, user) for user in (None, "", OTHER, f"{ROUTE} ")} == {
        Reason.ROUTE_SECRET_WRONG
    }
    assert PublicError.CLIENT_REQUIRED is Refusal(Reason.ROUTE_SECRET_WRONG).answer


def test_networks_and_certificate_are_required_in_addition() -> None:
    """A right secret from elsewhere, or without the certificate, is refused; neither replaces the secret."""
    networks = (ip_network("203.0.113.0/24"),)
    access = RouteAccess(PATH, parse_secrets(FILE), networks, client_certificate=True)
    elsewhere, without = CLOUD._replace(source="198.51.100.7"), CLOUD._replace(is_certified=False)

    assert reason(access, OLD) is None
    assert reason(access, OLD, by=elsewhere) is Reason.SOURCE_DENIED
    assert reason(access, OLD, by=without) is Reason.CERTIFICATE_MISSING
    assert reason(access, None) is Reason.ROUTE_SECRET_WRONG
    assert reason(RouteAccess(PATH, parse_secrets(FILE)), OLD, by=elsewhere) is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"{ROUTE} {OLD}\n{ROUTE}", "line 2: is not ROUTE SECRET"),
        (f"{ROUTE} {OLD} {NEW}", "line 1: is not ROUTE SECRET"),
        (f"{ROUTE} {OLD[:-1]}", "line 1: a secret is 32 to 128"),
        (f"{ROUTE} {'ab12' * 8}", "line 1: a secret is 32 to 128"),
        (f"{ROUTE} {OLD[:-1]}/", "line 1: a secret is 32 to 128"),
        (f"{ROUTE} {OLD}\n\n{OTHER} {OLD}", "line 3: this secret is there twice"),
        (f"{ROUTE} {OLD}\n{ROUTE} {NEW}\n{ROUTE} {OTHERS}", "line 3: the route has 2 secrets already"),
    ],
)
def test_bad_files_are_refused_without_a_quote(text: str, complaint: str) -> None:
    """A mistake in the file is named by its line, and nothing of the file is quoted."""
    with pytest.raises(ValueError, match=complaint) as refused:
        parse_secrets(text)

    assert not any(word in str(refused.value) for word in text.split() if len(word) > len("SECRET"))


def test_missing_and_unknown_routes_are_named() -> None:
    """The routes without a secret, and secrets without a route, can be listed."""
    known = parse_secrets(FILE)

    assert known.without([ROUTE, "10001"]) == ["10001"]
    assert known.unknown([ROUTE]) == [OTHER]


def test_secrets_are_in_no_print() -> None:
    """No text or copy of the objects has a secret in it; the control: the file has each."""
    known = parse_secrets(FILE)
    access = RouteAccess(PATH, known)
    with pytest.raises(Refusal) as refused:
        RouteGuard(ROUTE, access).check(CLOUD, f"{OLD}0")

    texts = [repr(known), str(known), repr(access), str(vars(known)), repr(refused.value), str(refused.value)]
    texts.append(repr(copy.copy(known).__reduce_ex__(pickle.HIGHEST_PROTOCOL)))

    for secret in (OLD, NEW, OTHERS):
        assert secret in FILE
        assert [text for text in texts if secret in text] == []
