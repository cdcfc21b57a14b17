"""`validator callrecords`: what is shown, exported, erased; and that no number is in the trail."""

from datetime import timedelta

import orjson
import pytest

from tests.support.call_records import CALL, CUSTOMER, LINE, RECORDING
from tests.support.command_line import TENANT, CommandLine, Said, check_misused, check_refused
from validator.callcentre.record import CallRecord
from validator.files import write_private

SECRET = "q1w2E3r4T5y6U7i8O9p0-A1s2D3f4G5h6J7k8L9_0zX"
OTHER = "13606254589"
FIELDS = {"caller": "1001", "callee": CUSTOMER, "pstn": LINE, "stereoRecordFile": RECORDING}


@pytest.fixture
def filled(validator: CommandLine) -> CommandLine:
    """Return the command line with two records, one of them revised, and something unreadable."""
    with validator.opened() as services:
        records, quarantine = services.call_centre.records, services.call_centre.quarantine
        records.put(TENANT, "ctibar", CallRecord(CALL, FIELDS))
        records.put(TENANT, "ctibar", CallRecord(CALL, {**FIELDS, "billSec": 3}))
        records.put(TENANT, "ctibar", CallRecord("other", {**FIELDS, "callee": OTHER}, {"tags": ["x"]}))
        quarantine.add(TENANT, "ctibar", f'{{"callee": "{CUSTOMER}"'.encode(), "the body is not JSON")
    return validator


def run(validator: CommandLine, *words: str, stdin: str = "", **variables: str) -> Said:
    return validator("callrecords", *words, stdin=stdin, variables=variables)


def test_list_shows_the_ends_of_numbers(filled: CommandLine) -> None:
    """The last revision of each record, by number too; whole numbers are in no list."""
    said = run(filled, "list")
    found = run(filled, "list", "--number", "-", "--json", stdin=f"+86 {CUSTOMER}\n")

    assert (CALL in said.out, "…4580" in said.out, CUSTOMER in said.out) == (True, True, False)
    assert [(row["call"], row["revision"], row["seconds"]) for row in found.json()] == [(CALL, 2, 3)]
    assert len(run(filled, "list", "--number", LINE, "--json").json()) == 2
    assert run(filled, "list", "--number", "13606254588", "--json").json() == []


def test_show_has_every_revision_and_the_link(filled: CommandLine) -> None:
    """A link only with an origin; an unknown call is refused."""
    origin = {"VALIDATOR_CALLRECORDS_RECORDING_ORIGIN": "https://recordings.example.com"}
    shown = run(filled, "show", CALL, "--json", **origin).json()

    assert [each["revision"] for each in shown] == [2, 1]
    assert shown[0]["recording"] == f"https://recordings.example.com{RECORDING}"
    assert shown[0]["callee"] == CUSTOMER
    assert "recording" not in run(filled, "show", CALL, "--json").json()[0]
    check_refused(run(filled, "show", "nobody's"), "no record")


def test_export_is_recorded(filled: CommandLine) -> None:
    """One line for each record, with everything; the trail names the operator and no number."""
    lines = [orjson.loads(line) for line in run(filled, "export").out.splitlines()]

    assert {each["callId"]: each["revision"] for each in lines} == {CALL: 2, "other": 1}
    assert {"tags": ["x"]} in [each["other"] for each in lines]
    assert len(run(filled, "export", "--revisions").out.splitlines()) == 3
    assert (filled.last()["event"], filled.last()["detail"]) == ("call_records", "exported")


