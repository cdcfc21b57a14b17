"""The driver's own sentence behind an error, for the operator's terminal."""


def cause_of(error: BaseException) -> str:
    """Return the first line of the innermost cause of *error*: a driver's own sentence; "" without one.

    For the operator's terminal only: it may name hosts, users and files.
    """
    innermost = error
    while innermost.__cause__ is not None:
        innermost = innermost.__cause__
    if innermost is error:
        return ""
    lines = str(innermost).strip().splitlines()
    return lines[0] if lines else type(innermost).__name__
