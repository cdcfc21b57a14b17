"""The local authority issues what a TLS client accepts, keeps it while it lasts, and keeps its keys."""

import socket
import ssl
import subprocess
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from tests.support.certificates import Issued, server
from tests.support.fakes import FakeClock
from tests.support.parallel_threads import at_once
from validator.clock import SystemClock
from validator.errors import OperatorError
from validator.operations.certificates.judging import check
from validator.operations.certificates.localca import LocalAuthority

NAMES = ("localhost", "127.0.0.1", "::1")


@pytest.fixture
def authority(tmp_path: Path) -> LocalAuthority:
    """Return an authority that has nothing yet."""
    return LocalAuthority(tmp_path / "door", FakeClock())


def contents(authority: LocalAuthority) -> dict[str, bytes]:
    """Return every file of *authority* but locks."""
    files = authority.folder.iterdir()
    return {file.name: file.read_bytes() for file in files if not file.name.startswith(".")}


def later(authority: LocalAuthority, **duration: float) -> LocalAuthority:
    """Return *authority* after a duration, in the words of timedelta."""
    return LocalAuthority(authority.folder, FakeClock(authority.clock.now() + timedelta(**duration)))


def certificates(path: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())


def handshake(chain: Path, key: Path, trusted: Path, name: str) -> None:
    """Let Python's TLS client ask a server with *chain* for *name*; raises ssl.SSLError when it refuses."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, key)
    client = ssl.create_default_context(cafile=str(trusted))
    ends = socket.socketpair()

    def serve() -> None:
        with ends[0], suppress(OSError):  # the client goes away when it refuses
            server.wrap_socket(ends[0], server_side=True).close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with ends[1]:
            client.wrap_socket(ends[1], server_hostname=name).close()
    finally:
        thread.join()


@pytest.mark.parametrize("name", NAMES)
def test_client_that_trusts_the_authority_accepts_the_server(tmp_path: Path, name: str) -> None:
    """A TLS client with `ca.pem` accepts each name and address asked for, and no other; nobody else does."""
    authority = LocalAuthority(tmp_path / "door", SystemClock())
    other = LocalAuthority(tmp_path / "other", SystemClock())
    chain, key = authority.issue(NAMES)
    other.issue(NAMES)

    handshake(chain, key, authority.certificate, name)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"mismatch|not valid for"):
        handshake(chain, key, authority.certificate, "other.test")
    with pytest.raises(ssl.SSLCertVerificationError, match=r"self-signed|unable to get"):
        handshake(chain, key, other.certificate, name)


def test_what_is_issued_has_no_finding(authority: LocalAuthority) -> None:
    """The examination of real certificates finds nothing in a local one."""
    assert check(*authority.issue(NAMES), NAMES, authority.clock) == ()


def test_names_of_the_files_are_fixed(authority: LocalAuthority) -> None:
    """The paths are known before anything is issued, for the proxy's settings."""
    chain, key = authority.issue(NAMES)

    assert sorted(contents(authority)) == ["ca-key.pem", "ca.pem", "server-key.pem", "server.pem"]
    assert (chain.name, key.name, authority.certificate.name) == ("server.pem", "server-key.pem", "ca.pem")


def test_only_the_certificate_is_for_others(authority: LocalAuthority) -> None:
    """Every file but `ca.pem` is for its owner, and so is the folder; `ca.pem` has no key in it."""
    authority.issue(NAMES)
    modes = {file.name: file.stat().st_mode & 0o777 for file in authority.folder.iterdir()}

    assert modes.pop("ca.pem") == 0o644
    assert set(modes.values()) == {0o600}
    assert authority.folder.stat().st_mode & 0o777 == 0o700
    assert b"PRIVATE" not in authority.certificate.read_bytes()


def test_what_is_good_is_kept(authority: LocalAuthority) -> None:
    """Asked again, also in another order or by another process, nothing is made anew."""
    authority.issue(NAMES)
    before = contents(authority)

    later(authority, days=60, seconds=-1).issue(NAMES)
    authority.issue(tuple(reversed(NAMES)))

    assert contents(authority) == before


