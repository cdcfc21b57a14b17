"""`init` and `check`: the home is made once, privately; missing parts are reported."""

import hashlib
import shlex
import stat
from pathlib import Path

import orjson
import pytest

from tests.support.command_line import TENANT, CommandLine, check_refused, operator, printed_commands
from validator.cli.notices import OPEN, UNPROTECTED


def files_of(home: Path) -> dict[str, tuple[int, str]]:
    """Return mode and digest of everything in *home* but the audit trail."""
    return {
        str(path.relative_to(home)): (path.stat().st_mode, _digest(path))
        for path in sorted(home.rglob("*"))
        if path.parent.name != "audit"
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


@pytest.mark.parametrize("demo", [(), ("--demo",)], ids=["plain", "demo"])
def test_init_makes_a_ready_home(nowhere: CommandLine, demo: tuple[str, ...]) -> None:
    """After `init` the home has everything: `check` finds nothing wrong."""
    nowhere.did("init", *demo)

    assert set(nowhere("check", "--json").json().values()) == {"ok"}


def test_init_makes_what_is_above_the_home(tmp_path: Path) -> None:
    """A home in folders that do not exist yet is made with them."""
    deep = CommandLine(tmp_path / "a" / "b" / "home")

    deep.did("init")

    assert deep("check").code == 0


@pytest.mark.parametrize("demo", [(), ("--demo",)], ids=["plain", "demo"])
def test_home_is_for_its_owner_only(nowhere: CommandLine, demo: tuple[str, ...]) -> None:
    """Every folder of the home has mode 0700 and every file 0600, the database among them."""
    nowhere.did("init", *demo)

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [nowhere.home, *nowhere.home.rglob("*")]}

    assert {path.name: oct(mode) for path, mode in modes.items() if path.is_file() and mode != 0o600} == {}
    assert {path.name: oct(mode) for path, mode in modes.items() if path.is_dir() and mode != 0o700} == {}


@pytest.mark.parametrize("demo", [(), ("--demo",)], ids=["plain", "demo"])
def test_second_init_changes_nothing(nowhere: CommandLine, demo: tuple[str, ...]) -> None:
    """Running `init` again leaves every file as it is, but for what the audit trail adds."""
    nowhere.did("init", *demo)
    before = files_of(nowhere.home)

    nowhere.did("init", *demo)

    assert files_of(nowhere.home) == before


def test_demo_tells_its_passwords_once(nowhere: CommandLine) -> None:
    """The demo's password and secret are printed by the first run and by no other; the commands by both."""
    first = nowhere.did("init", "--demo")
    password = orjson.loads((nowhere.home / "demo" / "login.json").read_bytes())["password"]

    second = nowhere.did("init", "--demo")

    assert password in first.out
    assert password not in second.out
    assert "secret" not in second.out
    assert printed_commands(first.out) == printed_commands(second.out) != []


def test_demo_is_written_down(nowhere: CommandLine) -> None:
    """What the demo adds is in the audit trail like any change, with the operator's name."""
    nowhere.did("init", "--demo")

    told = {(entry["event"], entry["by"]) for entry in nowhere.trail()}

    assert told >= {(event, operator()) for event in ("schema", "tenant", "account", "client", "channel")}


def test_demo_after_a_plain_init(validator: CommandLine) -> None:
    """The demo can be added to a home that is in use already, even when it has the demo's tenant."""
    assert "Demo credentials" in validator.did("init", "--demo").out
    assert {account["login"] for account in validator("accounts", "list", "--json").json()} > {"demo.agent"}


def test_demo_prints_four_commands_with_the_servers_address(nowhere: CommandLine) -> None:
    """What is printed to try goes to the address the server will listen on."""
    said = nowhere("init", "--demo", variables={"VALIDATOR_SERVER_BIND": "127.0.0.1:8123"})

    commands = printed_commands(said.out)

    assert len(commands) == 4
    assert all("http://127.0.0.1:8123/" in command for command in commands)


def test_printed_commands_survive_a_space_in_the_path(tmp_path: Path) -> None:
    """A home whose path has a space is one word of each printed command, as a shell reads it."""
    spaced = CommandLine(tmp_path / "my own" / "home")
    said = spaced.did("init", "--demo")

    words = [word for command in printed_commands(said.out) for word in shlex.split(command)]

    assert f"@{spaced.home}/demo/login.json" in words


def test_init_never_prints_a_key(nowhere: CommandLine) -> None:
    """Keys are made and not shown."""
    said = nowhere.did("init", "--demo")

    keys = orjson.loads((nowhere.home / "keys" / "keyring.json").read_bytes())["keys"]

    assert all(key["secret"] not in said.out + said.err for key in keys)


def test_init_at_a_file_is_refused_in_words(tmp_path: Path) -> None:
    """A home that is a file cannot be made, and that is said in one line."""
    (tmp_path / "home").write_text("occupied")

    check_refused(CommandLine(tmp_path / "home")("init"))

    assert (tmp_path / "home").read_text() == "occupied"


