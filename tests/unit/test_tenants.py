"""Tenants: the tenant spaces that this server serves, on both databases."""

import pytest

from tests.support.fakes import START, FakeClock
from validator.errors import OperatorError
from validator.store.database import Database
from validator.tenants import RecordStatus, Tenant, Tenants


@pytest.fixture
def tenants(database: Database, clock: FakeClock) -> Tenants:
    """Return the empty table of tenants."""
    return Tenants(database, clock)


def test_added_tenant_is_found(tenants: Tenants) -> None:
    """A new tenant is active from the time it was added."""
    added = tenants.add("202400000001", "First 第一")

    assert added == Tenant("202400000001", "First 第一", RecordStatus.ACTIVE, START)
    assert tenants.find("202400000001") == tenants.require("202400000001") == added


def test_unknown_tenant_is_none_or_an_error(tenants: Tenants) -> None:
    """Finding an unknown tenant returns None; requiring it raises an error for the operator."""
    assert tenants.find("1") is None
    with pytest.raises(OperatorError, match="there is no tenant 1"):
        tenants.require("1")


def test_id_is_unique(tenants: Tenants) -> None:
    """The same id cannot be added twice, and the first tenant is unchanged."""
    first = tenants.add("1", "First")

    with pytest.raises(OperatorError, match="tenant 1 exists already"):
        tenants.add("1", "Second")

    assert tenants.list() == [first]


def test_ids_differ_by_case(tenants: Tenants) -> None:
    """An id is the cloud's and is case-sensitive."""
    tenants.add("a", "small")

    assert tenants.find("A") is None
    assert tenants.add("A", "large").id == "A"


@pytest.mark.parametrize("tenant_id", ["1", "a" * 64, "A.b_c-9"])
def test_valid_id_is_accepted(tenants: Tenants, tenant_id: str) -> None:
    """An id has up to 64 of the allowed characters."""
    assert tenants.add(tenant_id, "n").id == tenant_id


@pytest.mark.parametrize("tenant_id", ["", "a" * 65, "a b", "a/b", "a\n", "é", "١", "a:b", "\x00"])
def test_invalid_id_is_refused(tenants: Tenants, tenant_id: str) -> None:
    """Any other id is refused, and nothing is written."""
    with pytest.raises(OperatorError, match="a tenant space id has 1 to 64 of"):
        tenants.add(tenant_id, "n")

    assert tenants.list() == []


def test_tenants_are_listed_by_id(tenants: Tenants) -> None:
    """The list is sorted by id."""
    for tenant_id in ("2", "10", "1"):
        tenants.add(tenant_id, "n")

    assert [tenant.id for tenant in tenants.list()] == ["1", "10", "2"]


def test_status_changes_one_tenant(tenants: Tenants) -> None:
    """Disabling and enabling affects only the named tenant."""
    tenants.add("1", "First")
    tenants.add("2", "Second")

    tenants.set_status("1", RecordStatus.DISABLED)
    assert [tenant.status for tenant in tenants.list()] == [RecordStatus.DISABLED, RecordStatus.ACTIVE]

    tenants.set_status("1", RecordStatus.ACTIVE)
    assert [tenant.status for tenant in tenants.list()] == [RecordStatus.ACTIVE, RecordStatus.ACTIVE]


def test_status_of_an_unknown_tenant_is_an_error(tenants: Tenants) -> None:
    """A misspelt id is an error."""
    with pytest.raises(OperatorError, match="there is no tenant 1"):
        tenants.set_status("1", RecordStatus.DISABLED)