@pytest.mark.parametrize("names", [("localhost",), (*NAMES, "portal.test"), ("portal.test",)], ids=len)
def test_other_names_are_another_certificate(authority: LocalAuthority, names: tuple[str, ...]) -> None:
    """The certificate has exactly the names that were asked for last; the authority keeps its key.

    Its own certificate is made anew for a name that it may not issue for yet, and only then.
    """
    authority.issue(NAMES)
    before = contents(authority)

    chain, key = authority.issue(names)

    after = contents(authority)
    assert check(chain, key, names, authority.clock) == ()
    changed = {name for name in after if after[name] != before[name]}
    assert changed - {"ca.pem"} == {"server.pem", "server-key.pem"}
    assert ("ca.pem" in changed) is ("portal.test" in names)


def test_server_is_renewed_before_its_end(authority: LocalAuthority) -> None:
    """30 days before its end the server's certificate is made anew, by the same authority."""
    authority.issue(NAMES)
    before = contents(authority)
    renewing = later(authority, days=60, seconds=1)

    chain, key = renewing.issue(NAMES)

    after = contents(authority)
    assert {name for name in after if after[name] != before[name]} == {"server.pem", "server-key.pem"}
    assert certificates(chain)[0].not_valid_after_utc > renewing.clock.now() + timedelta(days=89)
    assert check(chain, key, NAMES, renewing.clock) == ()


def test_authority_is_renewed_with_its_key(authority: LocalAuthority) -> None:
    """Half a year before its end the authority has a new certificate; who has the old one still accepts."""
    authority.issue(NAMES)
    later(authority, days=640).issue(NAMES)  # so that the server's is not near its end
    old, before = certificates(authority.certificate)[0], contents(authority)
    renewing = later(authority, days=825 - 180)

    chain, _ = renewing.issue(NAMES)

    leaf, new = certificates(chain)
    assert contents(authority)["ca-key.pem"] == before["ca-key.pem"]
    assert new == certificates(authority.certificate)[0] != old
    assert new.not_valid_after_utc > old.not_valid_after_utc + timedelta(days=600)
    leaf.verify_directly_issued_by(old)
    leaf.verify_directly_issued_by(new)


def test_certificate_never_outlives_its_authority(authority: LocalAuthority) -> None:
    """Whenever it is asked, what is issued ends before the authority does."""
    for days in range(0, 1000, 45):
        leaf, issuer = certificates(later(authority, days=days).issue(NAMES)[0])
        assert leaf.not_valid_after_utc < issuer.not_valid_after_utc


def test_authority_may_issue_servers_only(authority: LocalAuthority) -> None:
    """The authority may have no authority below it."""
    authority.issue(NAMES)
    own = certificates(authority.certificate)[0]

    constraints = own.extensions.get_extension_for_class(x509.BasicConstraints).value

    assert (constraints.ca, constraints.path_length) == (True, 0)


@pytest.mark.parametrize("name", ["server.pem", "server-key.pem", "ca.pem"])
def test_what_is_damaged_is_made_anew(authority: LocalAuthority, name: str) -> None:
    """A lost or cut file that can be made again is; the authority's key stays what it was."""
    authority.issue(NAMES)
    key = contents(authority)["ca-key.pem"]
    for content in (b"", b"-----BEGIN CERTIFICATE-----\n", None):
        path = authority.folder / name
        path.unlink() if content is None else path.write_bytes(content)

        assert check(*authority.issue(NAMES), NAMES, authority.clock) == ()
        assert contents(authority)["ca-key.pem"] == key


def test_damaged_key_of_the_authority_is_told(authority: LocalAuthority) -> None:
    """An authority that others trust is not replaced silently: the message says what to do."""
    authority.issue(NAMES)
    before = contents(authority)
    (authority.folder / "ca-key.pem").write_bytes(b"cut")

    with pytest.raises(OperatorError, match=r"ca-key\.pem: is damaged: remove its folder"):
        authority.issue(("other.test",))

    assert contents(authority) == {**before, "ca-key.pem": b"cut"}


def test_lost_key_of_the_authority_is_another_authority(authority: LocalAuthority) -> None:
    """Without its key an authority issues nothing more: there is a new one, with another name."""
    authority.issue(NAMES)
    old = certificates(authority.certificate)[0]
    (authority.folder / "ca-key.pem").unlink()

    chain, key = authority.issue(NAMES)

    leaf, new = certificates(chain)
    assert check(chain, key, NAMES, authority.clock) == ()
    assert new == certificates(authority.certificate)[0]
    assert new.subject != old.subject
    leaf.verify_directly_issued_by(new)


