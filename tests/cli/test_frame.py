"""What every command shares: where the home and the settings are, exit codes, errors in words, `--json`."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.support.command_line import (
    CHANNEL,
    LOGIN,
    SECRET_KEY,
    TENANT,
    CommandLine,
    Said,
    all_commands,
    check_misused,
    check_refused,
)

ISSUED = {
    "init", "check", "serve", "config show", "db upgrade", "db current",
    "tenants add", "tenants list", "tenants enable", "tenants disable",
    "accounts add", "accounts list", "accounts show", "accounts enable", "accounts disable",
    "accounts set-password",
    "clients add", "clients list", "clients rotate", "clients enable", "clients disable",
    "channels add", "channels list", "channels rotate", "channels enable", "channels disable",
    "keys list", "keys rotate", "keys revoke",
    "tokens issue", "tokens inspect", "tokens revoke", "authv2 sign",
}  # fmt: skip
LISTINGS = ["tenants list", "accounts list", "clients list", "channels list", "keys list", "config show"]
READING = [*LISTINGS, "check", "db current"]


COMMANDS = dict(sorted(all_commands()))


def options_of(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}


def test_every_promised_command_is_there() -> None:
    """No command of the first release gets lost; new ones may come."""
    assert COMMANDS.keys() >= ISSUED


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_explains_itself(words: str) -> None:
    """Each command has a sentence, and every option of it one, and `--help` ends with 0."""
    command = COMMANDS[words]

    undescribed = [
        option.name for option in command.params if isinstance(option, click.Option) and not option.help
    ]

    assert command.help
    assert undescribed == []
    assert CommandLine(Path("unused"))(*words.split(), "--help").code == 0


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_takes_home_and_config(words: str) -> None:
    """`--home` and `--config` are options of each command."""
    assert options_of(COMMANDS[words]) >= {"--home", "--config"}


@pytest.mark.parametrize(
    "words",
    [words for words in COMMANDS if words.split()[-1] in ("list", "show", "current", "check", "inspect")],
)
def test_every_listing_has_json(words: str) -> None:
    """Whatever prints what is known can print it for programs."""
    assert "--json" in options_of(COMMANDS[words])


@pytest.mark.parametrize("words", COMMANDS)
def test_no_command_takes_a_secret_as_an_argument(words: str) -> None:
    """A secret in an argument would be seen by every user of the machine: only files of secrets are named."""
    secretive = [
        name
        for parameter in COMMANDS[words].params
        for name in [*parameter.opts, str(parameter.name)]
        if any(word in name for word in ("password", "secret", "token")) and "file" not in name
    ]

    assert secretive == []


@pytest.mark.parametrize("words", READING)
def test_json_is_json(validator: CommandLine, words: str) -> None:
    """What is printed with `--json` is one JSON text, and nothing beside it."""
    assert validator(*words.split(), "--json").json()


@pytest.mark.parametrize("words", READING)
def test_listing_is_also_for_people(validator: CommandLine, words: str) -> None:
    """Without `--json` the same is printed as lines."""
    said = validator(*words.split(), variables={"VALIDATOR_CALLBACKS_NETWORKS": "203.0.113.0/24"})

    assert (said.code, said.err) == (0, "")
    assert said.out.strip()


@pytest.mark.parametrize("words", ["tenants list", "accounts list", "clients list", "channels list"])
def test_empty_listing_is_an_empty_list(nowhere: CommandLine, words: str) -> None:
    """Where there is nothing yet, JSON says `[]` and a person reads "none"."""
    nowhere.did("init")

    assert nowhere(*words.split(), "--json").json() == []
    assert nowhere(*words.split()).out == "none\n"


def with_home(validator: CommandLine, words: list[str]) -> Said:
    """Run the command where the environment names another home."""
    return validator(*words, variables={"VALIDATOR_HOME": str(validator.home.parent / "elsewhere")})


@pytest.mark.parametrize("position", [0, 1, 2], ids=["first", "between", "last"])
def test_home_is_taken_anywhere_and_wins_over_the_environment(validator: CommandLine, position: int) -> None:
    """`--home` may stand before, between and behind the words of a command, and beats VALIDATOR_HOME."""
    words = ["tenants", "list"]
    words[position:position] = ["--home", str(validator.home)]

    assert TENANT in with_home(validator, words).out


@pytest.mark.parametrize("position", [0, 1, 2], ids=["first", "between", "last"])
def test_config_is_taken_anywhere_and_wins_over_the_environment(
    validator: CommandLine, tmp_path: Path, position: int
) -> None:
    """`--config` may stand before, between and behind the words, and beats VALIDATOR_CONFIG."""
    for name, workers in (("chosen", 7), ("passed-over", 8)):
        (tmp_path / f"{name}.toml").write_text(f"[server]\nworkers = {workers}\n")
    words = ["config", "show"]
    words[position:position] = ["--config", str(tmp_path / "chosen.toml")]

    said = validator(*words, "--json", variables={"VALIDATOR_CONFIG": str(tmp_path / "passed-over.toml")})

    (row,) = [row for row in said.json() if row["key"] == "server.workers"]
    assert (row["value"], row["source"]) == (7, str(tmp_path / "chosen.toml"))


@pytest.mark.slow
def test_environment_names_home_and_config(validator: CommandLine, tmp_path: Path) -> None:
    """VALIDATOR_HOME and VALIDATOR_CONFIG are enough for the real program."""
    (tmp_path / "own.toml").write_text("[server]\nthreads = 9\n")

    said = validator.program(
        "config", "show", "--json", variables={"VALIDATOR_CONFIG": str(tmp_path / "own.toml")}
    )

    assert {"key": "server.threads", "value": 9, "source": str(tmp_path / "own.toml")} in said.json()


def test_home_defaults_to_var_here(validator: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word about it the home is `./var`."""
    validator.home.rename(validator.home.parent / "var")
    monkeypatch.chdir(validator.home.parent)

    assert TENANT in validator("tenants", "list", variables={"VALIDATOR_HOME": ""}).out


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["tenants", "nonsense"],
        ["tenants", "add"],
        ["tenants", "add", "a", "b"],
        ["accounts", "add", "someone"],
        ["serve", "--role", "everything"],
        ["serve", "--workers", "0"],
        ["tokens", "issue", "--tenant", TENANT],
        ["tokens", "issue", "--tenant", TENANT, "--user-id", "1"],
        ["tokens", "revoke", "--everything", "--jti", "1"],
        ["channels", "add", "1", "--tenant", TENANT],
        ["clients", "add", "one", "--tenant", TENANT, "--audience", "everybody"],
        ["authv2", "sign"],
        ["tenants", "list", "--secret", "x"],
    ],
    ids="-".join,
)
def test_misuse_ends_with_2(validator: CommandLine, words: list[str]) -> None:
    """A command that does not exist, or is used wrongly, ends with exit code 2 and says how it is used."""
    check_misused(validator(*words))


