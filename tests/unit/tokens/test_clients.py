"""Backend clients: authentication, permissions, and storage of the secret."""

import hashlib

import pytest

from tests.support.fakes import OTHER_TENANT, START, TENANT, Enterprise, FakeClock
from validator.errors import OperatorError, Reason, Refusal
from validator.store.database import Database
from validator.tenants import RecordStatus, Tenants
from validator.tokens.claims import Audience
from validator.tokens.clients import Clients

BOTH = [Audience.AGENT, Audience.CHAT]


@pytest.fixture
def clients(database: Database, clock: FakeClock) -> Clients:
    """Return the clients of a database with two tenants."""
    tenants = Tenants(database, clock)
    tenants.add(TENANT, "First")
    tenants.add(OTHER_TENANT, "Second")
    return Clients(database, tenants, clock)


def refusal_of(clients: Clients, client_id: str, secret: str) -> Reason:
    with pytest.raises(Refusal) as refused:
        clients.authenticate(client_id, secret)
    return refused.value.reason


def test_client_authenticates_with_its_secret(clients: Clients) -> None:
    """The secret issued for a client authenticates it, and its permissions read back."""
    added, secret = clients.add("shop", [OTHER_TENANT, TENANT], [Audience.CHAT])

    client = clients.authenticate(added.id, secret)

    assert client == added
    assert (client.name, client.status, client.created_at) == ("shop", RecordStatus.ACTIVE, START)
    assert client.tenants == {TENANT, OTHER_TENANT}
    assert client.audiences == {Audience.CHAT}


def test_wrong_secret_and_unknown_client_are_refused(clients: Clients) -> None:
    """Only the client's exact secret authenticates it; an unknown id has none, not even an empty one."""
    client, secret = clients.add("shop", [TENANT], BOTH)
    _, of_another = clients.add("other", [TENANT], BOTH)
    digest = hashlib.sha256(secret.encode()).hexdigest()

    for wrong in ("", of_another, secret[:-1], secret + "=", secret.swapcase(), f" {secret}", digest, "é"):
        assert refusal_of(clients, client.id, wrong) is Reason.CLIENT_SECRET_WRONG
    for unknown in ("", "client-", client.id.upper(), client.id[:-1], f"{client.id} ", "client-%", "é"):
        assert refusal_of(clients, unknown, secret) is Reason.CLIENT_UNKNOWN
        assert refusal_of(clients, unknown, "") is Reason.CLIENT_UNKNOWN
    assert clients.authenticate(client.id, secret) == client


def test_lone_surrogate_in_a_secret_is_only_wrong(clients: Clients) -> None:
    """A secret that has no UTF-8 encoding is refused like any wrong one."""
    client, _ = clients.add("shop", [TENANT], BOTH)

    assert refusal_of(clients, client.id, "\ud800") is Reason.CLIENT_SECRET_WRONG


def test_secret_has_256_random_bits(clients: Clients) -> None:
    """Secrets are 43 URL-safe characters, all different."""
    secrets = {clients.add(f"shop-{number}", [TENANT], BOTH)[1] for number in range(20)}

    assert len(secrets) == 20
    assert {len(secret) for secret in secrets} == {43}


def test_rotation_ends_the_old_secret_at_once(clients: Clients) -> None:
    """After a rotation only the new secret authenticates the client; other clients are unchanged."""
    client, old = clients.add("shop", [TENANT], BOTH)
    other, of_other = clients.add("other", [TENANT], BOTH)

    new = clients.rotate(client.id)

    assert new != old
    assert refusal_of(clients, client.id, old) is Reason.CLIENT_SECRET_WRONG
    assert clients.authenticate(client.id, new).id == client.id
    assert clients.authenticate(other.id, of_other) == other


def test_disabled_client_is_refused_until_enabled(clients: Clients) -> None:
    """A disabled client is refused as disabled with the correct secret, as wrong with another."""
    client, secret = clients.add("shop", [TENANT], BOTH)

    clients.set_status(client.id, RecordStatus.DISABLED)

    assert refusal_of(clients, client.id, secret) is Reason.CLIENT_DISABLED
    assert refusal_of(clients, client.id, "wrong") is Reason.CLIENT_SECRET_WRONG
    clients.set_status(client.id, RecordStatus.ACTIVE)
    assert clients.authenticate(client.id, secret) == client


def test_client_is_limited_to_its_grants(clients: Clients) -> None:
    """A client may act for its tenants and audiences only; the tenant is checked first."""
    client, _ = clients.add("shop", [TENANT], [Audience.CHAT])

    client.check_may(Audience.CHAT, TENANT)
    for audience, tenant, reason in [
        (Audience.AGENT, TENANT, Reason.AUDIENCE_NOT_GRANTED),
        (Audience.CHAT, OTHER_TENANT, Reason.TENANT_NOT_GRANTED),
        (Audience.AGENT, OTHER_TENANT, Reason.TENANT_NOT_GRANTED),
        (Audience.CHAT, TENANT[:-1], Reason.TENANT_NOT_GRANTED),
        (Audience.CHAT, f"{TENANT} ", Reason.TENANT_NOT_GRANTED),
        (Audience.CHAT, "", Reason.TENANT_NOT_GRANTED),
    ]:
        with pytest.raises(Refusal) as refused:
            client.check_may(audience, tenant)
        assert refused.value.reason is reason


def test_no_audience_is_any_audience(clients: Clients) -> None:
    """Without an audience only the tenant is checked."""
    client, _ = clients.add("shop", [TENANT], [Audience.CHAT])

    client.check_may(None, TENANT)
    with pytest.raises(Refusal, match=Reason.TENANT_NOT_GRANTED):
        client.check_may(None, OTHER_TENANT)


@pytest.mark.parametrize(
    ("tenants", "audiences"), [([], BOTH), ([TENANT], []), (["nowhere"], BOTH), ([TENANT, "nowhere"], BOTH)]
)
def test_client_without_grants_is_refused(
    clients: Clients, tenants: list[str], audiences: list[Audience]
) -> None:
    """A client without tenant or audience, or with an unknown tenant, is an error."""
    with pytest.raises(OperatorError):
        clients.add("shop", tenants, audiences)

    assert clients.list() == []


def test_changing_an_unknown_client_is_an_error(clients: Clients) -> None:
    """Rotating, disabling or requiring an unknown client is an error."""
    for change in (
        lambda: clients.rotate("client-0"),
        lambda: clients.set_status("client-0", RecordStatus.DISABLED),
        lambda: clients.require("client-0"),
    ):
        with pytest.raises(OperatorError, match=r"^there is no client client-0$"):
            change()
    assert clients.find("client-0") is None


def test_list_has_every_client(clients: Clients) -> None:
    """Every client is listed, by age and then by id."""
    added = [clients.add(name, [TENANT], BOTH)[0] for name in ("one", "two", "three")]

    assert clients.list() == sorted(added, key=lambda client: client.id)


def test_secret_is_not_stored(enterprise: Enterprise) -> None:
    """The home's files have only the secret's SHA-256, and no repr shows either."""
    clients = enterprise.services.clients
    client, first = clients.add("shop", [TENANT], BOTH)
    second = clients.rotate(client.id)
    clients.authenticate(client.id, second)

    files = (path for path in enterprise.services.settings.home.rglob("*") if path.is_file())
    content = b"".join(path.read_bytes() for path in files)

    digest = hashlib.sha256(second.encode()).hexdigest()
    assert digest.encode() in content
    assert first.encode() not in content
    assert second.encode() not in content
    assert digest not in repr(clients.require(client.id))
