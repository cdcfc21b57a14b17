"""The wheel: built from this checkout, installed elsewhere, used without the checkout.

Its environment holds the wheel and the dependencies that the wheel declares, nothing else: an import
that only the development tools satisfy fails here. They are linked from the running environment, which
spares the download.
"""

import subprocess
import sys
import venv
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]
SHIPPED = (
    "validator/_shipped/config/default.toml",
    "validator/_shipped/config/gunicorn.conf.py",
    "validator/_shipped/config/metrics.conf.py",
    "validator/store/migrations/env.py",
    "validator/operations/simulator/scripts/ccbarclient.js",
    "validator/operations/simulator/scripts/bar.html",
    "validator/operations/simulator/scenarios/good-tokens.yaml",
    "validator/web/portal/static/agentbar.js",
    "validator/web/portal/static/portal.css",
    "validator/web/portal/templates/layout.html",
    "validator/py.typed",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the project's wheel, built with the running environment's build backend."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(CHECKOUT))
    (built,) = folder.glob("validator-*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `bin` folder of a fresh environment with the wheel and what it declares."""
    environment = tmp_path_factory.mktemp("installed")
    venv.create(environment, symlinks=True)
    pip("--python", str(environment / "bin" / "python"), "install", "--no-deps", str(wheel))
    (site_packages,) = environment.glob("lib/python3*/site-packages")
    (installed,) = metadata.distributions(name="validator", path=[str(site_packages)])
    link_packages(declared(installed.requires or []), site_packages)
    return environment / "bin"


def test_wheel_ships_what_the_program_reads(wheel: Path) -> None:
    """The wheel has configuration, migrations, files of simulator and pages, and the mark of typed code."""
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())

    missing = [name for name in SHIPPED if name not in names]

    assert missing == []
    assert any(name.startswith("validator/store/migrations/versions/0") for name in names)


def test_wheel_holds_the_package_and_nothing_beside_it(wheel: Path) -> None:
    """Installing the wheel puts one folder and its metadata into an environment, no tests and no tools."""
    with ZipFile(wheel) as archive:
        folders = {name.split("/")[0] for name in archive.namelist()}

    assert sorted(folder.partition("-")[0] for folder in folders) == ["validator", "validator"]


def test_installed_program_explains_itself(programs: Path, tmp_path: Path) -> None:
    """`validator --help` works where there is no checkout."""
    answer = validator(programs, tmp_path, "--help")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert "Usage: validator" in answer.stdout


def test_installed_program_sets_up_a_demonstration(programs: Path, tmp_path: Path) -> None:
    """`validator init --demo` fills the home it is given, where there is no checkout."""
    home = tmp_path / "home"

    answer = validator(programs, tmp_path, "init", "--demo", "--home", str(home))

    assert (answer.returncode, answer.stderr) == (0, "")
    assert any(home.iterdir())


def pip(*arguments: str) -> None:
    """Run pip quietly; its output becomes the test's on failure."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def validator(programs: Path, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the installed program in *folder* with a separate environment."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "VALIDATOR_OPERATOR": "tester"}
    command = [str(programs / "validator"), *arguments]
    return subprocess.run(command, check=False, cwd=folder, env=environment, capture_output=True, text=True)


def declared(requirements: Iterable[str]) -> set[str]:
    """Return the names of the distributions that *requirements* ask for, and those they ask for in turn."""
    names: set[str] = set()
    waiting = list(requirements)
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        if name not in names and _is_wanted(requirement):
            names.add(name)
            waiting += metadata.requires(name) or []
    return names


def link_packages(names: Iterable[str], site_packages: Path) -> None:
    """Link every file and folder that the distributions *names* put at the top of *site_packages*."""
    for name in names:
        distribution = metadata.distribution(name)
        tops = {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}
        for top in tops:
            (site_packages / top).symlink_to(Path(str(distribution.locate_file(top))))


def _is_wanted(requirement: Requirement) -> bool:
    """Return whether *requirement* holds on this Python, without any extra."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})
