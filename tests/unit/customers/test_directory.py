"""The look-up: none, one, several and failed are four results, whatever a source does."""

import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest

from validator.customers.directory import (
    MAX_MATCHES,
    Customer,
    Directory,
    Failed,
    Found,
    Nobody,
    One,
    Several,
    Share,
)
from validator.errors import Fault, Reason
from validator.numbers.reading import Number

TEXT, KEY = "13606254580", "+8613606254580"
LONG = timedelta(seconds=30)  # longer than a busy machine needs for nothing


def customer(number: int = 1, key: str = KEY) -> Customer:
    return Customer(f"C-{number}", ("1001", key), {"name": "李伟"})


class FakeSource:
    """A source with fixed customers, or one that raises *error*; it records what it was asked."""

    def __init__(self, *customers: Customer, error: Exception | None = None) -> None:
        self.customers, self.error = customers, error
        self.queries: list[tuple[str, str, int]] = []

    def find(
        self, tenant: str, number: Number, maximum: int, call_id: str | None = None
    ) -> Sequence[Customer]:
        self.queries.append((tenant, number.key, maximum))
        if self.error is not None:
            raise self.error
        return self.customers[:maximum]

    def close(self) -> None:
        self.queries.append(("", "closed", 0))


def looked_up(source: FakeSource, text: str = TEXT) -> Found:
    return Directory(source, "CN", threads=4, budget=LONG).look_up("42", text)


@pytest.mark.parametrize(
    ("count", "found"),
    [
        (0, Nobody()),
        (1, One(customer(0))),
        (2, Several((customer(0), customer(1)), more=False)),
        (MAX_MATCHES, Several(tuple(map(customer, range(MAX_MATCHES))), more=False)),
        (MAX_MATCHES + 1, Several(tuple(map(customer, range(MAX_MATCHES))), more=True)),
        (MAX_MATCHES + 9, Several(tuple(map(customer, range(MAX_MATCHES))), more=True)),
    ],
)
def test_number_of_customers_decides(count: int, found: Found) -> None:
    """Nobody, one and several differ; several are at most five, and it shows when there are more."""
    source = FakeSource(*map(customer, range(count)))

    assert looked_up(source) == found
    assert source.queries == [("42", KEY, MAX_MATCHES + 1)]


def test_source_gets_the_spelling_and_the_call() -> None:
    """A source gets the key of the number with its spelling, and the call when it is known."""
    seen: list[tuple[str, str, str | None]] = []

    class Curious(FakeSource):
        def find(
            self, tenant: str, number: Number, maximum: int, call_id: str | None = None
        ) -> Sequence[Customer]:
            seen.append((number.key, number.raw, call_id))
            return ()

    directory = Directory(Curious(), "CN", threads=4, budget=LONG)
    directory.look_up("42", f" 0{TEXT}")
    directory.look_up("42", TEXT, "1653963570-252")

    assert seen == [(KEY, f" 0{TEXT}", None), (KEY, TEXT, "1653963570-252")]


def test_probe_is_a_look_up_of_nobodys_number() -> None:
    """A probe passes when nobody is found, and fails as the source does, or when somebody is."""
    source = FakeSource()
    Directory(source, "CN", threads=4, budget=LONG).probe("42")
    assert source.queries == [("42", "00", MAX_MATCHES + 1)]

    for broken in (FakeSource(error=TimeoutError()), FakeSource(customer())):
        with pytest.raises(Fault):
            Directory(broken, "CN", threads=4, budget=LONG).probe("42")


@pytest.mark.parametrize("text", ["", "anonymous", "152****1028", "sip:1001@host"])
def test_no_number_is_not_looked_up(text: str) -> None:
    """Text that is no number has no customer, and no source is asked."""
    source = FakeSource(customer())

    assert looked_up(source, text) == Nobody()
    assert source.queries == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Fault(Reason.STORE_UNAVAILABLE), Reason.STORE_UNAVAILABLE),
        (Fault(Reason.KEYS_UNAVAILABLE), Reason.KEYS_UNAVAILABLE),
        (ConnectionRefusedError(), Reason.SYSTEM_FAILED),
        (TimeoutError(), Reason.SYSTEM_SILENT),
    ],
)
def test_broken_source_is_not_nobody(error: Exception, reason: Reason) -> None:
    """A source that fails is not one without the customer."""
    assert looked_up(FakeSource(error=error)) == Failed(reason)


