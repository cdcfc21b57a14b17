"""A certificate's properties, and which certificate issued which."""

import hashlib
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from validator.networks import is_address

WEAK_HASHES = {"md5", "sha1"}
_FOR_SERVERS = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


def path_of(certificates: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """Return the server's certificate, its issuer, that one's issuer, as far as *certificates* go.

    They may be in any order. The server's is the first that is not an authority's, else the first.
    """
    leaf = next((each for each in certificates if not is_authority(each)), certificates[0])
    path = [leaf]
    while not is_self_signed(path[-1]):
        above = issuer_of(path[-1], (each for each in certificates if each not in path))
        if above is None:
            break
        path.append(above)
    return tuple(path)


def issuer_of(certificate: x509.Certificate, among: Iterable[x509.Certificate]) -> x509.Certificate | None:
    """Return the first certificate *among* others that issued *certificate*; None when there is none."""
    return next((each for each in among if is_issued_by(certificate, each)), None)


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Return whether the key of *issuer* signed *certificate*.

    For a signature with a weak hash, which the library refuses to verify, the names decide: such a
    certificate is reported separately.
    """
    if certificate.issuer != issuer.subject:
        return False
    if hash_of(certificate) in WEAK_HASHES:
        return True
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Return whether *certificate* is its own issuer."""
    return is_issued_by(certificate, certificate)


def is_authority(certificate: x509.Certificate) -> bool:
    """Return whether *certificate* is marked as an authority's (RFC 5280, section 4.2.1.9)."""
    return any(
        isinstance(extension.value, x509.BasicConstraints) and extension.value.ca
        for extension in certificate.extensions
    )


def is_for_servers(leaf: x509.Certificate) -> bool:
    """Return whether *leaf* permits its use by a TLS server (RFC 5280, 4.2.1.3 and .12)."""
    for extension in leaf.extensions:
        value = extension.value
        if isinstance(value, x509.ExtendedKeyUsage) and not _FOR_SERVERS & set(value):
            return False
        if isinstance(value, x509.KeyUsage) and not value.digital_signature:
            return False
    return True


def may_issue(certificate: x509.Certificate) -> bool:
    """Return whether *certificate* is an authority's and permits issuing others."""
    usages = [each.value for each in certificate.extensions if isinstance(each.value, x509.KeyUsage)]
    return is_authority(certificate) and all(usage.key_cert_sign for usage in usages)


def hash_of(certificate: x509.Certificate) -> str:
    """Return the name of the hash in the signature of *certificate*, such as "sha256"; "" without one."""
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return ""
    return algorithm.name if algorithm else ""


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the DNS names, in lower case, and the addresses that *certificate* is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    return (*(name.lower() for name in names.get_values_for_type(x509.DNSName)), *addresses)


def common_names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the common names of the subject, which current clients do not accept as a host's name."""
    return tuple(str(part.value) for part in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME))


def is_for(certificate: x509.Certificate, name: str) -> bool:
    """Return whether *certificate* is for the host *name* or address; `*` stands for one label (RFC 9525)."""
    names = names_of(certificate)
    if is_address(name):
        return str(ip_address(name)) in names
    wanted = name.lower().rstrip(".")
    return wanted in names or f"*.{wanted.partition('.')[2]}" in names


def title_of(certificate: x509.Certificate) -> str:
    """Return the title of *certificate*: its subject, else its names, else its fingerprint."""
    subject = certificate.subject.rfc4514_string()
    return subject or ", ".join(names_of(certificate)) or fingerprint_of(certificate)


def fingerprint_of(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of the DER of *certificate*, in hexadecimal."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
