"""`validator nginx cloud` says what nginx meets at the cloud, where its log has only a 502."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import orjson
import pytest

from tests.conftest import require_package
from tests.support import nginx_process, proxy_pair, strict_cloud
from tests.support.command_line import CommandLine, Said
from tests.support.proxy_pair import ELSEWHERE, Outside
from tests.support.server_process import free_bind
from validator.settings.sources import environment_variable


@pytest.fixture
def around() -> Iterator[Outside]:
    """Yield a cloud, and who answers for its name."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    with proxy_pair.outside() as outside:
        yield outside


def look(around: Outside, folder: Path, **door: str) -> Said:
    """Return what the command says, with the settings of *door* beside the needed."""
    around.cloud_authority.cert_pem.write_to_path(folder / "cloud-ca.pem")
    settings = {
        "origin": "https://portal.example.com",
        "certificate": "nowhere.pem",
        "certificate_key": "nowhere.key",
        "cloud_host": strict_cloud.NAME,
        "cloud_port": str(around.cloud.port),
        "cloud_ca": str(folder / "cloud-ca.pem"),
        "resolver": orjson.dumps([around.nameserver.address]).decode(),
        **door,
    }
    variables = {environment_variable(f"proxy.{key}"): text for key, text in settings.items()}
    return CommandLine(folder)("nginx", "cloud", variables=variables)


def test_cloud_that_answers_is_told_with_its_address(around: Outside, tmp_path: Path) -> None:
    """Told are the address behind the name and the status; the door's certificate is not needed for it."""
    said = look(around, tmp_path)

    assert said.code == 0, said
    assert f"answers with 200, at 127.0.0.1:{around.cloud.port}" in said.out


TROUBLE = {
    "impostor": "upstream SSL certificate verify error",
    "refused": "connect() failed (111",
    "unknown name": "could not be resolved",
    "resolver away": "could not be resolved",
    "another name": "upstream SSL certificate does not match",
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_each_trouble_has_its_words(around: Outside, tmp_path: Path, trouble: str) -> None:
    """One 502 is split into its causes: an untrusted server, an unreachable one, an unknown name."""
    door: dict[str, str] = {}
    beside = nullcontext()
    if trouble == "impostor":
        around.nameserver.names[strict_cloud.NAME] = ELSEWHERE
        beside = around.impostor()  # type: ignore[assignment]
    elif trouble == "another name":
        around.nameserver.names[strict_cloud.NAME] = ELSEWHERE
        beside = strict_cloud.standing(  # type: ignore[assignment]
            around.cloud_authority, address=ELSEWHERE, port=around.cloud.port, name="other.example.com"
        )
    elif trouble == "refused":
        around.nameserver.names[strict_cloud.NAME] = ELSEWHERE
    elif trouble == "unknown name":
        around.nameserver.names.clear()
    else:
        door["resolver"] = orjson.dumps([free_bind()]).decode()

    with beside:
        said = look(around, tmp_path, **door)

    assert said.code == 1
    assert TROUBLE[trouble] in said.err
    assert said.err.count("\n") == 1


def test_without_a_cloud_nothing_is_asked(around: Outside, tmp_path: Path) -> None:
    """Without the cloud's name the setting is named."""
    said = look(around, tmp_path, cloud_host="")

    assert (said.code, "proxy.cloud_host" in said.err) == (1, True)