@pytest.mark.parametrize("words", ["tenants list", "db current", "keys list", "keys rotate", "check"])
def test_missing_home_is_told(nowhere: CommandLine, words: str) -> None:
    """Where nothing was set up, every command says how to begin, and makes no folder."""
    check_refused(nowhere(*words.split()), "there is no home at")

    assert not nowhere.home.exists()


@pytest.mark.slow
def test_missing_home_is_not_served(nowhere: CommandLine) -> None:
    """The real program says the same, and starts no server."""
    check_refused(nowhere.program("serve"), "there is no home at")

    assert not nowhere.home.exists()


@pytest.mark.parametrize(
    "words", ["keys list", "keys rotate", f"tokens issue --tenant {TENANT} --user-account 1"]
)
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff", b'{"keys": []}'], ids=str)
def test_missing_or_broken_keyring_is_told(validator: CommandLine, words: str, content: bytes | None) -> None:
    """Without a usable keyring nothing is signed: one line, exit code 1, and no word of the file."""
    keyring = validator.home / "keys" / "keyring.json"
    keyring.unlink()
    if content is not None:
        keyring.touch(0o600)
        keyring.write_bytes(content)

    check_refused(validator(*words.split()), "keyring.json")


@pytest.mark.parametrize("words", [["authv2", "sign", "--channel", CHANNEL], ["channels", "rotate", CHANNEL]])
def test_missing_sealing_key_is_told(validator: CommandLine, tmp_path: Path, words: list[str]) -> None:
    """Without the sealing key no channel's secret is opened or kept."""
    (validator.home / "keys" / "sealing.key").unlink()
    (tmp_path / "payload").write_text(
        '{"thirdUserName":"a","thirdUserId":"b","tenantSpaceId":"c","channelConfigId":"d"}'
    )
    payload = ["--payload-file", str(tmp_path / "payload")] if words[0] == "authv2" else []

    check_refused(validator(*words, *payload, stdin=SECRET_KEY))


