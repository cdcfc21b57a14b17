"""`db copy` and `db backup`: nothing is lost on the way, and what was revoked stays revoked."""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
import sqlalchemy
from sqlalchemy import text

from tests.support.command_line import (
    CHANNEL,
    LOGIN,
    PASSWORD,
    SECRET_KEY,
    TENANT,
    CommandLine,
    Said,
    check_misused,
    check_refused,
)
from validator.app import create_app
from validator.store.database import Database, DatabasePolicy

URL = "VALIDATOR_DATABASE_URL"
FILE = "validator.db"
USED = {
    *("accounts", "channel_origins", "channels", "clients", "login_addresses", "login_attempts", "marks"),
    *("revocations", "sessions", "tenants"),
}
TIMEOUT = timedelta(seconds=5)


@pytest.fixture
def lived_in(validator: CommandLine) -> CommandLine:
    """Return a home where somebody is logged in, somebody mistyped, and a token was revoked."""
    with validator.opened() as services:
        browser = create_app(services).test_client()
        for password in (PASSWORD, "a wrong guess"):
            browser.post("/api/v1/login", json={"account": LOGIN, "password": password})
    validator.did("tokens", "revoke", stdin=issued(validator))
    return validator


@pytest.fixture
def target(postgres_database: str, tmp_path: Path) -> Iterator[Database]:
    """Yield the empty PostgreSQL database that is copied to."""
    opened = Database(DatabasePolicy(tmp_path, postgres_database, TIMEOUT))
    yield opened
    opened.close()


def issued(validator: CommandLine) -> str:
    """Return a new agent token."""
    words = ("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7")
    return str(validator(*words).json()["access_token"])


def is_accepted(validator: CommandLine, token: str, url: str | None = None) -> bool:
    """Return whether *token* is accepted with the database at *url*, else with the home's own."""
    variables = {} if url is None else {URL: url}
    return validator("tokens", "inspect", stdin=token, variables=variables).code == 0


def copied(said: Said) -> dict[str, dict[str, object]]:
    """Return what `db copy --json` printed, by table."""
    return {row["table"]: row for row in said.json()}


def count(database: Database, table: str) -> int:
    """Return how many rows a table has."""
    with database.read() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def tables(database: Database) -> list[str]:
    """Return the tables that have rows, but for the schema's version and the heads of trails."""
    with database.read() as connection:
        names = set(sqlalchemy.inspect(connection).get_table_names()) - {"alembic_version", "trail_heads"}
    return sorted(name for name in names if count(database, name))


def test_everything_arrives_in_postgresql(lived_in: CommandLine, target: Database) -> None:
    """Every table of a used home is in PostgreSQL with all its rows, also sessions, failures and marks."""
    url = target.engine.url.render_as_string(hide_password=False)

    rows = copied(lived_in("db", "copy", "--to", url, "--json"))

    assert set(tables(target)) >= USED
    assert {name: count(target, name) for name in rows} == {name: rows[name]["rows"] for name in rows}


def test_what_was_good_is_good_and_what_was_revoked_is_revoked(
    lived_in: CommandLine, postgres_database: str
) -> None:
    """On the copy a token lives on, a revoked one stays dead, and the server is ready."""
    good, revoked = issued(lived_in), issued(lived_in)
    lived_in.did("tokens", "revoke", stdin=revoked)

    lived_in.did("db", "copy", "--to", postgres_database)

    assert [is_accepted(lived_in, token, postgres_database) for token in (good, revoked)] == [True, False]
    assert lived_in("check", variables={URL: postgres_database}).code == 0


def test_channel_still_signs_on_the_copy(
    lived_in: CommandLine, postgres_database: str, tmp_path: Path
) -> None:
    """The sealed secret key arrives byte for byte: the copy signs exactly as before."""
    members = {
        "thirdUserName": "G",
        "thirdUserId": "guest-1",
        "tenantSpaceId": TENANT,
        "channelConfigId": CHANNEL,
    }
    payload = tmp_path / "payload.json"
    payload.write_bytes(orjson.dumps(members))
    words = ("authv2", "sign", "--channel", CHANNEL, "--payload-file", str(payload))
    sign = (*words, "--at", "2026-11-04T03:45:52.263Z")

    before = lived_in(*sign)
    lived_in.did("db", "copy", "--to", postgres_database)
    after = lived_in(*sign, variables={URL: postgres_database})

    assert (after.code, after.out) == (0, before.out)
    assert SECRET_KEY not in after.out


