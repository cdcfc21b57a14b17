"""Who is calling: which proof counts, and what is written down when it is none."""

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
    """Return what proves the callers of the enterprise."""
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


def told(enterprise: Enterprise) -> list[dict[str, Any]]:
    """Return the entries of the trail, without what every entry has."""
    keys = ("event", "outcome", "reason", "tenant", "subject", "by")
    return [{key: entry[key] for key in keys if key in entry} for entry in enterprise.trail()]


def test_client_is_known_by_its_secret(authentication: Authentication, enterprise: Enterprise) -> None:
    """A backend that shows its secret is that client; that alone is not written down."""
    caller = authentication.identify(Credentials(*enterprise.basic))

    assert isinstance(caller, ClientPrincipal)
    assert caller.label == f"client:{enterprise.basic[0]}"
    assert told(enterprise) == []


def test_person_is_known_by_a_session(authentication: Authentication, session: tuple[str, Session]) -> None:
    """A browser that shows its session is that person."""
    caller = authentication.identify(Credentials(presented_session=session[0]))

    assert isinstance(caller, Person)
    assert caller.label == f"account:{LOGIN}"
    assert authentication.session(Credentials(presented_session=session[0])) == session[1]


def test_client_is_asked_before_the_session(
    authentication: Authentication, enterprise: Enterprise, session: tuple[str, Session]
) -> None:
    """Who names a client is that client or nobody: a session does not help out for a wrong secret."""
    client, secret = enterprise.basic

    assert isinstance(authentication.identify(Credentials(client, secret, session[0])), ClientPrincipal)
    wrong = Credentials(client, "wrong", session[0])
    assert refusal_of(lambda: authentication.identify(wrong)) is Reason.CLIENT_SECRET_WRONG
    empty = Credentials("", "", session[0])
    assert refusal_of(lambda: authentication.identify(empty)) is Reason.CLIENT_UNKNOWN


def test_without_any_proof_there_is_nobody(authentication: Authentication, enterprise: Enterprise) -> None:
    """A request without credentials is refused, a program's by a challenge, and neither is an entry."""
    browser = Credentials(is_browser=True)
    assert refusal_of(lambda: authentication.identify(browser)) is Reason.SESSION_MISSING
    assert refusal_of(lambda: authentication.identify(Credentials())) is Reason.CLIENT_UNKNOWN
    assert refusal_of(lambda: authentication.session(Credentials())) is Reason.SESSION_MISSING
    unknown = Credentials(presented_session="x")
    assert refusal_of(lambda: authentication.identify(unknown)) is Reason.SESSION_ENDED
    assert told(enterprise) == []


def test_wrong_secret_is_written_down_with_the_client(
    authentication: Authentication, enterprise: Enterprise
) -> None:
    """Somebody who tries a client's name is told of, by that name."""
    client = enterprise.basic[0]
    label = f"client:{client}"

    assert (
        refusal_of(lambda: authentication.client(Credentials(client, "wrong"))) is Reason.CLIENT_SECRET_WRONG
    )

    entry = {"event": "client", "outcome": "refused", "reason": "client_secret_wrong", "by": label}
    assert told(enterprise) == [entry]
    assert "wrong" not in str(enterprise.trail()).replace("client_secret_wrong", "")


def test_disabled_client_is_refused_until_enabled(
    authentication: Authentication, enterprise: Enterprise
) -> None:
    """With the right secret a disabled client is refused too; enabled, it is itself again."""
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
def test_unknown_client_is_not_written_down_by_name(
    authentication: Authentication, enterprise: Enterprise, client: str | None, secret: str | None
) -> None:
    """What is nobody's name, which may be a secret in the wrong place, does not get into the trail."""
    assert refusal_of(lambda: authentication.client(Credentials(client, secret))) is Reason.CLIENT_UNKNOWN

    assert told(enterprise) == [{"event": "client", "outcome": "refused", "reason": "client_unknown"}]


@pytest.mark.parametrize("secret", ["x" * 257, "x" * 100_000, "x\x00", "\udfff"])
def test_secret_that_cannot_be_one_is_refused_unseen(
    authentication: Authentication, enterprise: Enterprise, secret: str
) -> None:
    """An over-long or impossible secret is not even hashed, whoever is named."""
    credentials = Credentials(enterprise.basic[0], secret)

    assert refusal_of(lambda: authentication.client(credentials)) is Reason.CLIENT_UNKNOWN


def test_longest_credentials_are_looked_at(authentication: Authentication, enterprise: Enterprise) -> None:
    """At the bound itself a secret is compared: it is wrong, not impossible."""
    credentials = Credentials(enterprise.basic[0], "x" * 256)

    assert refusal_of(lambda: authentication.client(credentials)) is Reason.CLIENT_SECRET_WRONG


def test_logout_ends_the_session_and_is_written_down(
    authentication: Authentication, enterprise: Enterprise, session: tuple[str, Session]
) -> None:
    """Logging out ends the session; once more is silent, since nobody is logged in any more."""
    credentials = Credentials(presented_session=session[0])

    authentication.log_out(credentials)
    authentication.log_out(credentials)
    authentication.log_out(Credentials())

    assert refusal_of(lambda: authentication.session(credentials)) is Reason.SESSION_ENDED
    assert told(enterprise) == [
        {"event": "logout", "outcome": "accepted", "tenant": TENANT, "subject": LOGIN}
    ]


def test_credentials_do_not_show_what_is_secret() -> None:
    """A printed request's credentials have neither the secret nor the session in them."""
    credentials = Credentials("client-1", "the-secret", "the-session")

    assert "client-1" in repr(credentials)
    assert "the-secret" not in f"{credentials!r} {credentials}"
    assert "the-session" not in f"{credentials!r} {credentials}"