@pytest.mark.parametrize(
    "words", ["tenants list", "accounts list", f"tenants disable {TENANT}", "db upgrade"]
)
def test_database_that_is_none_is_told(validator: CommandLine, words: str) -> None:
    """A database file that is no database is one line, not a traceback."""
    (validator.home / "validator.db").write_bytes(b"this is not a database, whatever its name says" * 100)

    check_refused(validator(*words.split()))


def test_database_that_is_away_is_told(validator: CommandLine) -> None:
    """A PostgreSQL server that does not answer is one line within its time, not a traceback."""
    away = {"VALIDATOR_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/none"}

    check_refused(validator("tenants", "list", variables=away), "unavailable")


def test_trail_that_is_away_stops_every_change(validator: CommandLine) -> None:
    """A change that cannot be recorded is not made."""
    trail = validator.home / "audit" / "audit.jsonl"
    trail.unlink()
    trail.mkdir()

    check_refused(validator("tenants", "disable", TENANT))

    assert [tenant["status"] for tenant in validator("tenants", "list", "--json").json()] == ["active"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[server", ["cannot be read"]),
        (b"\xff\xfe", ["cannot be read"]),
        (None, ["cannot be read", "No such file"]),
        (b"[server]\nwrokers = 2\n", ["server.wrokers: unknown setting", "did you mean server.workers"]),
        (b"[server]\nworkers = 0\n", ["server.workers: 0 is not allowed", "1 to 64"]),
        (b"[server]\nworkers = 0\nthreads = 0\n", ["server.workers", "server.threads"]),
        (b'[database]\nurl = "postgresql+psycopg://u:hunter2@h/n"\n', ["has a password in it"]),
    ],
    ids=["syntax", "not-utf-8", "missing", "unknown", "value", "two", "password"],
)
def test_broken_configuration_is_told(
    validator: CommandLine, tmp_path: Path, content: bytes | None, words: list[str]
) -> None:
    """Every problem of the settings has a line that names its file; no line quotes a password."""
    file = tmp_path / "own.toml"
    if content is not None:
        file.write_bytes(content)

    said = validator("config", "show", "--config", str(file))

    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"Error: the configuration cannot be used:\n  {file}: ")
    assert all(word in said.err for word in words)
    assert all(line.startswith((f"  {file}: ", "Error: ")) for line in said.err.splitlines())
    assert "hunter2" not in said.err


@pytest.mark.slow
def test_unknown_variable_is_told(validator: CommandLine) -> None:
    """A misspelt variable is no silence: the command names it and the one that was meant."""
    said = validator.program("config", "show", variables={"VALIDATOR_SERVER_WROKERS": "2"})

    assert said.code == 1
    assert "did you mean VALIDATOR_SERVER_WORKERS" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "words",
    [
        ["tenants", "add", b"\xff"],
        ["tenants", "add", "2", "--name", b"\xff"],
        ["clients", "add", b"\xff", "--tenant", TENANT],
        ["accounts", "show", b"\xff"],
        ["accounts", "add", b"\xff", "--tenant", TENANT, "--generate"],
        ["channels", "disable", b"\xff"],
        ["keys", "revoke", b"\xff"],
        ["tokens", "issue", "--tenant", TENANT, "--user-account", b"\xff"],
    ],
    ids=lambda words: "-".join(word for word in words if isinstance(word, str)),
)
def test_argument_that_is_no_text_is_told(validator: CommandLine, words: list[str | bytes]) -> None:
    """Bytes that are no UTF-8 are refused in words, exit code 1 or 2, and change nothing."""
    before = validator.trail()

    said = validator(*map(os.fsdecode, words))

    assert said.code in (1, 2)
    assert said.out == ""
    assert "Traceback" not in said.err
    assert "Error: " in said.err
    assert validator.trail() == before


@pytest.mark.slow
def test_bytes_that_are_no_text_reach_the_program(validator: CommandLine) -> None:
    """The real program, which gets such bytes from the system, refuses them alike."""
    said = validator.program("accounts", "show", b"\xff")

    check_misused(said, "an argument is not UTF-8")


@pytest.mark.slow
def test_output_that_nobody_reads_is_no_traceback(validator: CommandLine) -> None:
    """A reader that goes away, like `head`, does not make a command complain."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "validator", "accounts", "list", "--home", str(validator.home)]

    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False, timeout=30)

    os.close(writer)
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


def test_account_of_another_case_is_the_same(validator: CommandLine) -> None:
    """A login name has no case: operators may type it as they like."""
    assert validator("accounts", "show", LOGIN.upper(), "--json").json()["login"] == LOGIN
