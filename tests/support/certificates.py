"""Certificates for a test: each as good as a real one, but for what the test asks to be different."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tests.support.fakes import START

NAME = "callbacks.example.test"
# For clients that ask the machine's clock.
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FAR_AWAY = datetime(2999, 12, 31, tzinfo=UTC)
SERVER_AUTH = (ExtendedKeyUsageOID.SERVER_AUTH,)
_USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
_RSA_WITH = bytes.fromhex("2a864886f70d0101")  # the OIDs of RSA signatures but for their last byte
_SHA256_WITH_RSA = 11
_RSA_WITH_OLD = {"md5": (4, hashes.MD5()), "sha1": (5, hashes.SHA1())}


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes = field(repr=False)

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        """The key in PEM."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def authority(
    title: str,
    issuer: Issued | None = None,
    *,
    begin: datetime = START - timedelta(days=365),
    end: datetime = START + timedelta(days=3650),
    is_right: bool = True,
    key: CertificateIssuerPrivateKeyTypes | None = None,
) -> Issued:
    """Return a root, or an authority below *issuer*; unless *is_right* it does not say that it is one."""
    uses = _uses(key_cert_sign=True, crl_sign=True) if is_right else _uses(digital_signature=True)
    extensions = (x509.BasicConstraints(ca=is_right, path_length=None), uses)
    return _issue(title, issuer, extensions, begin, end, key)


def server(
    issuer: Issued | None = None,
    names: Collection[str] = (NAME,),
    *,
    title: str = "server",
    begin: datetime = START - timedelta(days=30),
    end: datetime = START + timedelta(days=60),
    is_authority: bool = False,
    purposes: Collection[ObjectIdentifier] = SERVER_AUTH,
    signs: bool = True,
    key: CertificateIssuerPrivateKeyTypes | None = None,
) -> Issued:
    """Return a server's certificate, by *issuer* or self-signed."""
    extensions = [
        x509.BasicConstraints(ca=is_authority, path_length=None),
        _uses(digital_signature=signs, key_agreement=not signs),
        x509.ExtendedKeyUsage(purposes),
    ]
    if names:
        extensions.append(x509.SubjectAlternativeName([_general(name) for name in names]))
    return _issue(title, issuer, extensions, begin, end, key)


def with_old_hash(issued: Issued, issuer: Issued, name: str) -> Issued:
    """Return *issued* signed anew by the RSA key of *issuer* with an old hash; the library refuses to."""
    last, algorithm = _RSA_WITH_OLD[name]
    old, new = _RSA_WITH + bytes([_SHA256_WITH_RSA]), _RSA_WITH + bytes([last])
    signed = issued.certificate.tbs_certificate_bytes
    assert isinstance(issuer.key, rsa.RSAPrivateKey)
    signature = issuer.key.sign(signed.replace(old, new), padding.PKCS1v15(), algorithm)
    der = issued.der.replace(old, new).replace(issued.certificate.signature, signature)
    return Issued(x509.load_der_x509_certificate(der), issued.key)


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return an RSA key; making one takes a moment."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def with_key(issued: Issued, key: CertificateIssuerPrivateKeyTypes) -> Issued:
    """Return a root like *issued*, with another key."""
    extensions = [extension.value for extension in issued.certificate.extensions]
    begin, end = issued.certificate.not_valid_before_utc, issued.certificate.not_valid_after_utc
    return _issue("with another key", None, extensions, begin, end, key)


def write(folder: Path, *chain: Issued, key: Issued | None = None) -> tuple[Path, Path]:
    """Write `chain.pem` and, 0600, `key.pem` of the first or of *key* into *folder*; return both."""
    paths = folder / "chain.pem", folder / "key.pem"
    paths[0].write_bytes(b"".join(each.pem for each in chain))
    paths[1].write_bytes((key or chain[0]).key_pem)
    paths[1].chmod(0o600)
    return paths


def _issue(
    title: str,
    issuer: Issued | None,
    extensions: Collection[x509.ExtensionType],
    begin: datetime,
    end: datetime,
    key: CertificateIssuerPrivateKeyTypes | None = None,
) -> Issued:
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return Issued(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def _uses(**named: bool) -> x509.KeyUsage:
    return x509.KeyUsage(**{**dict.fromkeys(_USES, False), **named})


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
