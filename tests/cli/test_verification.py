"""`validator verification`: PINs, a trial, the attempts; and nothing private in what is said or recorded."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from tests.support.command_line import TENANT, CommandLine, Said, check_misused, check_refused

PIN, CUSTOMER = "902718", "C-1001"
ON = {
    "VALIDATOR_CUSTOMERS_SOURCE": "store",
    "VALIDATOR_VERIFICATION_ROUTES": "PIN=pin,CARD=fields:card:4",
    "VALIDATOR_VERIFICATION_CUSTOMER_FIELD": "account",
}
BY_NUMBER = {**ON, "VALIDATOR_VERIFICATION_CUSTOMER_FIELD": ""}
CSV = "id,number,name,card\nC-1001,13606254580,欧阳娜,6222020200112233\n"

Command = Callable[..., Said]


@pytest.fixture
def command(validator: CommandLine, tmp_path: Path) -> Command:
    """Return a function that runs a command with the codes on; a customer is imported, with a PIN."""
    (tmp_path / "customers.csv").write_text(CSV)
    assert validator("customers", "import", str(tmp_path / "customers.csv"), variables=ON).code == 0
    assert validator("verification", "pin", CUSTOMER, stdin=PIN, variables=ON).code == 0

    def run(*words: str, stdin: str = "", variables: dict[str, str] = ON) -> Said:
        return validator("verification", *words, stdin=stdin, variables=variables)

    return run


def result(said: Said) -> int:
    """Return the result in the printed response."""
    assert said.code == 0, said
    found: int = orjson.loads(said.out)["data"]["verifyResult"]
    return found


def test_trial_is_as_a_flow_sees_it(command: Command) -> None:
    """`test` prints the response: the PIN by the id, a field by the number."""
    by_id = ("--customer", CUSTOMER)

    assert result(command("test", "PIN", *by_id, stdin=PIN)) == 1
    assert result(command("test", "PIN", *by_id, stdin="000111")) == 2
    assert result(command("test", "CARD", "--number", "13606254580", stdin="2233", variables=BY_NUMBER)) == 1
    assert result(command("test", "CARD", "--number", "13606254581", stdin="2233", variables=BY_NUMBER)) == 2


def test_attempts_are_reset(command: Command) -> None:
    """After three wrong answers the right one fails, until an operator forgets them."""
    by_id = ("--customer", CUSTOMER)
    wrong = [result(command("test", "PIN", *by_id, stdin="000111")) for _ in range(3)]

    assert (wrong, result(command("test", "PIN", *by_id, stdin=PIN))) == ([2, 2, 2], 2)
    assert "3 attempts" in command("reset", *by_id).out
    assert result(command("test", "PIN", *by_id, stdin=PIN)) == 1


def test_pin_is_changed_and_removed(command: Command, validator: CommandLine) -> None:
    """A new PIN replaces the old one and begins the attempts anew; the trail has neither PIN nor customer."""
    by_id = ("--customer", CUSTOMER)
    for _ in range(3):
        command("test", "PIN", *by_id, stdin="000111")

    assert command("pin", CUSTOMER, stdin="118203").out == "the PIN is set\n"
    assert result(command("test", "PIN", *by_id, stdin="118203")) == 1
    assert command("pin", CUSTOMER, "--remove").out == "1 removed\n"
    assert result(command("test", "PIN", *by_id, stdin="118203")) == 2
    trail = orjson.dumps(validator.trail()).decode()
    assert [word for word in (PIN, "118203", "000111", CUSTOMER, "13606254580") if word in trail] == []
    assert {"PIN set", "PIN removed"} <= {entry.get("detail") for entry in validator.trail()}


def test_tenant_with_pins_is_not_removed(command: Command, validator: CommandLine) -> None:
    """PINs of ids that were never imported are named, too; the command that is named removes them all."""
    validator.did("tenants", "add", "77")
    assert command("pin", CUSTOMER, "--tenant", "77", stdin=PIN).code == 0

    refused = validator("tenants", "remove", "77")

    check_refused(refused, "tenant 77 still has verification_pins: `validator verification remove-pins`")
    assert command("remove-pins", "--tenant", "77").out == "1 removed\n"
    assert command("remove-pins", "--tenant", "77").out == "0 removed\n"
    validator.did("tenants", "remove", "77")


@pytest.mark.parametrize("words", [("erase", "--id", CUSTOMER), ("erase", "13606254580"), ("erase", "--all")])
def test_erased_customer_has_no_pin(command: Command, validator: CommandLine, words: tuple[str, ...]) -> None:
    """With the customer the PIN is erased, in whatever way; the control: before, it is right."""
    by_id = ("--customer", CUSTOMER)
    assert result(command("test", "PIN", *by_id, stdin=PIN)) == 1

    assert validator("customers", *words, variables=ON).code == 0

    assert result(command("test", "PIN", *by_id, stdin=PIN)) == 2


def test_index_key_is_rotated(command: Command, validator: CommandLine) -> None:
    """After `keys rotate --index` the PIN is still right."""
    assert validator("keys", "rotate", "--index", variables=ON).code == 0

    assert result(command("test", "PIN", "--customer", CUSTOMER, stdin=PIN)) == 1


def test_misuse_is_explained(command: Command) -> None:
    """A weak PIN, an unknown code, a missing id: what is wrong, and no secret."""
    check_refused(command("pin", CUSTOMER, stdin="1234"), "one digit again and again")
    check_refused(command("test", "OTHER", stdin=PIN), "there is no code OTHER")
    check_misused(command("test", "PIN", "--number", "13606254580", stdin=PIN), "needs --customer")
    check_misused(command("reset"), "give --number or --customer")


def test_form_has_the_routes_and_no_secret(validator: CommandLine, tmp_path: Path) -> None:
    """The registration form has the URL of each code and each query of a flow, in both languages and JSON."""
    variables = {
        **ON,
        "VALIDATOR_IVR_QUERIES": "level=level",
        "VALIDATOR_PROXY_ORIGIN": "https://portal.example.com",
    }

    assert validator("registration", "--out", str(tmp_path), variables=variables).code == 0

    urls = [
        f"https://portal.example.com/rest/v1/{path}" for path in ("verification/PIN", "verification/CARD")
    ]
    flow = "https://portal.example.com/rest/v1/ivr/level"
    for name in ("register.md", "register.zh-CN.md"):
        text = (tmp_path / name).read_text("utf-8")
        assert [url for url in (*urls, flow) if f"`{url}`" not in text] == []
    form = orjson.loads((tmp_path / "register.json").read_bytes())
    assert form["verifications"] == [
        {"name": "PIN", "url": urls[0]},
        {"name": "CARD", "url": urls[1]},
    ]
    assert form["flow_queries"] == [{"name": "level", "url": flow}]
    assert form["flow_clients_tenants"] == [TENANT]