def test_agents_word_is_marked(filled: CommandLine) -> None:
    """The list, the record and the export say who reported a call; what a centre pushed names nobody."""
    word = {"basis": "agent", "reportedBy": "li.wei", "userAccount": "agent-7"}
    with filled.opened() as services:
        services.call_centre.records.put(TENANT, "bar", CallRecord("a@t", {"party": OTHER, **word}))

    rows = {row["call"]: (row["source"], row["reported_by"]) for row in run(filled, "list", "--json").json()}
    assert rows == {"a@t": ("bar", "li.wei"), CALL: ("ctibar", ""), "other": ("ctibar", "")}
    assert "…4589" in run(filled, "list").out
    (shown,) = run(filled, "show", "a@t", "--json").json()
    exported = [orjson.loads(line) for line in run(filled, "export").out.splitlines()]
    for record in (shown, *(each for each in exported if each["source"] == "bar")):
        assert record.items() >= word.items()
    assert sum("basis" in each for each in exported) == 1


def test_erase_takes_a_number_out_of_everything(filled: CommandLine) -> None:
    """Its calls with every revision, and what was unreadable; the trail has another name of the number."""
    said = run(filled, "erase", "-", stdin=f"{CUSTOMER}\n")

    assert said.out.startswith("2 erased")
    assert [row["call"] for row in run(filled, "list", "--json").json()] == ["other"]
    assert run(filled, "quarantine", "--json").json() == []
    erased = next(entry for entry in filled.trail() if entry.get("detail") == "erased")
    assert len(erased["subject"]) == 32
    assert CUSTOMER not in orjson.dumps(filled.trail()).decode()
    assert run(filled, "erase", "--all").out.startswith("1 erased")


def test_erase_needs_to_know_what(filled: CommandLine) -> None:
    """Neither nothing, nor both, nor an empty number erases anything."""
    check_misused(run(filled, "erase"))
    check_misused(run(filled, "erase", CUSTOMER, "--all"))
    check_refused(run(filled, "erase", "-", stdin="\n"), "empty")
    assert len(run(filled, "list", "--json").json()) == 2


def test_quarantine_shows_why(filled: CommandLine) -> None:
    """The list has no content; the bodies come only when they are asked for."""
    said = run(filled, "quarantine")

    assert "the body is not JSON" in said.out
    assert CUSTOMER not in said.out
    assert CUSTOMER in run(filled, "quarantine", "--bodies").out
    assert filled.last()["detail"] == "quarantine shown"


def test_missing_and_unreadable_are_in_check(filled: CommandLine) -> None:
    """A degraded part names both; without a route there is no such part."""
    write_private(filled.home / "record-secrets", f"{TENANT}/ctibar {SECRET}\n".encode())
    on = {
        "VALIDATOR_CALLRECORDS_CTIBAR_ROUTES": f"{TENANT}=/rest/v1/callRecords",
        "VALIDATOR_CALLRECORDS_SECRETS_FILE": "record-secrets",
    }
    with filled.opened() as services, services.database.write() as connection:
        before = services.clock.now() - timedelta(hours=2)
        services.call_centre.expected.expect(connection, TENANT, "ctibar", "lost", before)
    assert run(filled, "missing", "--json", **on).json() == []  # without a route nothing was expected

    with filled.opened(on) as services:
        services.call_centre.expected.note(TENANT, "ctibar", "lost", before)
    assert [row["call"] for row in run(filled, "missing", "--json", **on).json()] == ["lost"]
    part = orjson.loads(filled("check", "--json", variables=on).out)["callrecords"]
    assert "1 calls have no record" in part
    assert "1 pushes could not be read" in part
    assert "callrecords" not in filled("check", "--json").json()


def test_rotation_of_the_index_key_covers_the_records(filled: CommandLine) -> None:
    """After `keys rotate --index` the calls of a number are found with the new key only."""
    assert filled("keys", "rotate", "--index").code == 0

    assert len(run(filled, "list", "--number", CUSTOMER, "--json").json()) == 1
    assert run(filled, "purge").out.startswith("0 deleted")


def test_erased_customers_calls_are_named(filled: CommandLine) -> None:
    """`customers erase` says that there are records of calls with the number."""
    on = {"VALIDATOR_CUSTOMERS_SOURCE": "store"}

    said = filled("customers", "erase", CUSTOMER, variables=on)
    assert "callrecords erase" in said.err
    assert "callrecords erase" not in filled("customers", "erase", "13606254588", variables=on).err
