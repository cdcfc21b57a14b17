"""Authentication of callers: which credentials count, and which refusals are recorded."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.fakes import LOGIN, TENANT, Enterprise
from validator.accounts.sessions import Session
from validator.errors import Reason, Refusal
from validator.tenants import RecordStatus
from validator.tokens.authentication import Authentication, Credentials
from validator.tokens.principals import ClientPrincipal, Person


@pytest.fixture
def authentication(enterprise: Enterprise) -> Authentication:
    """Return the authentication of the enterprise."""
    return enterprise.services.authentication


@pytest.fixture
def session(enterprise: Enterprise) -> tuple[str, Session]:
    """Return a session of the person, with its secret."""
    services = enterprise.services
    return services.sessions.begin(services.accounts.require(LOGIN))


def refusal_of(act: Callable[[], object]) -> Reason:
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value.reason


def recorded(enterprise: Enterprise) -> list[dict[str, Any]]:
    """Return the entries of the trail without their common members."""
    keys = ("event", "outcome", "reason", "tenant", "subject", "by")
    return [{key: entry[key] for key in keys if key in entry} for entry in enterprise.trail()]


def test_client_authenticates_by_its_secret(authentication: Authentication, enterprise: Enterprise) -> None:
    """A client authenticates with its secret; that alone is not recorded."""
    caller = authentication.identify(Credentials(*enterprise.basic))

    assert isinstance(caller, ClientPrincipal)
    assert caller.label == f"client:{enterprise.basic[0]}"
    assert recorded(enterprise) == []


def test_person_authenticates_by_a_session(
    authentication: Authentication, session: tuple[str, Session]
) -> None:
    """A browser with a session authenticates as its person."""
    caller = authentication.identify(Credentials(presented_session=session[0]))

    assert isinstance(caller, Person)
    assert caller.label == f"account:{LOGIN}"
    assert authentication.session(Credentials(presented_session=session[0])) == session[1]


def test_client_takes_precedence_over_the_session(
    authentication: Authentication, enterprise: Enterprise, session: tuple[str, Session]
) -> None:
    """A request that names a client never falls back to the session."""
    client, secret = enterprise.basic

    assert isinstance(authentication.identify(Credentials(client, secret, session[0])), ClientPrincipal)
    wrong = Credentials(client, "wrong", session[0])
    assert refusal_of(lambda: authentication.identify(wrong)) is Reason.CLIENT_SECRET_WRONG
    empty = Credentials("", "", session[0])
    assert refusal_of(lambda: authentication.identify(empty)) is Reason.CLIENT_UNKNOWN


def test_request_without_credentials_is_refused(
    authentication: Authentication, enterprise: Enterprise
) -> None:
    """Without credentials a request is refused, a program's with a challenge, and not recorded."""
    browser = Credentials(is_browser=True)
    assert refusal_of(lambda: authentication.identify(browser)) is Reason.SESSION_MISSING
    assert refusal_of(lambda: authentication.identify(Credentials())) is Reason.CLIENT_UNKNOWN
    assert refusal_of(lambda: authentication.session(Credentials())) is Reason.SESSION_MISSING
    unknown = Credentials(presented_session="x")
    assert refusal_of(lambda: authentication.identify(unknown)) is Reason.SESSION_ENDED
    assert recorded(enterprise) == []


def test_wrong_secret_is_recorded_with_the_client(
    authentication: Authentication, enterprise: Enterprise
) -> None:
    """A wrong secret is recorded with the client's id."""
    client = enterprise.basic[0]
    label = f"client:{client}"

    assert (
        refusal_of(lambda: authentication.client(Credentials(client, "wrong"))) is Reason.CLIENT_SECRET_WRONG
    )

    entry = {"event": "client", "outcome": "refused", "reason": "client_secret_wrong", "by": label}
    assert recorded(enterprise) == [entry]
    assert "wrong" not in str(enterprise.trail()).replace("client_secret_wrong", "")


def test_disabled_client_is_refused_until_enabled(
    authentication: Authentication, enterprise: Enterprise
) -> None:
    """A disabled client is refused even with the correct secret, until it is enabled."""
    clients, credentials = enterprise.services.clients, Credentials(*enterprise.basic)

    clients.set_status(enterprise.basic[0], RecordStatus.DISABLED)
    assert refusal_of(lambda: authentication.client(credentials)) is Reason.CLIENT_DISABLED
    clients.set_status(enterprise.basic[0], RecordStatus.ACTIVE)
    assert authentication.client(credentials).client.id == enterprise.basic[0]


@pytest.mark.parametrize(
    ("client", "secret"),
    [
        ("nobody", "wrong"),
        ("", "x"),
        (None, None),
        ("a" * 257, "x"),
        ("a" * 100_000, "x"),
        ("a\x00", "x"),
        ("\ud800", "x"),
    ],
)
def test_unknown_client_is_recorded_without_its_name(
    authentication: Authentication, enterprise: Enterprise, client: str | None, secret: str | None
) -> None:
    """An unknown name, which may be a misplaced secret, is not recorded."""
    assert refusal_of(lambda: authentication.client(Credentials(client, secret))) is Reason.CLIENT_UNKNOWN

    assert recorded(enterprise) == [{"event": "client", "outcome": "refused", "reason": "client_unknown"}]


@pytest.mark.parametrize("secret", ["x" * 257, "x" * 100_000, "x\x00", "\udfff"])
def test_impossible_secret_is_refused_unhashed(
    authentication: Authentication, enterprise: Enterprise, secret: str
) -> None:
    """A too long or malformed secret is refused without hashing, for any client."""
    credentials = Credentials(enterprise.basic[0], secret)

    assert refusal_of(lambda: authentication.client(credentials)) is Reason.CLIENT_UNKNOWN


def test_longest_credentials_are_compared(authentication: Authentication, enterprise: Enterprise) -> None:
    """A secret of the maximum length is compared, and wrong."""
    credentials = Credentials(enterprise.basic[0], "x" * 256)

    assert refusal_of(lambda: authentication.client(credentials)) is Reason.CLIENT_SECRET_WRONG


def test_logout_ends_the_session_and_is_recorded(
    authentication: Authentication, enterprise: Enterprise, session: tuple[str, Session]
) -> None:
    """A logout ends the session; a second one is not recorded, since there is no session."""
    credentials = Credentials(presented_session=session[0])

    authentication.log_out(credentials)
    authentication.log_out(credentials)
    authentication.log_out(Credentials())

    assert refusal_of(lambda: authentication.session(credentials)) is Reason.SESSION_ENDED
    assert recorded(enterprise) == [
        {"event": "logout", "outcome": "accepted", "tenant": TENANT, "subject": LOGIN}
    ]


def test_repr_of_credentials_has_no_secret() -> None:
    """The repr of credentials has neither the secret nor the session."""
    credentials = Credentials("client-1", "the-secret", "the-session")

    assert "client-1" in repr(credentials)
    assert "the-secret" not in f"{credentials!r} {credentials}"
    assert "the-session" not in f"{credentials!r} {credentials}"