@pytest.mark.parametrize(
    ("missing", "named"),
    [("keys/keyring.json", "keys"), ("validator.db", "store")],
    ids=["keyring", "database"],
)
def test_check_names_what_is_missing(validator: CommandLine, missing: str, named: str) -> None:
    """Without its keyring or its database a home is not ready: exit code 1, and that one is not ok."""
    (validator.home / missing).unlink()

    said = validator("check", "--json")

    checks = orjson.loads(said.out)
    assert (said.code, said.err) == (1, "Error: not ready\n")
    assert checks.pop(named) != "ok"
    assert set(checks.values()) == {"ok"}


def test_log_does_not_mix_with_what_a_command_prints(validator: CommandLine) -> None:
    """Without Redis a token is issued as JSON on standard output; the log goes to standard error."""
    redis = {"VALIDATOR_LIMITS_STORAGE": "redis://127.0.0.1:9/0"}

    said = validator("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7", variables=redis)

    assert (said.code, orjson.loads(said.out)["userAccount"]) == (0, "agent-7")
    assert "each worker counts for itself" in said.err


def test_check_finds_a_trail_that_cannot_be_written(validator: CommandLine) -> None:
    """A trail that cannot be opened for writing is not ok: nothing could be answered."""
    trail = validator.home / "audit" / "audit.jsonl"
    trail.unlink()
    trail.mkdir()

    said = validator("check", "--json")

    assert said.code == 1
    assert orjson.loads(said.out)["trail"] == "unavailable: the audit trail could not be written"


def test_check_passes_with_a_notice_while_redis_is_unavailable(validator: CommandLine) -> None:
    """What has a fallback is degraded: exit code 0, a notice, and on a terminal the driver's sentence."""
    redis = {"VALIDATOR_LIMITS_STORAGE": "redis://127.0.0.1:9/0"}

    for_people = validator("check", variables=redis)
    for_programs = validator("check", "--json", variables=redis)

    assert (for_people.code, for_programs.code) == (0, 0)
    assert for_people.err.splitlines()[0] == f"notice: {OPEN}"
    assert for_people.err.splitlines()[1].startswith("notice: degraded")
    assert for_people.err.count("\n") == 2
    assert "counters  degraded: Redis cannot be reached; each worker counts for itself" in for_people.out
    assert "127.0.0.1:9" in for_people.out
    checks = orjson.loads(for_programs.out)
    assert checks.pop("counters").startswith("degraded: Redis cannot be reached")
    assert set(checks.values()) == {"ok"}


@pytest.mark.parametrize(
    "settings",
    [
        {"VALIDATOR_CALLBACKS_NETWORKS": '["203.0.113.0/24"]'},
        {"VALIDATOR_PROXY_CLIENT_CA": "ca.pem", "VALIDATOR_PROXY_CALLBACKS_ORIGIN": "https://cb.example.com"},
        {"VALIDATOR_SERVER_ROLE": "people"},
        {"VALIDATOR_SERVER_ROLE": "integrations"},
    ],
    ids=["networks", "certificate", "people only", "integrations only"],
)
def test_check_notices_callbacks_open_to_anybody(validator: CommandLine, settings: dict[str, str]) -> None:
    """`check` says that anybody may ask, unless networks, a certificate or only people's routes are set."""
    assert OPEN in validator("check").err
    assert OPEN not in validator("check", variables=settings).err


@pytest.mark.parametrize("file", ["keyring.json", "sealing.key"])
def test_check_finds_keys_open_to_other_users(validator: CommandLine, file: str) -> None:
    """A key that other users may read is not ok."""
    (validator.home / "keys" / file).chmod(0o644)

    assert validator("check").code == 1


def test_check_needs_a_home(nowhere: CommandLine) -> None:
    """Without a home `check` says how to make one, and makes nothing."""
    check_refused(nowhere("check"), "run `validator init`")

    assert not nowhere.home.exists()


def test_init_says_whether_the_home_is_new(nowhere: CommandLine) -> None:
    """The output distinguishes a new home from an existing one, and names the next step until it is done."""
    first, second = nowhere.did("init"), nowhere.did("init")
    nowhere.did("tenants", "add", "7")

    third = nowhere.did("init")

    assert first.out.startswith(f"state: {nowhere.home} (new)\nnext: `validator tenants add ID`")
    assert "(there already" in second.out
    assert "next:" in second.out
    assert "next:" not in third.out


def test_check_notices_an_event_loop_without_a_proxy(validator: CommandLine) -> None:
    """An ASGI worker that nothing protects is named; one behind a proxy, or with threads, is not."""
    loop = {"VALIDATOR_SERVER_WORKER": "asgi"}
    behind = {"VALIDATOR_SERVER_TRUSTED_PROXIES": "1", "VALIDATOR_SERVER_BIND": "unix:/run/validator/a.sock"}

    assert UNPROTECTED in validator("check", variables=loop).err
    assert UNPROTECTED not in validator("check", variables={**loop, **behind}).err
    assert UNPROTECTED not in validator("check").err
