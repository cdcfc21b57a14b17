"""The units of systemd: safe by its own measure, without a mistake, and fit for the settings."""

import configparser
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.architecture.source import CHECKOUT
from tests.conftest import require_package
from validator.outgoing import slots_below
from validator.settings.fields import parse_duration
from validator.settings.loading import load

ANALYZE = "systemd-analyze"
UNITS = CHECKOUT / "deploy" / "systemd"
POOLS = ["callbacks", "people", "integrations"]
METRICS = "validator-metrics"
SAFEST = 1.5  # the most exposure that is allowed; 10 is a service without any protection
LOOSENED = "validator@.service.d"
OPERATORS = {"cloud.app_secret", "cloud.secret_key"}  # only commands of the operator ask the cloud
# Only the pool that has the routes.
INTEGRATIONS = {
    "callrecords.secrets",
    "customers.http_secret",
    "customers.sql_password",
    "query_customer.secrets",
    "verification.secret",
    "webhooks.secret",
}
EXPOSURE = re.compile(r"Overall exposure level for \S+: ([\d.]+)")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Return a root folder with systemd's own units, the validator's, and the programs that they start."""
    require_package("systemd", found=shutil.which(ANALYZE) is not None)
    place = tmp_path / "root" / "etc" / "systemd" / "system"
    shutil.copytree(UNITS, place)
    shutil.copytree("/usr/lib/systemd/system", tmp_path / "root" / "usr/lib/systemd/system", symlinks=True)
    for program in re.findall(r"^Exec(?:StartPre|Start|Reload)=\+?(\S+)", service_text(), re.MULTILINE):
        file = tmp_path / "root" / program.removeprefix("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
    return tmp_path / "root"


def service_text() -> str:
    """Return the template of the services."""
    return (UNITS / "validator@.service").read_text("utf-8")


def analyze(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run systemd-analyze."""
    return subprocess.run([ANALYZE, *words], capture_output=True, text=True, check=False, timeout=60)


def exposure(folder: Path, pool: str) -> float:
    """Return how exposed the service of *pool* is, as the files in *folder* have it."""
    unit = folder / f"validator@{pool}.service"
    unit.write_text((folder / "validator@.service").read_text("utf-8"))
    told = analyze("security", "--offline=true", "--no-pager", str(unit)).stdout
    found = EXPOSURE.search(told)
    assert found, told
    return float(found[1])


def value(text: str, key: str) -> str:
    """Return the last value of *key* in the text of a unit."""
    values: list[str] = re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)
    return values[-1]


@pytest.mark.parametrize("pool", POOLS)
def test_service_is_hardly_exposed(units: Path, pool: str) -> None:
    """Systemd's own measure of what a service could do is at most 1.5 of 10."""
    assert exposure(units / "etc/systemd/system", pool) <= SAFEST


def test_service_on_the_network_is_hardly_exposed(units: Path) -> None:
    """Also with the drop-in that lets it reach PostgreSQL and Redis."""
    folder = units / "etc/systemd/system"
    strict = exposure(folder, "callbacks")

    (folder / LOOSENED).mkdir()
    shutil.copy(folder / "several-nodes.conf", folder / LOOSENED)
    loose = exposure(folder, "callbacks")

    assert strict < loose <= SAFEST


def test_event_loop_is_for_the_callbacks_only() -> None:
    """The drop-in chooses the worker that only the callbacks' pool has, and names its folder."""
    text = (UNITS / "event-loop.conf").read_text("utf-8")

    assert value(text, "Environment") == "VALIDATOR_SERVER_WORKER=asgi"
    assert "/etc/systemd/system/validator@callbacks.service.d/" in text


def test_measure_knows_what_is_exposed(units: Path) -> None:
    """Without its protection the service would be far above: what is measured is the protection."""
    folder = units / "etc/systemd/system"
    kept = [line for line in service_text().splitlines() if re.match(r"\[|Type|User|Group|Exec", line)]
    (folder / "validator@.service").write_text("\n".join(kept) + "\n")

    assert exposure(folder, "callbacks") > 8


