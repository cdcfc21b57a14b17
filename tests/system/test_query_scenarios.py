"""The cloud's queries for the customer who calls, by the simulator, at a real server."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.support.command_line import TENANT, CommandLine
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


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CommandLine, Server, Path]]:
    """Yield a command line, a server with three customers, and the file about its route."""
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
