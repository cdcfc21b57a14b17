"""The floors of the house: imports go one way, and no room is in a circle with another."""

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

ROOT = "validator"


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    """Return every import of the program."""
    return grimp.build_graph(ROOT, cache_dir=None)


def floors(imports: grimp.ImportGraph) -> list[str]:
    """Return the rooms from the ground up; raises CycleError naming those in a circle."""
    rooms = imports.find_children(ROOT)
    above = {
        room: {
            other
            for other in rooms - {room}
            if imports.direct_import_exists(importer=room, imported=other, as_packages=True)
        }
        for room in rooms
    }
    return list(TopologicalSorter(above).static_order())


def test_rooms_are_in_no_circle(imports: grimp.ImportGraph) -> None:
    """Each room stands on others, and none of them on it."""
    order = floors(imports)

    assert order.index("validator.store") < order.index("validator.web") < order.index("validator.cli")


def test_arrow_that_runs_back_up_is_a_circle(imports: grimp.ImportGraph) -> None:
    """The control: one import of the application by the store closes a circle, and it is found."""
    imports.add_import(importer="validator.store.database", imported="validator.app")
    try:
        with pytest.raises(CycleError):
            floors(imports)
    finally:
        imports.remove_import(importer="validator.store.database", imported="validator.app")
