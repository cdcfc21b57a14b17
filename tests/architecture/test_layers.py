"""The layers of the packages: imports go one way, without a cycle."""

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

ROOT = "validator"


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    """Return every import of the program."""
    return grimp.build_graph(ROOT, cache_dir=None)


def layers(imports: grimp.ImportGraph) -> list[str]:
    """Return the packages from the lowest layer up; raises CycleError with those in a cycle."""
    packages = imports.find_children(ROOT)
    above = {
        package: {
            other
            for other in packages - {package}
            if imports.direct_import_exists(importer=package, imported=other, as_packages=True)
        }
        for package in packages
    }
    return list(TopologicalSorter(above).static_order())


def test_packages_have_no_import_cycle(imports: grimp.ImportGraph) -> None:
    """No package imports another that imports it, directly or not."""
    order = layers(imports)

    assert order.index("validator.store") < order.index("validator.web") < order.index("validator.cli")


def test_import_cycle_is_found(imports: grimp.ImportGraph) -> None:
    """The control: an import of the application by the store is found as a cycle."""
    imports.add_import(importer="validator.store.database", imported="validator.app")
    try:
        with pytest.raises(CycleError):
            layers(imports)
    finally:
        imports.remove_import(importer="validator.store.database", imported="validator.app")
