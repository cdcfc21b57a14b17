"""`validator nginx`: the files that are written, what is said, and what stops it."""

from pathlib import Path

import pytest
import trustme

from tests.conftest import require_package
from tests.support import nginx_process
from tests.support.command_line import CommandLine, check_misused, check_refused

NAME = "portal.example.com"
PORTAL = {
    "VALIDATOR_PROXY_ORIGIN": f"https://{NAME}",
    "VALIDATOR_PROXY_CERTIFICATE": "portal.pem",
    "VALIDATOR_PROXY_CERTIFICATE_KEY": "portal.key",
    "VALIDATOR_PROXY_LISTEN": '["127.0.0.1:58443"]',
    "VALIDATOR_PROXY_LISTEN_PLAIN": '["127.0.0.1:58080"]',
}


@pytest.fixture
def nginx() -> None:
    """Skip the test where nginx is not installed."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)


@pytest.fixture
def certified(nowhere: CommandLine) -> CommandLine:
    """Return the command line with a home that has nothing in it but a certificate."""
    nowhere.home.mkdir()
    certificate = trustme.CA().issue_cert(NAME)
    certificate.private_key_pem.write_to_path(nowhere.home / "portal.key")
    certificate.cert_chain_pems[0].write_to_path(nowhere.home / "portal.pem")
    return nowhere


def contents(folder: Path) -> dict[str, str]:
    """Return the files of *folder*, by name."""
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def test_files_are_written_and_named(nowhere: CommandLine, tmp_path: Path) -> None:
    """The two files are written into the folder, which is made, and each is printed; no home is needed."""
    out = tmp_path / "a" / "door"

    said = nowhere("nginx", "render", "--out", str(out), variables=PORTAL)

    assert (said.code, said.err) == (0, "")
    assert set(contents(out)) == {"nginx.conf", "validator.conf"}
    for name in contents(out):
        assert str(out / name) in said.out
    assert not nowhere.home.exists()


def test_rendering_again_changes_nothing(nowhere: CommandLine, tmp_path: Path) -> None:
    """The same settings give the same bytes, in the same folder and in another one."""
    for out in ("one", "one", "two"):
        assert nowhere("nginx", "render", "--out", str(tmp_path / out), variables=PORTAL).code == 0

    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_settings_decide(nowhere: CommandLine, tmp_path: Path) -> None:
    """What is set stands in the file: the name, the certificate below the home, the callback's path."""
    variables = {**PORTAL, "VALIDATOR_CALLBACKS_AGENT_PATH": "/cloud/asks"}

    nowhere("nginx", "render", "--out", str(tmp_path / "door"), variables=variables)

    text = contents(tmp_path / "door")["validator.conf"]
    assert f"server_name {NAME};" in text
    assert f"ssl_certificate {nowhere.home}/portal.pem;" in text
    assert "location = /cloud/asks {" in text


def test_nothing_is_written_without_a_name(nowhere: CommandLine, tmp_path: Path) -> None:
    """With the defaults there is no portal: the command ends with 1, names the keys and leaves no file."""
    said = nowhere("nginx", "render", "--out", str(tmp_path / "door"))

    check_refused(said, "proxy.origin, proxy.certificate")
    assert not (tmp_path / "door").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VALIDATOR_PROXY_ORIGIN", "https://a.example; return 200"),
        ("VALIDATOR_PROXY_LOG_FOLDER", "/var/log/nginx; user root"),
        ("VALIDATOR_CALLBACKS_AGENT_PATH", "/a { return 200; }"),
        ("VALIDATOR_PROXY_CLOUD_HOST", "$http_host"),
    ],
)
def test_value_that_would_be_configuration_is_told(
    nowhere: CommandLine, tmp_path: Path, name: str, value: str
) -> None:
    """A hostile value ends the command with the variable's name; nothing is written."""
    said = nowhere("nginx", "render", "--out", str(tmp_path / "door"), variables={**PORTAL, name: value})

    assert (said.code, said.out) == (1, "")
    assert name in said.err
    assert not (tmp_path / "door").exists()


def test_folder_must_be_named(nowhere: CommandLine) -> None:
    """Without a word about where, nothing is guessed."""
    check_misused(nowhere("nginx", "render"), "--out")


def test_file_is_no_folder(nowhere: CommandLine, tmp_path: Path) -> None:
    """A file in the folder's place is not overwritten."""
    (tmp_path / "door").write_text("mine")

    check_misused(nowhere("nginx", "render", "--out", str(tmp_path / "door"), variables=PORTAL))
    assert (tmp_path / "door").read_text() == "mine"


def test_folder_that_cannot_be_made_is_told(nowhere: CommandLine, tmp_path: Path) -> None:
    """A place where nothing can be written ends the command with one line, not with a traceback."""
    (tmp_path / "file").write_text("")

    said = nowhere("nginx", "render", "--out", str(tmp_path / "file" / "door"), variables=PORTAL)

    assert said.code in (1, 2)
    assert "Traceback" not in said.err
    assert said.err


@pytest.mark.usefixtures("nginx")
def test_nginx_looks_at_it_too(certified: CommandLine, tmp_path: Path) -> None:
    """With --check a good configuration is said to be good."""
    said = certified("nginx", "render", "--out", str(tmp_path / "door"), "--check", variables=PORTAL)

    assert (said.code, said.err) == (0, "")
    assert not said.out.splitlines()[-1].startswith("written: ")


@pytest.mark.usefixtures("nginx")
def test_nginx_refuses_what_it_cannot_use(certified: CommandLine, tmp_path: Path) -> None:
    """With --check a certificate that is not there ends the command with 1 and nginx's own words."""
    (certified.home / "portal.pem").unlink()

    said = certified("nginx", "render", "--out", str(tmp_path / "door"), "--check", variables=PORTAL)

    assert said.code == 1
    assert said.err.startswith("Error: nginx refuses the configuration")
    assert "portal.pem" in said.err


@pytest.mark.usefixtures("nginx")
def test_refused_configuration_leaves_the_live_one(certified: CommandLine, tmp_path: Path) -> None:
    """With --check the folder of a running nginx stays as it was; without it the files are written."""
    render = ("nginx", "render", "--out", str(tmp_path / "door"))
    certified(*render, "--check", variables=PORTAL)
    live = contents(tmp_path / "door")
    broken = {**PORTAL, "VALIDATOR_PROXY_CLIENT_CA": "", "VALIDATOR_PROXY_CERTIFICATE": "missing.pem"}

    said = certified(*render, "--check", variables=broken)
    after = contents(tmp_path / "door")
    certified(*render, variables=broken)

    assert (said.code, said.out) == (1, "")
    assert after == live
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert contents(tmp_path / "door") != live


def test_check_needs_nginx(certified: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nginx is not installed --check says how to install it; what nobody looked at is not written."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)

    said = certified("nginx", "render", "--out", str(tmp_path / "door"), "--check", variables=PORTAL)

    assert said.code == 1
    assert "apt-get install nginx" in said.err
    assert not (tmp_path / "door").exists()


def test_table_of_limits_has_the_proxys(validator: CommandLine) -> None:
    """`limits show --all` shows nginx's limits once a proxy is configured, and not before."""
    without = validator("limits", "show", "--all").out
    with_door = validator("limits", "show", "--all", variables=PORTAL).out

    assert "nginx zone validator_login_address" in with_door
    assert "nginx zone" not in without
