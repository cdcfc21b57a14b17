"""Why PostgreSQL cannot be used is shown on the operator's terminal in the server's words."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.command_line import CommandLine, Said, clean_environment
from tests.support.postgres import PostgresServer

PASSWORD = "correct-horse-battery"
COMMANDS = pytest.mark.parametrize("words", ["init", "check", "db upgrade", "tenants list"])


@pytest.fixture
def name(postgres_server: PostgresServer) -> Iterator[str]:
    """Yield the name of a database that a test makes, and remove it."""
    made = f"test_{uuid4().hex}"
    yield made
    postgres_server.execute(f'DROP DATABASE IF EXISTS "{made}" WITH (FORCE)')


def run(validator: CommandLine, words: str, url: str, tmp_path: Path) -> Said:
    """Run a command with the database at *url*, whose password is in a file."""
    secret = tmp_path / "password"
    secret.touch(0o600)
    secret.write_text(PASSWORD)
    return validator(
        *words.split(),
        variables={"VALIDATOR_DATABASE_URL": url, "VALIDATOR_DATABASE_PASSWORD_FILE": str(secret)},
    )


def check_told(said: Said, sentence: str) -> None:
    """Assert that a command failed with *sentence* in a few lines, without the password."""
    told = said.out + said.err
    assert said.code == 1
    assert sentence in told, told
    assert PASSWORD not in told
    assert "Traceback" not in told


@COMMANDS
def test_database_that_is_not_there(
    validator: CommandLine, postgres_server: PostgresServer, tmp_path: Path, words: str
) -> None:
    """The server says that it has no such database."""
    said = run(validator, words, postgres_server.url("no_such_database"), tmp_path)

    check_told(said, 'database "no_such_database" does not exist')


@COMMANDS
def test_server_that_is_not_there(validator: CommandLine, tmp_path: Path, words: str) -> None:
    """Nobody listens: the driver says so, with the place."""
    said = run(validator, words, "postgresql+psycopg://u@127.0.0.1:1/n", tmp_path)

    check_told(said, 'connection to server at "127.0.0.1", port 1 failed: Connection refused')


@pytest.mark.parametrize("words", ["init", "db upgrade"])
def test_role_that_may_make_no_table(
    validator: CommandLine, postgres_server: PostgresServer, name: str, tmp_path: Path, words: str
) -> None:
    """PostgreSQL 15 lets only the owner of a database make tables there: its sentence is passed on."""
    postgres_server.create(name)
    postgres_server.execute("DROP ROLE IF EXISTS stranger")
    postgres_server.execute("CREATE ROLE stranger LOGIN")
    url = postgres_server.url(name).replace("postgres@", "stranger@")

    check_told(run(validator, words, url, tmp_path), "permission denied for schema public")


@COMMANDS
@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_encoding_that_cannot_store_every_name(
    validator: CommandLine,
    postgres_server: PostgresServer,
    name: str,
    tmp_path: Path,
    words: str,
    encoding: str,
) -> None:
    """A database that is not UTF-8 is refused, with the command that makes one."""
    postgres_server.execute(f"CREATE DATABASE \"{name}\" ENCODING '{encoding}' TEMPLATE template0")

    said = run(validator, words, postgres_server.url(name), tmp_path)

    check_told(said, f"the database has the encoding {encoding}")
    assert "createdb --encoding UTF8" in said.out + said.err


@COMMANDS
def test_another_host_without_verified_tls(validator: CommandLine, tmp_path: Path, words: str) -> None:
    """What would be sent in the clear is refused before anything is connected."""
    said = run(validator, words, "postgresql+psycopg://u@db.example.com/n?sslmode=require", tmp_path)

    check_told(said, "database.insecure = true")


def test_copy_to_another_host_without_verified_tls(validator: CommandLine) -> None:
    """The target of a copy is held to the same rule."""
    said = validator("db", "copy", "--to", "postgresql+psycopg://u@db.example.com/n?sslmode=prefer")

    check_told(said, "database.insecure = true")


WITHOUT = "import sys; sys.modules[sys.argv.pop(1)] = None; from validator.__main__ import main; main()"
POSTGRES = {"VALIDATOR_DATABASE_URL": "postgresql+psycopg://u@127.0.0.1:1/n"}
REDIS = {"VALIDATOR_LIMITS_STORAGE": "redis://127.0.0.1:1/0"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("driver", "extra", "settings"), [("psycopg", "postgres", POSTGRES), ("redis", "redis", REDIS)]
)
@pytest.mark.parametrize("words", ["init", "check", "serve", "tenants list", "status"])
def test_driver_that_is_not_installed(
    validator: CommandLine, driver: str, extra: str, settings: dict[str, str], words: str
) -> None:
    """Without the extra every command says in one line what to install."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, driver, *words.split()],
        env=clean_environment() | {"VALIDATOR_HOME": str(validator.home)} | settings,
        capture_output=True,
        text=True,
        check=False,
    )

    check_told(Said(done.returncode, done.stdout, done.stderr), f"pip install 'validator[{extra}]'")
