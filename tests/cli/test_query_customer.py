"""The commands beside `queryCustomer`: they name its role and routes, and never a secret."""

import re
from pathlib import Path

import orjson
import pytest

from tests.support.command_line import TENANT, CommandLine, check_refused
from validator.files import write_private

ROUTE = "/rest/v1/queryCustomer"
SECRET = "q1w2E3r4T5y6U7i8O9p0-A1s2D3f4G5h6J7k8L9_0zX"
MISSING = f"has no secret of the tenant space {TENANT}"
ON = {
    "VALIDATOR_QUERY_CUSTOMER_ROUTES": f"{TENANT}={ROUTE}",
    "VALIDATOR_QUERY_CUSTOMER_SECRETS_FILE": "query-secrets",
    "VALIDATOR_CUSTOMERS_SOURCE": "store",
    "VALIDATOR_PROXY_ORIGIN": "https://portal.example.com",
    "VALIDATOR_PROXY_CERTIFICATE": "portal.pem",
    "VALIDATOR_PROXY_CERTIFICATE_KEY": "portal.key",
}
WITHOUT = {**ON, "VALIDATOR_QUERY_CUSTOMER_SECRETS_FILE": ""}
NOWHERE = "192.0.2.1:9"  # an address no machine has: a server that started all the same would soon end


@pytest.fixture
def secrets(validator: CommandLine) -> Path:
    """Write the file of the secrets."""
    path = validator.home / "query-secrets"
    write_private(path, f"{TENANT} {SECRET}\n".encode())
    return path


@pytest.mark.usefixtures("secrets")
def test_check_names_the_role(validator: CommandLine) -> None:
    """With a route on, `check` has a line for the role; without its secret it fails and names it."""
    assert "integrations" not in validator("check", "--json").json()
    assert validator("check", "--json", variables=ON).json()["integrations"] == "ok"

    said = validator("check", "--json", variables=WITHOUT)

    assert said.code == 1
    assert MISSING in orjson.loads(said.out)["integrations"]


@pytest.mark.slow
@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("role", ["integrations", "all"])
def test_server_without_the_secret_is_refused(validator: CommandLine, role: str) -> None:
    """A server with the route does not start without its secret, or with a secret of no route."""
    words = ("serve", "--role", role, "--bind", NOWHERE)

    check_refused(validator.program(*words, variables=WITHOUT), MISSING)
    write_private(validator.home / "query-secrets", f"{TENANT} {SECRET}\n10001 {SECRET[::-1]}\n".encode())
    check_refused(validator.program(*words, variables=ON), "names 10001, which has no route")


@pytest.mark.slow
def test_other_pools_need_no_secret(validator: CommandLine) -> None:
    """The pools without the route start without the secret, up to the address that does not exist."""
    for role in ("people", "callbacks"):
        said = validator.program("serve", "--role", role, "--bind", NOWHERE, variables=WITHOUT)
        check_refused(said, "is not an address of this host")


@pytest.mark.parametrize(("proof", "place"), [("path", f"{ROUTE}/…"), ("basic", ROUTE)])
@pytest.mark.usefixtures("secrets")
def test_form_has_the_url_without_the_secret(
    validator: CommandLine, tmp_path: Path, proof: str, place: str
) -> None:
    """Both forms have the URL of the route and how its secret is presented, the JSON the same."""
    variables = {**ON, "VALIDATOR_QUERY_CUSTOMER_PROOF": proof}

    assert validator("registration", "--out", str(tmp_path), variables=variables).code == 0

    for name in ("register.md", "register.zh-CN.md"):
        text = (tmp_path / name).read_text("utf-8")
        assert f"| `{TENANT}` | `https://portal.example.com{place}` |" in text
        assert ("Basic" in text) is (proof == "basic")
    form = orjson.loads((tmp_path / "register.json").read_bytes())
    assert form["customer_queries"] == [{"tenant": TENANT, "url": f"https://portal.example.com{ROUTE}"}]
    assert form["customer_queries_secret_in"] == proof


@pytest.mark.usefixtures("secrets")
def test_no_command_prints_the_secret(validator: CommandLine, tmp_path: Path) -> None:
    """What shows settings, limits, state and nginx's configuration has the route and not the secret."""
    out = tmp_path / "out"
    said = [
        validator(*words, variables=ON)
        for words in (
            ("config", "show"),
            ("limits", "show", "--all"),
            ("check",),
            ("status",),
            ("metrics", "show"),
            ("nginx", "render", "--out", str(out)),
            ("registration", "--out", str(out)),
        )
    ]
    texts = [one.out + one.err for one in said] + [
        path.read_text("utf-8") for path in out.iterdir() if path.is_file()
    ]

    assert [text for text in texts if SECRET in text] == []
    assert sum(ROUTE in text for text in texts) >= 6


def test_limits_name_the_route_and_not_its_secret(validator: CommandLine) -> None:
    """The limits of queries are listed with their route, in the application and in nginx."""
    rows = validator("limits", "show", "--route", ROUTE, "--json", variables=WITHOUT).json()

    assert {row["limit"] for row in rows} >= {"query_foreign", "query_source", "query_misses", "query_tenant"}
    assert {row["route"] for row in rows} == {ROUTE, f"{ROUTE}/<presented_secret>"}
    assert all(re.fullmatch(r"[/\w<>]+", row["route"]) for row in rows)
