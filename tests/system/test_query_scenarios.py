"""The cloud's queries for the customer who calls, and a flow's verifications, at a real server."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.support.command_line import TENANT, CommandLine, Said
from tests.support.nginx_and_server import environment_of
from tests.support.server_process import Server, serving
from validator.files import write_private

pytestmark = pytest.mark.slow

SECRET = "q1w2E3r4T5y6U7i8O9p0-A1s2D3f4G5h6J7k8L9_0zX"
ROWS = """\
id,number,name,level,since,card
C-1,13606254580,李伟,gold,2024-03-01,6222020200112233445
C-2,95588,王芳,standard,,
C-3,95588,赵敏,,,
C-4,13900000004,钱进,,,6222020200114444444
"""
QUERY = f"""\
tenant = "{TENANT}"
path = "/rest/v1/queryCustomer"
secrets_file = "secrets"

[numbers]
one = "13606254580"
several = "95588"
none = "13606254588"
"""
FLOW = """\
path = "/rest/v1/verification/CARD"
user = "{user}"
secret_file = "flow.secret"
number = "13606254580"
answer = "3445"
nobody = "13606254588"
"""


def write_flow(folder: Path, validator: CommandLine, variables: dict[str, str]) -> None:
    """Add a client for verifications, and write the file about the flow."""
    added = validator(
        *("clients", "add", "flows", "--tenant", TENANT, "--audience", "verification", "--json"),
        variables=variables,
    ).json()
    write_private(folder / "flow.secret", added["secret"].encode())
    (folder / "flow.toml").write_text(FLOW.format(user=added["id"]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CommandLine, Server, Path]]:
    """Yield a command line, a server with four customers, and the file about its route."""
    folder = tmp_path_factory.mktemp("queries")
    write_private(folder / "secrets", f"{TENANT} {SECRET}\n".encode())
    (folder / "customers.csv").write_text(ROWS)
    (folder / "query.toml").write_text(QUERY)
    variables = environment_of(
        {
            "customers.source": "store",
            "query_customer.routes": f'["{TENANT}=/rest/v1/queryCustomer"]',
            "query_customer.secrets_file": str(folder / "secrets"),
            "query_customer.mask": "there",
            "verification.routes": '["CARD=fields:card:4"]',
        }
    )
    validator = CommandLine(folder / "home")
    for words in (
        ["init"],
        ["tenants", "add", TENANT],
        ["customers", "import", str(folder / "customers.csv")],
    ):
        said = validator(*words, variables=variables)
        assert said.code == 0, said
    write_flow(folder, validator, variables)
    with serving(validator.home, "--workers", "1", variables=variables) as server:
        yield CommandLine(folder / "nowhere"), server, folder / "query.toml"


def test_every_step_passes_at_a_real_server(site: tuple[CommandLine, Server, Path]) -> None:
    """Without a home, with the file only, each step of the shipped scenario has the expected result."""
    validator, server, file = site

    said = validator(
        *("simulate", "run", "customer-query", "--target", f"http://{server.bind}"),
        *("--query", str(file), "--json"),
    )

    assert said.code == 0, said
    assert {step["outcome"] for step in orjson.loads(said.out)} == {"passed"}
    assert not validator.home.exists()


def test_steps_fail_where_the_route_is_another(
    site: tuple[CommandLine, Server, Path], tmp_path: Path
) -> None:
    """The control: with another secret the steps about customers fail, and the secret is not printed."""
    validator, server, file = site
    write_private(tmp_path / "secrets", f"{TENANT} {SECRET[::-1]}\n".encode())
    (tmp_path / "query.toml").write_text(file.read_text())

    said = validator(
        *("simulate", "run", "customer-query", "--target", f"http://{server.bind}"),
        *("--query", str(tmp_path / "query.toml"), "--json"),
    )

    failed = [step["expected"] for step in orjson.loads(said.out) if step["outcome"] == "failed"]
    assert said.code == 1
    assert {"one", "several", "none"} <= set(failed)
    assert "refused" not in failed
    assert SECRET[::-1] not in said.out + said.err


def test_customer_is_shown_as_by_the_cloud(site: tuple[CommandLine, Server, Path]) -> None:
    """Labels and the dictionary's words, for several customers with different fields; for nobody, no card."""
    validator, server, file = site
    words = ("simulate", "query", "--target", f"http://{server.bind}", "--query", str(file))

    one, several, nobody = (
        validator(*words, stdin=f"{number}\n") for number in ("13606254580", "95588", "13606254588")
    )
    as_json = validator(*words, "--json", stdin="13606254580\n")

    assert one.out == "客户信息\n  姓名: 李伟\n  等级: 金卡\n"
    assert several.out.count("姓名") == 2
    assert several.out.count("等级") == 1
    assert (nobody.code, "客户信息" in nobody.out) == (0, False)
    assert as_json.json() == [{"title": "客户信息", "lines": [["姓名", "李伟"], ["等级", "金卡"]]}]


def verified(site: tuple[CommandLine, Server, Path], file: Path) -> tuple[Said, dict[str, str]]:
    """Run the scenario of verifications by *file*; return the outcome of each step, too."""
    validator, server, _ = site
    target = ("--target", f"http://{server.bind}")
    said = validator("simulate", "run", "verification", *target, "--flow", str(file), "--json")
    return said, {step["step"]: step["outcome"] for step in orjson.loads(said.out)}


def test_every_verification_passes_at_a_real_server(site: tuple[CommandLine, Server, Path]) -> None:
    """Both shapes, a wrong answer, nobody's number, and requests that are refused; no secret is printed."""
    said, outcomes = verified(site, site[2].with_name("flow.toml"))

    assert (said.code, set(outcomes.values())) == (0, {"passed"}), said
    assert "3445" not in said.out + said.err
    assert not site[0].home.exists()


def test_verifications_fail_for_another_customer(
    site: tuple[CommandLine, Server, Path], tmp_path: Path
) -> None:
    """The control: for another customer the steps of a customer who passes fail, and only those."""
    folder = site[2].parent
    write_private(tmp_path / "flow.secret", (folder / "flow.secret").read_bytes())
    flow = (folder / "flow.toml").read_text().replace("13606254580", "13900000004")
    (tmp_path / "flow.toml").write_text(flow)

    said, outcomes = verified(site, tmp_path / "flow.toml")

    assert said.code == 1
    assert {step for step, outcome in outcomes.items() if outcome == "failed"} == {
        step for step in outcomes if "the right answer" in step
    }


def test_wrong_description_of_a_flow_is_refused(
    site: tuple[CommandLine, Server, Path], tmp_path: Path
) -> None:
    """The file is named, with what it should have; a step without what it needs is skipped."""
    (tmp_path / "flow.toml").write_text('path = "/rest/v1/verification/CARD"\nuser = 7\n')

    said = site[0](
        *("simulate", "run", "verification", "--target", f"http://{site[1].bind}"),
        *("--flow", str(tmp_path / "flow.toml")),
    )

    assert (said.code, said.out) == (1, "")
    assert "flow.toml: cannot be used: it has texts: path, user, secret_file, number, answer" in said.err
