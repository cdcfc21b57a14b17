"""The schema's version: which one the database has, and the steps to the newest."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from validator.errors import Fault, Reason
from validator.store.database import Database

_MIGRATIONS = Path(__file__).with_name("migrations")


def newest() -> str:
    """Return the version that this code needs."""
    version = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    if version is None:
        raise FileNotFoundError(f"no migrations in {_MIGRATIONS}")
    return version


def current(database: Database) -> str | None:
    """Return the version that *database* has; None when it is empty, or not made yet."""
    if not database.has_file():
        return None
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(database: Database) -> None:
    """Bring *database* to the newest version, in one transaction.

    Raises Fault(STORE_UNAVAILABLE) when the schema is of a newer program.
    """
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


def check_newest(database: Database) -> None:
    """Raise Fault(STORE_UNAVAILABLE) unless *database* has this code's version, and is no older copy."""
    version, needed = current(database), newest()
    if version != needed:
        raise Fault(
            Reason.STORE_UNAVAILABLE,
            f"the schema is {version or 'missing'}, this code needs {needed}: run `validator db upgrade`",
        )
    database.check_mark()