def test_way_back_to_sqlite(lived_in: CommandLine, postgres_database: str) -> None:
    """From SQLite to PostgreSQL and back, each table has the same rows and the same checksum."""
    there = lived_in("db", "copy", "--to", postgres_database, "--json")
    back = lived_in("db", "copy", "--to", "sqlite:///back.db", "--json", variables={URL: postgres_database})

    assert copied(back) == copied(there)
    assert oct(stat.S_IMODE((lived_in.home / "back.db").stat().st_mode)) == oct(0o600)
    assert lived_in("check", variables={URL: "sqlite:///back.db"}).code == 0


def test_source_stays_as_it_was(lived_in: CommandLine, postgres_database: str) -> None:
    """The source is only read: it copies the same a second time, and serves on if nobody takes the copy."""
    token = issued(lived_in)
    first = lived_in("db", "copy", "--to", postgres_database, "--json")

    second = lived_in(
        "db", "copy", "--to", "sqlite:///again.db", "--json", variables={URL: postgres_database}
    )

    assert copied(first) == copied(second)
    assert is_accepted(lived_in, token)


def test_older_copy_is_noticed_after_the_move(lived_in: CommandLine, postgres_database: str) -> None:
    """The mark keeps its meaning: who revokes on PostgreSQL cannot go back to the SQLite file unseen."""
    token = issued(lived_in)
    lived_in.did("db", "copy", "--to", postgres_database)
    before = lived_in("check").code

    revoked = lived_in("tokens", "revoke", stdin=token, variables={URL: postgres_database})

    assert (before, revoked.code) == (0, 0)
    assert not is_accepted(lived_in, token)
    assert "run `validator db accept-restore`" in lived_in("check").out


def test_restored_database_is_not_copied(lived_in: CommandLine, postgres_database: str) -> None:
    """A database that is older than the mark is not moved: the copy would bring dead tokens back."""
    older = lived_in.home / "older.db"
    lived_in.did("db", "backup", str(older))
    lived_in.did("tokens", "revoke", "--everything", "--yes")
    restore(lived_in, older)

    check_refused(lived_in("db", "copy", "--to", postgres_database), "db accept-restore")


def test_copy_is_written_down(lived_in: CommandLine, postgres_database: str) -> None:
    """The audit trail has the move, without where to."""
    lived_in.did("db", "copy", "--to", postgres_database)

    last = lived_in.last()

    assert (last["event"], last["outcome"], last["detail"]) == ("schema", "accepted", "copied to postgresql")


def test_target_with_rows_is_refused(lived_in: CommandLine, postgres_database: str) -> None:
    """A target with anything in it is left alone."""
    lived_in.did("db", "copy", "--to", postgres_database)

    check_refused(lived_in("db", "copy", "--to", postgres_database), "the target is not empty")


def test_target_of_others_is_refused(lived_in: CommandLine, target: Database, postgres_database: str) -> None:
    """A database that another program uses is left alone, also an empty table of it."""
    with target.write() as connection:
        connection.execute(text("CREATE TABLE orders (id integer)"))

    check_refused(lived_in("db", "copy", "--to", postgres_database), "another program")

    assert tables(target) == []


