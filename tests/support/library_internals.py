"""Checks the private parts of a library that one module of this project relies on."""

from collections.abc import Mapping
from importlib.metadata import version

from packaging.specifiers import SpecifierSet


def check_internals(library: str, module: str, tested: str, parts: Mapping[str, bool]) -> None:
    """Fail when a part does not hold, or the installed version of *library* is not one of the *tested*.

    *parts* has the parts that *module* relies on, each with whether it is as expected.
    """
    installed = version(library)
    changed = [part for part, is_as_expected in parts.items() if not is_as_expected]
    assert not changed, (
        f"{library} {installed} changed what {module} relies on: {', '.join(changed)} (tested: {tested})"
    )
    assert SpecifierSet(tested).contains(installed, prereleases=True), (
        f"{library} {installed} is not tested with {module}, only {tested}: "
        "compare the parts that it relies on, run the whole suite, then change TESTED there"
    )