def test_key_of_the_authority_open_to_others_is_refused(authority: LocalAuthority) -> None:
    """A key that others could read is not used to issue anything."""
    authority.issue(NAMES)
    (authority.folder / "ca-key.pem").chmod(0o644)

    with pytest.raises(PermissionError, match="open to other users"):
        authority.issue(NAMES)


def test_name_that_is_none_is_told(authority: LocalAuthority) -> None:
    """An invalid server name is reported, and nothing is issued for it."""
    with pytest.raises(OperatorError, match="not the names or addresses"):
        authority.issue(("no name",))

    assert "server.pem" not in contents(authority)


def test_many_at_once_agree(authority: LocalAuthority) -> None:
    """Processes that start at once have one authority and one certificate with its own key."""
    seen: list[bytes] = []

    def issue() -> None:
        chain, key = authority.issue(NAMES)
        seen.append(chain.read_bytes() + key.read_bytes())

    assert at_once(6, issue) == []

    assert len(seen) == 6
    assert len(set(seen)) == 1
    assert check(*authority.issue(NAMES), NAMES, authority.clock) == ()


def verified(folder: Path, leaf: Issued, chain: Path) -> subprocess.CompletedProcess[str]:
    """Let OpenSSL hold *leaf* against the authority in *chain*."""
    file = folder / "leaf.pem"
    file.write_bytes(leaf.pem)
    command = ["openssl", "verify", "-no_check_time", "-CAfile", str(chain), str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def issued_by(authority: LocalAuthority, *names: str) -> Issued:
    """Return a server's certificate for *names* that a thief of the authority's key makes."""
    (certificate,) = certificates(authority.certificate)
    key = load_pem_private_key((authority.folder / "ca-key.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return server(Issued(certificate, key), names)


@pytest.mark.parametrize(
    "name", ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "www.ours.example"]
)
def test_authority_may_issue_for_its_own_names(authority: LocalAuthority, tmp_path: Path, name: str) -> None:
    """OpenSSL takes what it issues for this machine, and for the name it was made for."""
    authority.issue(("ours.example",))

    done = verified(tmp_path, issued_by(authority, name), authority.certificate)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "name", ["www.bank.example", "example", "192.0.2.1", "10.0.0.1", "2001:db8::1", "::2"]
)
def test_authority_may_issue_for_no_other_name(authority: LocalAuthority, tmp_path: Path, name: str) -> None:
    """A certificate for another site is refused by OpenSSL: people trust this authority in their browsers."""
    authority.issue(("ours.example",))

    done = verified(tmp_path, issued_by(authority, name), authority.certificate)
    control = verified(tmp_path, issued_by(authority, "ours.example"), authority.certificate)

    assert "permitted subtree violation" in done.stdout + done.stderr
    assert control.returncode == 0


def test_authority_without_constraints_is_made_anew(authority: LocalAuthority) -> None:
    """One that an older version made is replaced, with its key: what was trusted goes on to be."""
    authority.issue(NAMES)
    (made,) = certificates(authority.certificate)
    key = load_pem_private_key((authority.folder / "ca-key.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    old = _without_constraints(made, key)
    authority.certificate.write_bytes(old.public_bytes(Encoding.PEM))

    chain, _ = authority.issue(NAMES)

    (fresh,) = certificates(authority.certificate)
    assert fresh.extensions.get_extension_for_class(x509.NameConstraints).critical
    assert fresh.public_key() == old.public_key()
    certificates(chain)[0].verify_directly_issued_by(old)


def _without_constraints(made: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    builder = x509.CertificateBuilder(
        made.issuer,
        made.subject,
        made.public_key(),
        x509.random_serial_number(),
        made.not_valid_before_utc,
        made.not_valid_after_utc,
    )
    for extension in made.extensions:
        if not isinstance(extension.value, x509.NameConstraints):
            builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key, hashes.SHA256())


def test_more_names_are_permitted_besides(authority: LocalAuthority, tmp_path: Path) -> None:
    """A server of another name has the authority's certificate made anew, for the old name too."""
    authority.issue(("one.example",))
    authority.issue(("other.example",))

    for name in ("one.example", "other.example"):
        assert verified(tmp_path, issued_by(authority, name), authority.certificate).returncode == 0
