"""The schema's version: which one the database has, and the steps to the newest."""

from pathlib import Path

from sqlalchemy import inspect, text

from validator.errors import Fault, Reason
from validator.store.database import Database

_TABLE = "alembic_version"
_MIGRATIONS = Path(__file__).with_name("migrations")


def newest() -> str:
    """Return the version that this code needs: the files of the steps begin with theirs, and count up."""
    return max(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def current(database: Database) -> str | None:
    """Return the version that *database* has; None when it is empty, or not made yet."""
    if not database.has_file():
        return None
    with database.read() as connection:
        if not inspect(connection).has_table(_TABLE):
            return None
        version: str | None = connection.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar()  # noqa: S608
        return version


def upgrade(database: Database) -> None:
    """Bring *database* to the newest version, in one transaction.

    Raises Fault(STORE_UNAVAILABLE) when the schema is of a newer program.
    """
    # Alembic takes 5 MiB, and no server makes a step.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    version = current(database)
    known = {step.revision for step in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
    if version is not None and version not in known:
        raise Fault(
            Reason.STORE_UNAVAILABLE, f"the schema is {version}, of another program: nothing was done"
        )
    database.make_file()
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_version(database: Database) -> None:
    """Raise Fault(STORE_UNAVAILABLE) unless *database* has this code's version."""
    version, needed = current(database), newest()
    if version != needed:
        raise Fault(
            Reason.STORE_UNAVAILABLE,
            f"the schema is {version or 'missing'}, this code needs {needed}: run `validator db upgrade`",
        )


def check_newest(database: Database) -> str | None:
    """Raise Fault(STORE_UNAVAILABLE) unless *database* has this code's version, and is no older copy.

    Return how it is degraded, or None.
    """
    check_version(database)
    return database.check_mark()