@pytest.mark.parametrize("drop_in", [None, "several-nodes.conf"])
def test_metrics_are_hardly_exposed(units: Path, drop_in: str | None) -> None:
    """What shows the metrics could do hardly more than a pool, also with the drop-in for a network."""
    folder = units / "etc/systemd/system"
    if drop_in:
        (folder / f"{METRICS}.service.d").mkdir()
        shutil.copy(folder / drop_in, folder / f"{METRICS}.service.d")

    told = analyze("security", "--offline=true", "--no-pager", str(folder / f"{METRICS}.service")).stdout
    found = EXPOSURE.search(told)

    assert found, told
    assert float(found[1]) <= SAFEST


def test_metrics_are_for_this_host() -> None:
    """The socket is on the loopback, where the settings say, and takes packets of this host only."""
    text = (UNITS / f"{METRICS}.socket").read_text("utf-8")

    assert value(text, "ListenStream") == load(CHECKOUT, environment={}).metrics.bind
    assert (value(text, "IPAddressDeny"), value(text, "IPAddressAllow")) == ("any", "localhost")


def test_metrics_have_what_a_pool_has() -> None:
    """It has the pools' user, places, secrets and sandbox, but for the two things that it needs more."""
    text = (UNITS / f"{METRICS}.service").read_text("utf-8")
    sandbox = re.compile(r"^[A-Z]\w*=.*$", re.MULTILINE)
    own = {
        "ExecStart",
        "ExecStartPre",
        "ExecReload",
        "KillMode",
        "Restart",
        "RestartSec",
        "OOMPolicy",
        "TasksMax",
    }
    own |= {"Description", "Requires", "After", "TimeoutStopSec", "LimitNOFILE"}

    missing = set(sandbox.findall(service_text())) - set(sandbox.findall(text))

    loosened = {line for line in missing if line.partition("=")[0] not in own}
    assert loosened == {
        "InaccessiblePaths=-/etc/credstore -/etc/validator/tls -/root",  # it reads when certificates end
        "ProtectProc=invisible",  # it sees how large the workers are
    }


@pytest.mark.parametrize("kind", ["service", "socket"])
def test_units_have_no_mistake(units: Path, kind: str) -> None:
    """Systemd finds nothing wrong in any unit: no unknown key, no program or unit that is missing."""
    names = [*(f"validator@{pool}.{kind}" for pool in POOLS), f"{METRICS}.{kind}"]

    done = analyze("verify", "--man=no", f"--root={units}", *names)

    assert (done.returncode, done.stderr) == (0, "")


def test_mistake_would_be_found(units: Path) -> None:
    """A misspelt key, or a program that is not there, is found."""
    unit = units / "etc/systemd/system/validator@.service"
    unit.write_text(service_text().replace("PrivateTmp=", "PrivateTemp="))
    (units / "opt/validator/current/bin/validator").unlink()

    said = analyze("verify", "--man=no", f"--root={units}", "validator@callbacks.service").stderr

    assert "PrivateTemp" in said
    assert "/opt/validator/current/bin/validator" in said


@pytest.mark.slow
@pytest.mark.parametrize(("key", "is_known"), [("Environment", True), ("Enviroment", False)])
def test_event_loop_is_a_drop_in_without_a_mistake(units: Path, key: str, is_known: bool) -> None:
    """Systemd reads the drop-in where it says that it belongs, and would find a misspelt key in it."""
    folder = units / "etc/systemd/system/validator@callbacks.service.d"
    folder.mkdir()
    text = (UNITS / "event-loop.conf").read_text("utf-8")
    (folder / "event-loop.conf").write_text(text.replace("Environment=", f"{key}="))

    said = analyze("verify", "--man=no", f"--root={units}", "validator@callbacks.service").stderr

    assert said == "" if is_known else "event-loop.conf" in said


def secrets() -> set[str]:
    """Return the names of the secrets that the settings know."""
    keys = [setting.key for setting in load(CHECKOUT, environment={}).effective]
    return {
        key.removesuffix("_file")
        for key in keys
        if key.endswith(("password_file", "secret_file", "secrets_file"))
    }


def test_every_secret_is_a_credential() -> None:
    """Each secret that an answer needs is given as a credential of its name, and no other."""
    drop_in = (UNITS / "validator@integrations.service.d" / "pool.conf").read_text("utf-8")
    given, more = (
        set(re.findall(r"^LoadCredential=([\w.]+):validator\.\1$", text, re.MULTILINE))
        for text in (service_text(), drop_in)
    )

    assert given
    assert given == secrets() - OPERATORS - INTEGRATIONS
    assert more == INTEGRATIONS


