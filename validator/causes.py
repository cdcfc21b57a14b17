"""The cause behind an error: the driver's message for the operator's terminal, its class for the log."""


def cause_of(error: BaseException) -> str:
    """Return the first line of the innermost cause of *error*, and its notes; "" without a cause.

    This is the driver's message, for the operator's terminal only: it may name hosts, users and files.
    """
    innermost = _innermost(error)
    if innermost is error:
        return ""
    lines = str(innermost).strip().splitlines()
    return ", ".join([lines[0] if lines else type(innermost).__name__, *getattr(innermost, "__notes__", ())])


def cause_name(error: BaseException) -> str | None:
    """Return the class of the innermost cause of *error* and the database's error code; None without one.

    For the log: a driver's message may contain a caller's input, these do not.
    """
    innermost = _innermost(error)
    if innermost is error:
        return None
    code = getattr(innermost, "sqlstate", None) or getattr(innermost, "sqlite_errorname", None)
    return f"{type(innermost).__name__} {code}" if code else type(innermost).__name__


def _innermost(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error
