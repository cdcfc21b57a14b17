"""`validator customers`, `keys rotate --index`: from a file to a result, and nothing private elsewhere."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.command_line import (
    PASSWORD,
    TENANT,
    CommandLine,
    Said,
    check_misused,
    check_refused,
    operator,
)
from validator.accounts.identity import Identity
from validator.cli.operators import user_name
from validator.services import open_services
from validator.settings.loading import load
from validator.tokens.principals import Person

ON = {"VALIDATOR_CUSTOMERS_SOURCE": "store"}
CARD = {"VALIDATOR_CUSTOMERS_CARD": "true"}
MOBILE, HOTLINE = "+8613606254580", "95588"
CSV = """id,number,name,level,card
C-1001,13606254580|0571 8888 0000,欧阳娜,gold,6222020200112233445
C-1002,95588,王芳,,
C-1003,95588,赵敏,silver,
"""
PRIVATE = ("13606254580", "95588", "8888 0000", "88880000", "欧阳娜", "王芳", "6222020200112233445", "C-1001")


class Customers:
    """`validator customers`, switched on."""

    def __init__(self, validator: CommandLine, folder: Path) -> None:
        self.validator, self.folder = validator, folder

    def __call__(self, *words: str, stdin: str = "") -> Said:
        return self.validator("customers", *words, stdin=stdin, variables=ON)

    def import_(self, text: str, *words: str, name: str = "customers.csv") -> Said:
        file = self.folder / name
        file.write_text(text)
        return self("import", str(file), *words)


@pytest.fixture
def customers(validator: CommandLine, tmp_path: Path) -> Customers:
    return Customers(validator, tmp_path)


@pytest.fixture
def filled(customers: Customers) -> Customers:
    assert customers.import_(CSV).code == 0
    return customers


def test_file_is_imported(customers: Customers) -> None:
    """The counts are printed, and the trail has the number of customers but nothing of them."""
    said = customers.import_(CSV, "--json")

    assert said.json() == {"added": 3, "changed": 0, "repeated": 0, "wrong": 0, "purged": 0}
    assert customers.validator.last() == {
        "event": "customers",
        "source": f"user:{user_name()}",
        "role": "cli",
        "outcome": "accepted",
        "tenant": TENANT,
        "by": operator(),
        "detail": "imported 3",
    }


def test_wrong_row_prevents_the_import(customers: Customers) -> None:
    """Nothing is written when a row is wrong, unless the operator asks; values are not quoted."""
    text = f"{CSV}C-1004,152****1028,陈静,\n".replace("陈静,", "陈静,,")

    refused = customers.import_(text)
    listed = customers("list", "--json").json()
    skipped = customers.import_(text, "--skip-bad", "--json")

    assert (refused.code, refused.out) == (1, "")
    assert refused.err.splitlines() == [
        "row 5: number: not 1 to 10 telephone numbers",
        "Error: 1 of 4 rows are wrong: nothing was imported",
    ]
    assert listed == []
    assert (skipped.code, '"added": 3' in skipped.out, '"wrong": 1' in skipped.out) == (0, True, True)


@pytest.mark.parametrize("number", [MOBILE, "13606254580", "008613606254580", "１３６０６２５４５８０"])
def test_every_spelling_finds_the_customer(filled: Customers, number: str) -> None:
    """A look-up finds the customer by any spelling, from standard input too, with masked fields."""
    card = {
        "id": "C-1001",
        "number": ["…4580", "…0000"],
        "name": "欧阳娜",
        "company": "",
        "level": "gold",
        "since": "",
        "card": "***************3445",
        "note": "",
    }

    expected = {"found": "one", "cards": [card]}
    assert filled("query", number, "--json").json() == expected
    assert filled("query", "-", "--json", stdin=f"{number}\n").json() == expected


def test_none_and_several_differ(filled: Customers) -> None:
    """A number without customers, text that is no number, and a shared number have different outcomes."""
    found = [filled("query", number, "--json").json() for number in ("110", "anonymous", HOTLINE)]

    assert [(each["found"], len(each["cards"])) for each in found] == [
        ("none", 0),
        ("none", 0),
        ("several", 2),
    ]


@pytest.mark.parametrize(
    ("number", "titles"),
    [("110", []), ("152****1028", []), (MOBILE, ["客户信息"]), (HOTLINE, ["客户信息 1", "客户信息 2"])],
)
def test_response_to_the_cloud_is_printed(filled: Customers, number: str, titles: list[str]) -> None:
    """`--as-cloud` prints what queryCustomer would return: the cloud's fields only, and [] for nobody."""
    said = filled("query", number, "--as-cloud")

    content = said.json()
    assert [each["objectName"] for each in content] == titles
    assert "6222" not in said.out
    assert all(value["name"] in ("姓名", "等级") for each in content for value in each["values"])
    assert filled.validator.last()["detail"] == "queried"