def test_operators_command_has_every_secret_and_the_same_places() -> None:
    """What the operator runs has the services' home, every secret, and their settings or those named."""
    script = (CHECKOUT / "deploy" / "validator.sh").read_text("utf-8")
    places = dict(place.split("=") for place in value(service_text(), "Environment").split())
    named = re.search(r"^for name in ([^;]+); do$", script, re.MULTILINE)

    assert f"export VALIDATOR_HOME={places.pop('VALIDATOR_HOME')} " in script
    assert f'VALIDATOR_CONFIG="${{VALIDATOR_CONFIG:-{places.pop("VALIDATOR_CONFIG")}}}"\n' in script
    assert places == {}
    assert named is not None
    assert set(named[1].replace("\\", "").split()) >= secrets()


def test_metrics_are_in_memory() -> None:
    """The guide's settings, the folders made when the host starts, and both units name one folder in /run."""
    place = "/run/validator-metrics"
    folders = (CHECKOUT / "deploy" / "tmpfiles.d" / "validator.conf").read_text("utf-8")
    guide = (CHECKOUT / "deploy" / "install.md").read_text("utf-8")

    assert f'[metrics]\ndirectory = "{place}"\n' in guide
    assert re.search(rf"^d +{place} +0700 validator validator", folders, re.MULTILINE)
    for text in (service_text(), (UNITS / f"{METRICS}.service").read_text("utf-8")):
        assert value(text, "ReadWritePaths") == f"-{place}"
        assert f"-{place}" in value(text, "NoExecPaths").split()


def test_stop_takes_longer_than_the_servers_own_patience() -> None:
    """Systemd waits longer for a stop than the server lets its workers finish."""
    graceful = load(CHECKOUT, environment={}).server.graceful_timeout

    assert parse_duration(value(service_text(), "TimeoutStopSec")) > graceful


def test_people_come_after_the_cloud() -> None:
    """The people's pool is the size that was measured, and comes after everything else."""
    text = (UNITS / "validator@people.service.d" / "pool.conf").read_text("utf-8")

    assert value(text, "Environment").split() == ["VALIDATOR_SERVER_WORKERS=1", "VALIDATOR_SERVER_THREADS=2"]
    assert value(text, "Nice") == "10"


def test_integrations_are_a_small_pool() -> None:
    """The integrations' pool has more threads than any system has slots, and less than the usual weight."""
    text = (UNITS / "validator@integrations.service.d" / "pool.conf").read_text("utf-8")

    assert value(text, "Environment").split() == ["VALIDATOR_SERVER_WORKERS=1", "VALIDATOR_SERVER_THREADS=8"]
    assert int(value(text, "CPUWeight")) < 100
    assert 2 * slots_below(8, 2) < 8  # agents and callers


def test_socket_is_for_nginx_alone() -> None:
    """Root and nginx's group open the sockets, and they are where the services say that they listen."""
    text = (UNITS / "validator@.socket").read_text("utf-8")
    listens = re.search(r"--bind unix:(\S+)", service_text())

    assert (value(text, "SocketUser"), value(text, "SocketGroup")) == ("root", "www-data")
    assert stat.S_IMODE(int(value(text, "SocketMode"), 8)) == 0o660
    assert listens is not None
    assert value(text, "ListenStream") == listens[1]


def test_settings_for_production_fit_the_units() -> None:
    """The example for production and the guide name the sockets that the units open."""
    for page in ("deploy/install.md", "deploy/settings.example.toml"):
        text = (CHECKOUT / page).read_text("utf-8")
        assert {f"unix:/run/validator/{pool}.sock" for pool in POOLS} <= set(
            re.findall(r"unix:[\w/.]+", text)
        ), page


def test_drop_ins_are_units() -> None:
    """Each drop-in is sections of keys; a stray line would be ignored by systemd."""
    for file in [*UNITS.glob("*.conf"), *UNITS.glob("*/*.conf")]:
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.optionxform = str  # type: ignore[assignment, method-assign]
        parser.read_string(file.read_text("utf-8"))
        assert parser.sections() == ["Service"], file
