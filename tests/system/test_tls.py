"""TLS of the door, as a scanner sees it from outside; nothing beside the loopback interface is asked."""

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from tests.conftest import require_package
from tests.support import nginx_process, proxy_pair
from tests.support.command_line import clean_environment
from tests.support.nginx_process import NAME, Door

DEBIAN_PACKAGE, PROGRAM = "testssl.sh", "testssl"
# Protocols, kinds of ciphers and forward secrecy; what is preferred, the certificate and known attacks.
SECTIONS = (("-p", "-s", "-f"), ("-P", "-S", "-U"))
GRAVE = {"MEDIUM", "HIGH", "CRITICAL", "FATAL"}
ALLOWED = {
    "cert_revocation": "a private CA publishes no revocations",
    "cert_validityPeriod": "the certificates of these tests never end",
    "cipher_order": "all ciphers offered are good ones, so that the client may choose (Mozilla intermediate)",
}
UNANSWERED = {
    "engine_problem": "the scanner would like a module of OpenSSL for GOST",
    "sessionresumption_ticket": "no ticket is given, so the scanner has none to come back with",
    "secure_renego": "the scanner cannot ask this with OpenSSL 3; who renegotiates is refused, see below",
}
# What each section must have looked at, or nothing is proven by finding nothing.
LOOKED_AT = {
    *("SSLv2", "SSLv3", "TLS1", "TLS1_1", "cipherlist_NULL", "cipherlist_AVERAGE", "PFS", "cipher_order"),
    *("cert_trust", "cert_chain_of_trust", "heartbleed", "ROBOT", "secure_client_renego", "CRIME_TLS"),
    *("SWEET32", "LOGJAM", "BEAST", "LUCKY13", "RC4"),
}
# What an operator may have written into the configuration years ago.
OUTDATED = {
    "    ssl_protocols TLSv1.2 TLSv1.3;": "    ssl_protocols TLSv1 TLSv1.1 TLSv1.2;",
    "ssl_ciphers ": "ssl_ciphers @SECLEVEL=0:ALL:COMPLEMENTOFALL:",
}
_TIMEOUT = 300  # seconds; a scan takes about one minute


@dataclass(frozen=True, slots=True)
class Found:
    """The scanner's result for one check."""

    id: str
    severity: str
    finding: str


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[Found], list[Found]]]:
    """Return what is found at our door, and at the same door with outdated lines."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    require_package(DEBIAN_PACKAGE, found=shutil.which(PROGRAM) is not None)
    folder = tmp_path_factory.mktemp("scans")
    with (
        proxy_pair.outside() as around,
        proxy_pair.our_door(around) as ours,
        proxy_pair.our_door(around, edits=OUTDATED) as outdated,
        ThreadPoolExecutor(3) as pool,
    ):
        parts = [pool.submit(scan, ours, folder / each[0], each) for each in SECTIONS]
        other = pool.submit(scan, outdated, folder / "outdated", ("-p", "-s"))
        yield [found for part in parts for found in part.result()], other.result()


def scan(door: Door, place: Path, sections: tuple[str, ...]) -> list[Found]:
    """Return what the scanner finds at *door*; *place* becomes a folder."""
    place.mkdir()
    door.authority.cert_pem.write_to_path(place / "ca.pem")
    nobody_else = ["--ip", "127.0.0.1", "--nodns", "none"]
    output = ["--quiet", "--color", "0", "--warnings", "off", "--jsonfile", str(place / "found.json")]
    trust = ["--add-ca", str(place / "ca.pem")]
    done = subprocess.run(
        [PROGRAM, *nobody_else, *output, *trust, *sections, f"{NAME}:{door.port}"],
        capture_output=True,
        cwd=place,
        env=clean_environment(),
        timeout=_TIMEOUT,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert (place / "found.json").exists(), done.stdout.decode(errors="replace")
    entries = orjson.loads((place / "found.json").read_bytes())
    return [Found(entry["id"], entry["severity"], entry["finding"]) for entry in entries]


def test_nothing_grave_is_found(scans: tuple[list[Found], list[Found]]) -> None:
    """The scanner finds nothing of medium weight or more but what a private CA and Mozilla's advice imply."""
    ours, _ = scans

    assert [found for found in ours if found.severity in GRAVE and found.id not in ALLOWED] == []
    assert [found for found in ours if found.severity == "WARN" and found.id not in UNANSWERED] == []


def test_the_scanner_looked(scans: tuple[list[Found], list[Found]]) -> None:
    """Every section was gone through, and the two newer protocols are the ones that are offered."""
    ours, _ = scans
    by_id = {found.id: found for found in ours}

    assert LOOKED_AT - by_id.keys() == set()
    assert {
        name for name in ("SSLv2", "SSLv3", "TLS1", "TLS1_1") if "not offered" in by_id[name].finding
    } == {*("SSLv2", "SSLv3", "TLS1", "TLS1_1")}
    assert [by_id[name].finding.split()[0] for name in ("TLS1_2", "TLS1_3")] == ["offered", "offered"]


def test_outdated_lines_are_found(scans: tuple[list[Found], list[Found]]) -> None:
    """The same scanner finds what is wrong with outdated protocols and ciphers in the same place."""
    ours, outdated = scans
    severities = {found.id: found.severity for found in outdated}

    assert {severities["cipherlist_NULL"], severities["cipherlist_aNULL"]} <= GRAVE
    assert {severities[name] for name in ("TLS1", "TLS1_1", "cipherlist_AVERAGE")} <= {"LOW", *GRAVE}
    assert {found.severity for found in ours if found.id in severities} & {"LOW", *GRAVE} == set()
