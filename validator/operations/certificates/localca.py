"""A local certificate authority, for TLS while there is no real certificate.

Its folder has `ca.pem`, which a browser or the cloud may trust, `ca-key.pem`, and the last issued pair:
`server.pem` (the server's certificate, then the authority's) with `server-key.pem`. Only `ca.pem` is
world-readable. The authority is renewed with the same key and name, so that clients that trust the old
certificate accept the server until that one expires.

People add `ca.pem` to their browsers. A stolen key is useless for other sites: the certificate permits only
the names that it was made for, `localhost` and loopback (RFC 5280, 4.2.1.10).
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from validator.clock import Clock
from validator.errors import OperatorError
from validator.files import make_private_folder, read_private, write_private
from validator.locks import locked
from validator.networks import is_address
from validator.operations.certificates import chain
from validator.operations.certificates.judging import check
from validator.operations.certificates.lifetime import Margin, Margins
from validator.operations.certificates.pem import UnreadableError, read_chain

CERTIFICATE = "ca.pem"
_LIFETIME = timedelta(days=825)  # of the authority; the longest that Apple's clients accept
_OVERLAP = timedelta(days=180)  # renewed this long before its end; longer than an issued certificate lives
_SERVER_LIFETIME = timedelta(days=90)
_SERVER_OVERLAP = timedelta(days=30)
_SKEW = timedelta(hours=24)  # how far another machine's clock may be behind
_PUBLIC = 0o644
_THIS_HOST, _LOOPBACK = ("localhost",), ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True)
class LocalAuthority:
    """The authority in *folder*, which is made at the first use."""

    folder: Path
    clock: Clock

    @property
    def certificate(self) -> Path:
        """The file of its certificate (PEM); it exists once anything was issued."""
        return self.folder / CERTIFICATE

    def issue(self, names: Collection[str]) -> tuple[Path, Path]:
        """Return the files of a chain and of its key (PEM) for a server of *names*, hosts and addresses.

        They are made again when they are missing, expire soon, or have other names or another issuer. Raises
        OperatorError for invalid names and for damaged files of the authority; else OSError.
        """
        make_private_folder(self.folder)
        server, key = self.folder / "server.pem", self.folder / "server-key.pem"
        with locked(self.certificate):
            authority = self._authority(names)
            if not self._is_good(server, key, names, authority):
                self._renew(server, key, names, authority)
        return server, key

    def _authority(self, names: Collection[str]) -> x509.Certificate:
        """Return the authority's certificate for *names*, made or renewed if necessary."""
        path = self.folder / "ca-key.pem"
        if not path.exists():
            write_private(path, _pem_of(ec.generate_private_key(ec.SECP256R1())))
        key = _key_in(path)
        stored = self._stored()
        if stored and stored.public_key() != key.public_key():
            stored = None
        wanted, permitted = _subtrees(names), _permitted_by(stored)
        if stored and wanted <= permitted and self._lasts(stored, _OVERLAP):
            return stored
        fresh = _certify(key, wanted | permitted, self.clock.now())
        write_private(self.certificate, fresh.public_bytes(Encoding.PEM))
        self.certificate.chmod(_PUBLIC)
        return fresh

    def _stored(self) -> x509.Certificate | None:
        try:
            return read_chain(self.certificate).certificates[0]
        except UnreadableError:
            return None

    def _lasts(self, certificate: x509.Certificate, margin: timedelta) -> bool:
        now = self.clock.now()
        return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - margin

    def _is_good(self, server: Path, key: Path, names: Collection[str], authority: x509.Certificate) -> bool:
        margins = Margins(warning=Margin(_SERVER_OVERLAP))
        if check(server, key, names, self.clock, margins=margins):
            return False
        leaf, *issuers = read_chain(server).certificates
        return issuers == [authority] and len(chain.names_of(leaf)) == len(set(names))

    def _renew(self, server: Path, key: Path, names: Collection[str], authority: x509.Certificate) -> None:
        own, now = read_private(self.folder / "ca-key.pem"), self.clock.now()
        certificate = authority.public_bytes(Encoding.PEM)
        try:
            issued = trustme.CA.from_pem(certificate, own).issue_cert(
                *dict.fromkeys(names),
                organization_name="validator",
                organization_unit_name="local server",
                not_before=now - _SKEW,
                not_after=now + _SERVER_LIFETIME,
            )
        except ValueError:
            raise OperatorError(f"not the names or addresses of a server: {', '.join(names)}") from None
        write_private(key, issued.private_key_pem.bytes())
        write_private(server, issued.cert_chain_pems[0].bytes() + certificate)


def _key_in(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(read_private(path), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise OperatorError(f"{path}: is damaged: remove its folder to begin with a new authority")
    return key


def _subtrees(names: Collection[str]) -> frozenset[x509.GeneralName]:
    """Return the subtrees that an authority for *names* permits: these, and this machine.

    Raises OperatorError for anything but a name or an address.
    """
    networks = [*(f"{name}" for name in names if is_address(name)), *_LOOPBACK]
    hosts = [*(name.removeprefix("*.") for name in names if not is_address(name)), *_THIS_HOST]
    try:
        return frozenset(
            [*(x509.IPAddress(ip_network(each)) for each in networks), *map(x509.DNSName, hosts)]
        )
    except ValueError:
        raise OperatorError(f"not the names or addresses of a server: {', '.join(names)}") from None


def _permitted_by(certificate: x509.Certificate | None) -> frozenset[x509.GeneralName]:
    """Return the names that *certificate* permits; none without constraints, or for None."""
    if certificate is None:
        return frozenset()
    found = [each.value for each in certificate.extensions if isinstance(each.value, x509.NameConstraints)]
    return frozenset(name for each in found for name in each.permitted_subtrees or ())


def _certify(
    key: ec.EllipticCurvePrivateKey, permitted: Collection[x509.GeneralName], now: datetime
) -> x509.Certificate:
    """Return a certificate of the authority with *key*, constrained to *permitted*.

    Its name is derived from the key, so it never changes.
    """
    public = key.public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    title = f"validator local authority {hashlib.sha256(der).hexdigest()[:8]}"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "digital_signature"),
        False,
    )
    signing = x509.KeyUsage(
        key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False, **usage
    )
    # Sorted, so that the same names give the same certificate.
    constraints = x509.NameConstraints(sorted(permitted, key=repr), None)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFETIME - _SKEW)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(signing, critical=True)
        .add_extension(constraints, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
