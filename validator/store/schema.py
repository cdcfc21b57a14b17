"""The schema's version: which one the database has, and the steps to the newest."""

from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from validator.errors import Fault, Reason
from validator.store.database import Database

_TABLE = "alembic_version"
_MIGRATIONS = Path(__file__).with_name("migrations")


def newest() -> str:
    """Return the version that this code needs."""
    return max(_versions())


def _versions() -> set[str]:
    """Return every version that this code knows: the files of the steps begin with theirs, and count up."""
    return {path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py")}


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
    """Bring *database* to the newest version, in one transaction; an embedded one is made.

    Raises Fault(STORE_UNAVAILABLE) when the schema is of a newer program, or when a step fails and is undone.
    """
    # Alembic takes 5 MiB, and no server makes a step.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    _check_known(current(database))
    database.make_file()
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    try:
        with database.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except IntegrityError as error:
        raise Fault(Reason.STORE_UNAVAILABLE, "a step of the schema failed, nothing was changed") from error


def check_version(database: Database) -> None:
    """Raise Fault(STORE_UNAVAILABLE) unless *database* has this code's version."""
    check_there(database)
    version, needed = current(database), newest()
    _check_known(version)
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


def check_there(database: Database) -> None:
    """Raise Fault(STORE_UNAVAILABLE) when the file of an embedded *database* is missing."""
    if not database.has_file():
        raise Fault(
            Reason.STORE_UNAVAILABLE,
            "the database's file is missing: is its disk mounted, and database.url right? Restore it from a "
            "backup; only for a new home, run `validator init`",
        ) from FileNotFoundError(str(database.engine.url.database))


def _check_known(version: str | None) -> None:
    """Raise Fault when *version* is one that this code does not know."""
    if version is not None and version not in _versions():
        raise Fault(
            Reason.STORE_UNAVAILABLE,
            f"the schema is {version}, of another version of this program, which knows up to {newest()}: "
            "install the version that made it, or restore the backup from before its upgrade",
        )