def test_empty_schema_is_a_target(lived_in: CommandLine, postgres_database: str) -> None:
    """A target that `db upgrade` has prepared, without a row, is empty enough."""
    lived_in.did("db", "current")
    assert lived_in("db", "upgrade", variables={URL: postgres_database}).code == 0

    lived_in.did("db", "copy", "--to", postgres_database)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_source_in_use_is_refused(lived_in: CommandLine, target: Database, kind: str) -> None:
    """While a server has the source open nothing is copied: what it still writes would be lost."""
    postgres = target.engine.url.render_as_string(hide_password=False)
    if kind == "postgresql":
        lived_in.did("db", "copy", "--to", postgres)
    source = Database(DatabasePolicy(lived_in.home, f"sqlite:///{FILE}", TIMEOUT))
    server, variables, to = (
        (source, {}, postgres) if kind == "sqlite" else (target, {URL: postgres}, "sqlite:///new.db")
    )
    with server.read() as connection:
        connection.execute(text("SELECT count(*) FROM tenants"))  # as an idle worker's pool has it

        said = lived_in("db", "copy", "--to", to, variables=variables)
    server.close()

    check_refused(said, "stop every server")
    assert lived_in("db", "copy", "--to", to, variables=variables).code == 0


def test_copy_that_fails_leaves_nothing(lived_in: CommandLine, target: Database) -> None:
    """When a row cannot be taken in the middle, no table of the target has any: it is one transaction."""
    with target.write() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN"
                " RAISE EXCEPTION 'no'; END $$ LANGUAGE plpgsql"
            )
        )
    url = target.engine.url.render_as_string(hide_password=False)
    assert lived_in("db", "upgrade", variables={URL: url}).code == 0
    with target.write() as connection:
        connection.execute(
            text("CREATE TRIGGER late BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION refuse()")
        )

    check_refused(lived_in("db", "copy", "--to", url))

    assert tables(target) == []
    with target.write() as connection:
        connection.execute(text("DROP TRIGGER late ON sessions"))
    lived_in.did("db", "copy", "--to", url)


def test_copy_that_changes_on_the_way_is_refused(lived_in: CommandLine, target: Database) -> None:
    """A target that stores something else than it was given is found out by the checksum, and left empty."""
    url = target.engine.url.render_as_string(hide_password=False)
    assert lived_in("db", "upgrade", variables={URL: url}).code == 0
    with target.write() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION other() RETURNS trigger AS $$ BEGIN"
                " NEW.name := 'Other'; RETURN NEW; END $$ LANGUAGE plpgsql"
            )
        )
        connection.execute(
            text("CREATE TRIGGER other BEFORE INSERT ON tenants FOR EACH ROW EXECUTE FUNCTION other()")
        )

    check_refused(lived_in("db", "copy", "--to", url), "tenants")

    assert tables(target) == []


def test_many_rows_arrive(lived_in: CommandLine, target: Database, postgres_database: str) -> None:
    """More rows than are read at once arrive, each once."""
    source = Database(DatabasePolicy(lived_in.home, f"sqlite:///{FILE}", TIMEOUT))
    rows = [{"target": f"jti:{number}", "number": number, "made_at": 1} for number in range(2000)]
    with source.write() as connection:
        connection.execute(
            text("INSERT INTO revocations (target, number, made_at) VALUES (:target, :number, :made_at)"),
            rows,
        )
    source.close()

    told = copied(lived_in("db", "copy", "--to", postgres_database, "--json"))

    assert told["revocations"]["rows"] == 2001
    assert count(target, "revocations") == 2001


def test_one_kind_to_itself_is_refused(lived_in: CommandLine) -> None:
    """From SQLite to SQLite is a backup, and is said so."""
    check_refused(lived_in("db", "copy", "--to", "sqlite:///other.db"), "make a backup")

    assert not (lived_in.home / "other.db").exists()


@pytest.mark.parametrize("url", ["postgresql+psycopg://u:secret@h/d", "mysql://h/d", "nonsense"])
def test_url_is_checked_as_in_the_settings(lived_in: CommandLine, url: str) -> None:
    """A password in the URL, another kind of database and nonsense are reported, without the password."""
    said = lived_in("db", "copy", "--to", url)

    check_misused(said)
    assert "secret" not in said.err


def test_password_file_must_be_private(lived_in: CommandLine, postgres_database: str, tmp_path: Path) -> None:
    """A password that other users may read is refused; a private file is read."""
    file = tmp_path / "password"
    file.write_text("of no use to a server that trusts\n")
    words = ("db", "copy", "--to", postgres_database, "--password-file", str(file))

    file.chmod(0o644)
    check_refused(lived_in(*words), "chmod 0600")
    file.chmod(0o600)
    lived_in.did(*words)


