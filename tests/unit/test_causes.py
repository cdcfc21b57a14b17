"""The cause behind an error: the driver's message for the operator, its class and code for the log."""

import sqlite3

import psycopg
import pytest

from validator.causes import cause_name, cause_of
from validator.errors import Fault, Reason

SECRET = "what-a-caller-sent"


def fault_from(*causes: BaseException) -> Fault:
    """Return a fault with *causes*, the outermost first."""
    fault = Fault(Reason.STORE_UNAVAILABLE)
    error: BaseException = fault
    for cause in causes:
        error.__cause__ = cause
        error = cause
    return fault


def sqlite_error() -> sqlite3.Error:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.Error) as raised:
        connection.execute("INSERT INTO nowhere VALUES (1)")
    return raised.value


@pytest.mark.parametrize(
    ("cause", "name"),
    [
        (psycopg.errors.ReadOnlySqlTransaction(SECRET), "ReadOnlySqlTransaction 25006"),
        (psycopg.errors.QueryCanceled(SECRET), "QueryCanceled 57014"),
        (psycopg.OperationalError(SECRET), "OperationalError"),
        (sqlite_error(), "OperationalError SQLITE_ERROR"),
        (FileNotFoundError(SECRET), "FileNotFoundError"),
    ],
)
def test_log_has_class_and_code_and_no_text(cause: BaseException, name: str) -> None:
    """The log has the innermost cause's class and error code, not its message."""
    assert cause_name(fault_from(RuntimeError("outer"), cause)) == name


def test_operator_gets_the_first_line_and_the_notes() -> None:
    """The operator gets the first line of the innermost cause and its notes."""
    cause = sqlite3.DatabaseError("file is not a database\nmore")
    cause.add_note("/srv/validator.db")

    assert cause_of(fault_from(RuntimeError("outer"), cause)) == "file is not a database, /srv/validator.db"


def test_fault_without_a_cause_has_no_message() -> None:
    """A fault without a cause has no driver's message."""
    assert (cause_of(fault_from()), cause_name(fault_from())) == ("", None)