def test_failed_look_up_is_not_none(filled: Customers) -> None:
    """Without the index key nothing is known: the command fails, and does not print "none"."""
    (filled.validator.home / "keys" / "index.key").unlink()

    check_refused(filled("query", HOTLINE), "the look-up failed, nothing is known: keys_unavailable")


def test_everything_of_a_customer_is_shown(filled: Customers) -> None:
    """`show` prints every stored value unmasked, and the trail has that it did."""
    assert filled("show", MOBILE, "--json").json() == [
        {
            "id": "C-1001",
            "number": [MOBILE, "+8657188880000"],
            "name": "欧阳娜",
            "level": "gold",
            "card": "6222020200112233445",
        }
    ]
    assert filled.validator.last()["detail"] == "shown"


def test_export_can_be_imported(filled: Customers) -> None:
    """What `export` prints is read by `import`, and changes nothing."""
    exported = filled("export")
    assert (exported.code, exported.err) == (0, "3 customers\n")

    again = filled.import_(exported.out, "--json", name="again.jsonl")

    assert again.json() == {"added": 0, "changed": 3, "repeated": 0, "wrong": 0, "purged": 0}
    assert filled("export").out == exported.out


def test_list_is_masked_and_bounded(filled: Customers) -> None:
    """`list` shows masked values and the ends of long numbers, and says when there are more."""
    said = filled("list", "--limit", "2", "--json")

    assert said.code == 0
    assert said.err == "notice: 2 of 3\n"
    assert [text for text in ("13606254580", HOTLINE, "6222020200112233445") if text in said.out] == []


def test_customer_is_erased(filled: Customers) -> None:
    """A number erases its one customer, an id each of several, and --all the rest."""
    check_refused(filled("erase", HOTLINE), "2 customers have this number: erase each by its id")
    erased = [
        filled("erase", "-", stdin="13606254580\n").out,
        filled("erase", "--id", "C-1002").out,
        filled("erase", HOTLINE).out,
        filled("erase", "--all").out,
    ]

    assert [line.split()[0] for line in erased] == ["1", "1", "1", "0"]
    assert filled("list", "--json").json() == []


def test_old_customers_are_purged(filled: Customers) -> None:
    """`purge` deletes what was not imported in time, also when nothing is imported any more."""
    before = filled("purge").out
    with closing(sqlite3.connect(filled.validator.home / "validator.db")) as connection, connection:
        connection.execute("UPDATE customers SET imported_at = imported_at - 366 * 86400000")

    assert [before, filled("purge").out] == ["0 deleted\n", "3 deleted\n"]
    assert filled.validator.last()["detail"] == "purged"


def test_uses_of_a_number_are_traced(filled: Customers) -> None:
    """The trail leads from a number to those who used it, in any spelling, until its key is destroyed."""
    filled("query", "13606254580")
    filled("show", MOBILE)
    filled("query", HOTLINE)
    filled("erase", "-", stdin="+86 136 0625 4580\n")
    refused = filled("erase", HOTLINE)

    traced = [filled("trace", number, "--json").json() for number in ("008613606254580", HOTLINE, "110")]

    assert refused.code == 1
    assert [[(row["detail"], row["outcome"]) for row in rows] for rows in traced] == [
        [("queried", "accepted"), ("shown", "accepted"), ("erased", "accepted")],
        [("queried", "accepted"), ("erased", "refused")],
        [],
    ]
    assert {row["by"] for rows in traced for row in rows} == {operator()}
    for key in (filled.validator.home / "keys").glob("trail-numbers-*.key"):
        key.unlink()
    assert filled("trace", MOBILE, "--json").json() == []


def test_agents_look_ups_are_traced(filled: Customers) -> None:
    """The trace names the agents who looked a number up, or had a masked value of its customer shown."""
    services = open_services(load(filled.validator.home, environment={**ON, **CARD}))
    with closing(services):
        cards, identity = services.customer_cards, Identity("agent-70", None, None)
        assert cards is not None
        agent = Person(services.accounts.add("li.na", TENANT, services.passwords.hash(PASSWORD), identity))
        (match,) = cards.look_up(agent, "13606254580").matches
        cards.unmask(agent, "13606254580", match.ref, "card")

    looked_up, unmasked = filled("trace", MOBILE, "--json").json()

    assert {looked_up["by"], unmasked["by"]} == {"account:li.na"}
    assert (looked_up["detail"].partition(",")[0], unmasked["detail"]) == ("one", "field card")
    assert filled("trace", HOTLINE, "--json").json() == []


@pytest.mark.parametrize(
    "words", [(), (HOTLINE, "--all"), ("--all", "--id", "C-1"), (HOTLINE, "--id", "C-1")]
)
def test_erase_needs_exactly_one_target(customers: Customers, words: tuple[str, ...]) -> None:
    """Nothing, or two different targets, is a mistake."""
    check_misused(customers("erase", *words), "name one of NUMBER, --id and --all")


