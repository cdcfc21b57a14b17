"""`config show`: every setting in force, and where its value was written."""

import tomllib
from pathlib import Path
from typing import Any

from tests.support.command_line import CommandLine

DEFAULTS = Path(__file__).parents[2] / "config" / "default.toml"


def shown(validator: CommandLine, *words: str, variables: dict[str, str] | None = None) -> dict[str, Any]:
    """Return value and source of every setting, by its key."""
    rows = validator("config", "show", "--json", *words, variables=variables).json()
    return {row["key"]: (row["value"], row["source"]) for row in rows}


def test_every_setting_is_shown_with_its_default(validator: CommandLine) -> None:
    """Without a word from the operator, what is shown is the shipped file of defaults, and says so."""
    defaults = {
        f"{section}.{key}": (value, "default.toml")
        for section, table in tomllib.loads(DEFAULTS.read_text("utf-8")).items()
        for key, value in table.items()
    }

    assert shown(validator) == defaults


def test_source_of_each_value_is_told(validator: CommandLine, tmp_path: Path) -> None:
    """A value of the operator's file names the file, one of the environment names the variable and wins."""
    file = tmp_path / "own.toml"
    file.write_text('[tokens]\nagent_lifetime = "5m"\nchat_lifetime = "6m"\n')

    settings = shown(validator, "--config", str(file), variables={"VALIDATOR_TOKENS_CHAT_LIFETIME": "7m"})

    assert settings["tokens.agent_lifetime"] == ("5m", str(file))
    assert settings["tokens.chat_lifetime"] == ("7m", "environment: VALIDATOR_TOKENS_CHAT_LIFETIME")
    assert settings["tokens.leeway"] == ("30s", "default.toml")


def test_table_tells_the_same(validator: CommandLine) -> None:
    """For people the same is a table of key, value and source."""
    said = validator("config", "show", variables={"VALIDATOR_LOG_LEVEL": "debug"})

    rows = [line.split() for line in said.out.splitlines()]

    assert rows[0] == ["key", "value", "source"]
    assert ["log.level", "debug", "environment:", "VALIDATOR_LOG_LEVEL"] in rows
    assert len(rows) == 1 + len(shown(validator))


def test_secrets_are_never_shown(validator: CommandLine, tmp_path: Path) -> None:
    """Of a secret only the name of its file is shown, for people and for programs."""
    secret = tmp_path / "database-password"
    secret.touch(0o600)
    secret.write_text("hunter2-in-the-file")
    variables = {
        "VALIDATOR_DATABASE_URL": "postgresql+psycopg://validator@127.0.0.1:1/validator",
        "VALIDATOR_DATABASE_PASSWORD_FILE": str(secret),
    }

    said = [validator("config", "show", *words, variables=variables) for words in ((), ("--json",))]

    assert all(one.code == 0 for one in said)
    assert all(str(secret) in one.out for one in said)
    assert not any("hunter2" in one.out + one.err for one in said)


def test_secret_file_open_to_others_is_refused(validator: CommandLine, tmp_path: Path) -> None:
    """A file of a secret that other users may read is a broken configuration."""
    secret = tmp_path / "database-password"
    secret.write_text("hunter2-in-the-file")
    secret.chmod(0o644)

    said = validator("config", "show", variables={"VALIDATOR_DATABASE_PASSWORD_FILE": str(secret)})

    assert said.code == 1
    assert "is open to other users" in said.err
    assert "hunter2" not in said.err


def test_showing_needs_no_home(nowhere: CommandLine) -> None:
    """Settings can be looked at before anything is set up."""
    assert "server.bind" in shown(nowhere)
    assert not nowhere.home.exists()
