"""Tenants: the tenant spaces that this server answers for, on both databases."""

import pytest

from tests.support.fakes import START, FakeClock
from validator.errors import OperatorError
from validator.store.database import Database
from validator.tenants import RecordStatus, Tenant, Tenants


@pytest.fixture
def tenants(database: Database, clock: FakeClock) -> Tenants:
    """Return the table of tenants, empty."""
    return Tenants(database, clock)


def test_added_tenant_is_found(tenants: Tenants) -> None:
    """A new tenant is in use from the instant it was added."""
    added = tenants.add("202400000001", "First 第一")

    assert added == Tenant("202400000001", "First 第一", RecordStatus.ACTIVE, START)
    assert tenants.find("202400000001") == tenants.require("202400000001") == added


def test_unknown_tenant_is_none_or_an_error(tenants: Tenants) -> None:
    """Asking for an unknown tenant gives none; requiring it tells the operator."""
    assert tenants.find("1") is None
    with pytest.raises(OperatorError, match="there is no tenant 1"):
        tenants.require("1")


def test_id_is_taken_once(tenants: Tenants) -> None:
    """The same id is not added twice, and the first stays as it was."""
    first = tenants.add("1", "First")

    with pytest.raises(OperatorError, match="tenant 1 exists already"):
        tenants.add("1", "Second")

    assert tenants.list() == [first]


def test_ids_differ_by_case(tenants: Tenants) -> None:
    """An id is the cloud's and is compared as it is written."""
    tenants.add("a", "small")

    assert tenants.find("A") is None
    assert tenants.add("A", "large").id == "A"


@pytest.mark.parametrize("tenant_id", ["1", "a" * 64, "A.b_c-9"])
def test_id_of_the_allowed_form_is_taken(tenants: Tenants, tenant_id: str) -> None:
    """An id has up to 64 of the allowed characters."""
    assert tenants.add(tenant_id, "n").id == tenant_id


@pytest.mark.parametrize("tenant_id", ["", "a" * 65, "a b", "a/b", "a\n", "é", "١", "a:b", "\x00"])
def test_id_of_another_form_is_refused(tenants: Tenants, tenant_id: str) -> None:
    """Anything else is no id; nothing is written."""
    with pytest.raises(OperatorError, match="a tenant space id has 1 to 64 of"):
        tenants.add(tenant_id, "n")

    assert tenants.list() == []


def test_tenants_are_listed_by_id(tenants: Tenants) -> None:
    """The list is sorted by id, whatever the order they were added in."""
    for tenant_id in ("2", "10", "1"):
        tenants.add(tenant_id, "n")

    assert [tenant.id for tenant in tenants.list()] == ["1", "10", "2"]


def test_status_changes_one_tenant(tenants: Tenants) -> None:
    """Disabling and enabling acts on the named tenant and on no other."""
    tenants.add("1", "First")
    tenants.add("2", "Second")

    tenants.set_status("1", RecordStatus.DISABLED)
    assert [tenant.status for tenant in tenants.list()] == [RecordStatus.DISABLED, RecordStatus.ACTIVE]

    tenants.set_status("1", RecordStatus.ACTIVE)
    assert [tenant.status for tenant in tenants.list()] == [RecordStatus.ACTIVE, RecordStatus.ACTIVE]


def test_status_of_an_unknown_tenant_is_an_error(tenants: Tenants) -> None:
    """A misspelt id does not pass for done."""
    with pytest.raises(OperatorError, match="there is no tenant 1"):
        tenants.set_status("1", RecordStatus.DISABLED)