def test_text_that_is_no_number_erases_nothing(filled: Customers) -> None:
    """A masked number is refused, and not quoted."""
    check_refused(filled("erase", "152****1028"), "that is no telephone number")


def test_customers_are_off_by_default(validator: CommandLine) -> None:
    """Without a source every command is refused, with the setting to change."""
    for words in (("list",), ("query", HOTLINE), ("export",), ("erase", HOTLINE), ("show", HOTLINE)):
        check_refused(validator("customers", *words), 'customers are off: set customers.source = "store"')


def test_tenant_with_customers_stays(filled: Customers) -> None:
    """A tenant space with customers is not removed: they must be erased first."""
    filled.validator.did("tenants", "add", "43")
    assert filled.import_(CSV, "--tenant", "43").code == 0
    check_refused(
        filled.validator("tenants", "remove", "43"), "tenant 43 still has customers: remove them first"
    )
    assert filled("erase", "--all", "--tenant", "43").out.startswith("3 erased")
    filled.validator.did("tenants", "remove", "43")


def test_index_is_rotated(filled: Customers) -> None:
    """A rotation of the index key makes every entry again; a staged key waits for it."""
    staged = filled.validator("keys", "rotate", "--index", "--stage")
    rotated = filled.validator("keys", "rotate", "--index")

    key = staged.out.split()[0]
    assert staged.out == f"{key} is staged: copy index.key to every node\n"
    assert rotated.out == f"{key} is current; 3 customers are indexed by it\n"
    assert filled("query", MOBILE, "--json").json()["found"] == "one"
    assert [entry["detail"] for entry in filled.validator.trail()[-3:-1]] == ["index staged", "index rotated"]


def test_signing_keys_stay_at_a_rotation_of_the_index(validator: CommandLine) -> None:
    """`keys rotate --index` changes no signing key."""
    before = validator("keys", "list", "--json").json()

    validator.did("keys", "rotate", "--index")

    assert validator("keys", "list", "--json").json() == before


def test_nothing_private_is_recorded(filled: Customers) -> None:
    """No number, id or value is in the trail, the log or any file of the home; the control finds one."""
    filled("query", MOBILE)
    filled("show", HOTLINE)
    filled("export")
    filled("erase", MOBILE)
    filled("erase", "--id", "C-1002")

    content = b"\n".join(path.read_bytes() for path in files(filled.validator.home))

    assert TENANT.encode() in content
    assert [text for text in PRIVATE if text.encode() in content] == []


def files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[field]]\nname = 7\n", "field 1: name: must be a name"),
        ("x", "is not TOML"),
        (None, "customers.catalogue: cannot be read: FileNotFoundError"),
    ],
)
def test_wrong_catalogue_is_refused(
    validator: CommandLine, tmp_path: Path, text: str | None, words: str
) -> None:
    """A catalogue with a wrong entry, or without a file, is a mistake in the settings."""
    file = tmp_path / "fields.toml"
    if text is not None:
        file.write_text(text)

    said = validator("customers", "list", variables={**ON, "VALIDATOR_CUSTOMERS_CATALOGUE": str(file)})

    assert said.code == 1
    assert f"{file}: " in said.err
    assert words in said.err


def test_pipe_is_not_imported(customers: Customers, tmp_path: Path) -> None:
    """A file that cannot be read twice is refused before anything is read."""
    os.mkfifo(tmp_path / "pipe.csv")
    descriptor = os.open(tmp_path / "pipe.csv", os.O_RDWR)
    try:
        check_refused(customers("import", str(tmp_path / "pipe.csv")), "is not a regular file")
    finally:
        os.close(descriptor)


def test_own_database_is_queried(validator: CommandLine, tmp_path: Path) -> None:
    """With the source `sql` a look-up queries the enterprise's database, and nothing is stored here."""
    with closing(sqlite3.connect(tmp_path / "crm.db")) as connection:
        connection.executescript(
            f"CREATE TABLE crm AS SELECT 7 AS id, '{MOBILE}' AS number, '{TENANT}' AS space, 'Li' AS name"
        )
    query = "SELECT id, number, name FROM crm WHERE number = :number AND space = :tenant"
    variables = {
        "VALIDATOR_CUSTOMERS_SOURCE": "sql",
        "VALIDATOR_CUSTOMERS_SQL_URL": f"sqlite:///{tmp_path}/crm.db",
        "VALIDATOR_CUSTOMERS_SQL_QUERY": query,
    }

    found = validator("customers", "query", MOBILE, "--json", variables=variables).json()

    assert (found["found"], found["cards"][0]["id"], found["cards"][0]["name"]) == ("one", "7", "Li")
    refused = validator("customers", "list", variables=variables)
    check_refused(refused, 'customers are not stored here: customers.source is "sql"')