@pytest.mark.parametrize("matches", [[customer(1, "+8613900000000")], [customer(1), customer(2, "95588")]])
def test_customer_of_another_number_is_never_found(matches: list[Customer]) -> None:
    """A source that returns another customer's record has failed; nothing of it is shown."""
    assert looked_up(FakeSource(*matches)) == Failed(Reason.SYSTEM_FAILED)


def test_slow_source_is_given_up() -> None:
    """A source that does not answer within the budget has failed; its late result is dropped."""
    may_go_on, called = threading.Event(), threading.Event()

    class Slow(FakeSource):
        def find(
            self, tenant: str, number: Number, maximum: int, call_id: str | None = None
        ) -> Sequence[Customer]:
            called.set()
            may_go_on.wait(LONG.total_seconds())
            return super().find(tenant, number, maximum, call_id)

    directory = Directory(Slow(customer()), "CN", threads=4, budget=timedelta(milliseconds=20))
    try:
        assert directory.look_up("42", TEXT) == Failed(Reason.SYSTEM_SILENT)
        assert called.is_set()
    finally:
        may_go_on.set()


BOTH = (Share.CALLERS, Share.AGENTS)


class Picky(FakeSource):
    """A source that is stalled for one number, and signals when it is asked for that."""

    def __init__(self, *customers: Customer) -> None:
        super().__init__(*customers)
        self.called, self.may_go_on = threading.Event(), threading.Event()

    def find(
        self, tenant: str, number: Number, maximum: int, call_id: str | None = None
    ) -> Sequence[Customer]:
        if number.key == "95588":
            self.called.set()
            self.may_go_on.wait(LONG.total_seconds())
        return super().find(tenant, number, maximum, call_id)


@pytest.mark.parametrize("stalled", BOTH)
@pytest.mark.parametrize(("shares", "is_served"), [(BOTH, True), ((Share.CALLERS,), False)])
def test_one_side_uses_up_no_slot_of_the_other(
    stalled: Share, shares: tuple[Share, ...], is_served: bool
) -> None:
    """While one side waits for a number in each of its slots, the other is served; control: no shares."""
    source, (other,) = Picky(customer()), set(BOTH) - {stalled}
    directory = Directory(source, "CN", threads=len(BOTH), budget=LONG, shares=shares)  # one slot each
    waiting = threading.Thread(target=directory.look_up, args=("42", "95588"), kwargs={"share": stalled})
    waiting.start()
    try:
        assert source.called.wait(LONG.total_seconds())
        assert directory.look_up("42", TEXT, share=stalled) == Failed(Reason.SYSTEM_BUSY)
        found = directory.look_up("42", TEXT, share=other)
        assert found == (One(customer()) if is_served else Failed(Reason.SYSTEM_BUSY))
    finally:
        source.may_go_on.set()
        waiting.join()


@pytest.mark.parametrize("silent", BOTH)
@pytest.mark.parametrize(("shares", "is_served"), [(BOTH, True), ((Share.CALLERS,), False)])
def test_one_side_begins_no_cooldown_of_the_other(
    silent: Share, shares: tuple[Share, ...], is_served: bool
) -> None:
    """A number for which the source is too slow silences it for one side only; control: no shares."""
    source, (other,) = FakeSource(customer(), error=TimeoutError()), set(BOTH) - {silent}
    directory = Directory(source, "CN", threads=4, budget=LONG, shares=shares)
    assert directory.look_up("42", "95588", share=silent) == Failed(Reason.SYSTEM_SILENT)
    source.error = None

    assert directory.look_up("42", TEXT, share=silent) == Failed(Reason.SYSTEM_SILENT)
    found = directory.look_up("42", TEXT, share=other)
    assert found == (One(customer()) if is_served else Failed(Reason.SYSTEM_SILENT))


def test_one_thread_is_enough_for_a_directory() -> None:
    """A server with one thread has a directory too."""
    assert Directory(FakeSource(customer()), "CN", threads=1, budget=LONG).look_up("42", TEXT) == One(
        customer()
    )


def test_customer_is_private() -> None:
    """No representation of a result has an id, a number or a value of a customer."""
    shown = repr([One(customer()), Several((customer(),), more=True)])

    assert [text for text in ("C-1", KEY, "李伟", "1001") if text in shown] == []


def test_closed_directory_closes_its_source() -> None:
    """The source's connections end with the directory."""
    source = FakeSource()

    Directory(source, "CN", threads=4).close()

    assert source.queries == [("", "closed", 0)]