def restore(validator: CommandLine, backup: Path) -> None:
    """Put a backup in the place of the database, as the instructions say."""
    for name in (f"{FILE}-wal", f"{FILE}-shm"):
        (validator.home / name).unlink(missing_ok=True)
    shutil.copy(backup, validator.home / FILE)


@pytest.mark.slow
def test_backup_of_a_database_in_use(lived_in: CommandLine, tmp_path: Path) -> None:
    """A backup is taken while somebody writes; it is one private file with all that was committed."""
    file = tmp_path / "backup.db"
    writer = Database(DatabasePolicy(lived_in.home, f"sqlite:///{FILE}", TIMEOUT))
    with writer.write() as connection:
        connection.execute(text("UPDATE tenants SET name = 'not committed'"))

        lived_in.did("db", "backup", str(file))
    writer.close()

    assert [path.name for path in tmp_path.glob("*backup.db*")] == ["backup.db"]
    assert oct(stat.S_IMODE(file.stat().st_mode)) == oct(0o600)
    taken = Database(DatabasePolicy(tmp_path, "sqlite:///backup.db", TIMEOUT))
    assert count(taken, "tenants") == 1
    with taken.read() as connection:
        assert connection.execute(text("SELECT name FROM tenants")).scalar_one() == "First"
    taken.close()


def test_restored_backup_revives_nothing(lived_in: CommandLine, tmp_path: Path) -> None:
    """A token that was revoked after the backup is dead after the restore too, as is every older one."""
    token, other = issued(lived_in), issued(lived_in)
    lived_in.did("db", "backup", str(tmp_path / "backup.db"))
    lived_in.did("tokens", "revoke", stdin=token)
    restore(lived_in, tmp_path / "backup.db")
    noticed = lived_in("check")

    lived_in.did("db", "accept-restore")

    assert "run `validator db accept-restore`" in noticed.out
    assert [is_accepted(lived_in, each) for each in (token, other)] == [False, False]
    assert is_accepted(lived_in, issued(lived_in))


def test_backup_never_replaces_another(lived_in: CommandLine, tmp_path: Path) -> None:
    """A file that is there already is kept, whatever it is."""
    file = tmp_path / "backup.db"
    file.write_text("an older backup")

    check_refused(lived_in("db", "backup", str(file)), "is there already")

    assert file.read_text() == "an older backup"


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK])
def test_backup_to_a_disk_without_hard_links(
    lived_in: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """A stick or a network disk that makes no hard links takes a backup, whole, private and alone."""

    def no_links(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", no_links)
    file = tmp_path / "backup.db"

    lived_in.did("db", "backup", str(file))

    assert [path.name for path in tmp_path.glob("*backup.db*")] == ["backup.db"]
    assert oct(stat.S_IMODE(file.stat().st_mode)) == oct(0o600)
    taken = Database(DatabasePolicy(tmp_path, "sqlite:///backup.db", TIMEOUT))
    assert count(taken, "tenants") == 1
    taken.close()
    check_refused(lived_in("db", "backup", str(file)), "is there already")


def test_backup_of_a_damaged_database_fails(lived_in: CommandLine, tmp_path: Path) -> None:
    """What cannot be restored is no backup: the damage is reported, and no file is left."""
    lived_in.did("db", "current")
    content = bytearray((lived_in.home / FILE).read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    (lived_in.home / FILE).write_bytes(content)

    said = lived_in("db", "backup", str(tmp_path / "backup.db"))

    assert (said.code, list(tmp_path.glob("*backup.db*"))) == (1, [])


def test_backup_of_postgresql_is_pg_dumps(
    lived_in: CommandLine, postgres_database: str, tmp_path: Path
) -> None:
    """For PostgreSQL it is said what to use instead."""
    said = lived_in("db", "backup", str(tmp_path / "b"), variables={URL: postgres_database})

    check_refused(said, "pg_dump")
