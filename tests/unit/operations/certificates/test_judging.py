"""A chain that the cloud would not accept, or not for long, has a finding; a good one has none."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.certificates import (
    NAME,
    Issued,
    authority,
    rsa_key,
    server,
    with_key,
    with_old_hash,
    write,
)
from tests.support.fakes import START, FakeClock
from validator.operations.certificates.judging import Finding, Severity, check
from validator.operations.certificates.lifetime import Margin, Margins

ROOT = authority("root")
MIDDLE = authority("middle", ROOT)
LEAF = server(MIDDLE)
PFX = pkcs12.serialize_key_and_certificates(None, None, LEAF.certificate, None, NoEncryption())
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
MILLISECOND = timedelta(milliseconds=1)


def found(folder: Path, *chain: Issued, names: tuple[str, ...] = (NAME,)) -> list[str]:
    """Return the codes of what is found of *chain* with the right key."""
    return [finding.code for finding in check(*write(folder, *chain), names, FakeClock())]


def only(findings: tuple[Finding, ...]) -> Finding:
    """Return the one finding."""
    assert len(findings) == 1, findings
    return findings[0]


def judged(file: Path, content: bytes) -> Finding:
    """Return the one finding about a file of certificates with *content*."""
    file.write_bytes(content)
    return only(check(file, None, (), FakeClock()))


def test_good_chain_has_no_finding(tmp_path: Path) -> None:
    """The server's certificate, its intermediate and the root, with the right key and name, are good."""
    assert check(*write(tmp_path, LEAF, MIDDLE, ROOT), (NAME,), FakeClock()) == ()


def test_root_need_not_be_sent_when_it_is_trusted(tmp_path: Path) -> None:
    """A chain may end below a trusted certificate, and at one; without that trust its end is missing."""
    files = write(tmp_path, LEAF, MIDDLE)

    assert check(*files, (NAME,), FakeClock(), trusted=(ROOT.certificate,)) == ()
    assert check(*files, (NAME,), FakeClock(), trusted=(MIDDLE.certificate,)) == ()
    assert only(check(*files, (NAME,), FakeClock())).code == "missing-intermediate"


def test_self_signed_certificate_is_good(tmp_path: Path) -> None:
    """A self-signed server's certificate works where exactly it is trusted: nothing is wrong with it."""
    assert found(tmp_path, server()) == []


def test_chain_leads_to_what_was_handed_over(tmp_path: Path) -> None:
    """Any certificate of the path, or the issuer of any, may be what the cloud has; another is a warning."""
    files = write(tmp_path, LEAF, MIDDLE, ROOT)
    crossed = authority("middle", authority("other"))

    for given in (LEAF, MIDDLE, ROOT):
        assert check(*files, (NAME,), FakeClock(), handed_over=given.certificate) == ()
    for given in (crossed, authority("root"), server(MIDDLE)):
        finding = only(check(*files, (NAME,), FakeClock(), handed_over=given.certificate))
        assert (finding.code, finding.severity) == ("not-handed-over", Severity.WARNING)


def test_what_was_handed_over_need_not_be_sent(tmp_path: Path) -> None:
    """The cloud has it; a chain with a gap below it is reported once, as that."""
    assert check(*write(tmp_path, LEAF, MIDDLE), (NAME,), FakeClock(), handed_over=ROOT.certificate) == ()
    finding = only(check(*write(tmp_path, LEAF), (NAME,), FakeClock(), handed_over=ROOT.certificate))
    assert finding.code == "missing-intermediate"


def test_missing_intermediate_is_named(tmp_path: Path) -> None:
    """When the server sends its own certificate only, the finding names the issuer that is missing."""
    finding = only(check(*write(tmp_path, LEAF), (NAME,), FakeClock(), trusted=(ROOT.certificate,)))

    assert (finding.code, finding.severity) == ("missing-intermediate", Severity.PROBLEM)
    assert "issued by CN=middle" in finding.words


def test_authority_of_the_same_name_is_no_issuer(tmp_path: Path) -> None:
    """The issuer is who signed, not who has the name: another authority called the same does not help."""
    assert found(tmp_path, LEAF, authority("middle", ROOT), ROOT) == ["stray", "missing-intermediate"]


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (2, 1, 0)], ids=str)
def test_wrong_order_is_told(tmp_path: Path, order: tuple[int, ...]) -> None:
    """Each certificate is followed by its issuer; the finding gives the right order."""
    chain = (LEAF, MIDDLE, ROOT)
    files = write(tmp_path, *(chain[place] for place in order), key=LEAF)

    finding = only(check(*files, (NAME,), FakeClock()))

    assert finding.code == "wrong-order"
    assert finding.words.endswith("CN=server; CN=middle; CN=root")


def test_certificates_of_no_use_are_told(tmp_path: Path) -> None:
    """What is not of the chain, or is in the file twice, is a warning."""
    assert found(tmp_path, LEAF, MIDDLE, ROOT, authority("other")) == ["stray"]
    assert found(tmp_path, LEAF, LEAF, MIDDLE, ROOT) == ["stray"]


@pytest.mark.parametrize(
    ("left", "code", "severity"),
    [
        (timedelta(days=30), None, None),
        (timedelta(days=30) - MILLISECOND, "near-expiry", Severity.WARNING),
        (timedelta(days=7), "near-expiry", Severity.WARNING),
        (timedelta(days=7) - MILLISECOND, "near-expiry", Severity.PROBLEM),
        (timedelta(0), "near-expiry", Severity.PROBLEM),
        (-MILLISECOND, "expired", Severity.PROBLEM),
    ],
    ids=["30d", "under-30d", "7d", "under-7d", "last-instant", "after"],
)
def test_end_is_told_in_time(
    tmp_path: Path, left: timedelta, code: str | None, severity: Severity | None
) -> None:
    """30 days before its end a certificate is a warning, 7 days before a problem, and then it has expired."""
    clock = FakeClock(LEAF.certificate.not_valid_after_utc - left)

    findings = check(*write(tmp_path, LEAF, MIDDLE, ROOT), (NAME,), clock)

    assert [(each.code, each.severity) for each in findings] == ([(code, severity)] if code else [])


def test_margins_are_the_operators(tmp_path: Path) -> None:
    """How long before the end it is reported can be set."""
    files = write(tmp_path, LEAF, MIDDLE, ROOT)
    margins = Margins(problem=Margin(timedelta(days=61)))

    finding = only(check(*files, (NAME,), FakeClock(), margins=margins))

    assert (finding.code, finding.severity) == ("near-expiry", Severity.PROBLEM)


@pytest.mark.parametrize(
    ("life", "left", "severity"),
    [
        (timedelta(days=90), timedelta(days=89), None),
        (timedelta(days=90), timedelta(days=29), Severity.WARNING),
        (timedelta(days=47), timedelta(days=47), None),
        (timedelta(days=45), timedelta(days=29), None),
        (timedelta(days=45), timedelta(days=14), Severity.WARNING),
        (timedelta(hours=160), timedelta(hours=159), None),
        (timedelta(hours=160), timedelta(hours=80), None),
        (timedelta(hours=160), timedelta(hours=53), Severity.WARNING),
        (timedelta(hours=160), timedelta(hours=26), Severity.PROBLEM),
        (timedelta(days=3650), timedelta(days=1000), None),
        (timedelta(days=3650), timedelta(days=6), Severity.PROBLEM),
    ],
)
def test_margins_are_parts_of_the_life(
    tmp_path: Path, life: timedelta, left: timedelta, severity: Severity | None
) -> None:
    """A certificate of any length is good when fresh, and is reported when a third and a sixth are left."""
    leaf = server(MIDDLE, begin=START + left - life, end=START + left)

    findings = check(*write(tmp_path, leaf, MIDDLE, ROOT), (NAME,), FakeClock())

    assert [each.severity for each in findings] == ([severity] if severity else [])


def test_last_hours_are_told_in_hours(tmp_path: Path) -> None:
    """Less than two days are shown in hours, not as "0 days"."""
    leaf = server(MIDDLE, begin=START - timedelta(days=5), end=START + timedelta(hours=20, minutes=1))

    assert (
        "in 20 hours: renew" in only(check(*write(tmp_path, leaf, MIDDLE, ROOT), (NAME,), FakeClock())).words
    )


def test_end_of_an_intermediate_is_told(tmp_path: Path) -> None:
    """The chain is good for as long as every certificate in it."""
    middle = authority("old middle", ROOT, end=START - timedelta(days=1))

    finding = only(check(*write(tmp_path, server(middle), middle, ROOT), (NAME,), FakeClock()))

    assert finding.code == "expired"
    assert finding.words.startswith("CN=old middle has ended")


def test_begin_is_told(tmp_path: Path) -> None:
    """A certificate of the future is a problem until its first instant."""
    leaf = server(MIDDLE, begin=START.replace(microsecond=0) + timedelta(seconds=10))
    files = write(tmp_path, leaf, MIDDLE, ROOT)
    clock = FakeClock()

    assert only(check(*files, (NAME,), clock)).code == "not-yet-valid"
    clock.instant = leaf.certificate.not_valid_before_utc
    assert check(*files, (NAME,), clock) == ()


@pytest.mark.parametrize(
    ("held", "name", "code"),
    [
        ("a.test", "a.test", None),
        ("a.test", "A.Test", None),
        ("*.a.test", "b.a.test", None),
        ("192.0.2.1", "192.0.2.1", None),
        ("2001:db8::1", "2001:0db8:0::1", None),
        ("a.test", "b.test", "wrong-name"),
        ("*.a.test", "a.test", "wrong-name"),
        ("*.a.test", "c.b.a.test", "wrong-name"),
        ("a.test", "192.0.2.1", "address-not-named"),
        ("192.0.2.2", "192.0.2.1", "address-not-named"),
        ("2001:db8::2", "2001:db8::1", "address-not-named"),
    ],
)
def test_name_is_among_the_alternative_names(tmp_path: Path, held: str, name: str, code: str | None) -> None:
    """A server's name is one of its certificate's, `*` for one label; an address needs an address there."""
    codes = found(tmp_path, server(MIDDLE, (held,)), MIDDLE, ROOT, names=(name,))

    assert codes == ([code] if code else [])


def test_address_as_a_dns_name_does_not_count(tmp_path: Path) -> None:
    """An address written as text among the DNS names is not believed by clients."""
    leaf = server(MIDDLE, ("192.0.2.1.",))

    assert found(tmp_path, leaf, MIDDLE, ROOT, names=("192.0.2.1",)) == ["address-not-named"]


def test_every_name_is_looked_for(tmp_path: Path) -> None:
    """One certificate of two servers must have both names."""
    both = server(MIDDLE, (NAME, "portal.example.test"))
    names = (NAME, "portal.example.test")

    assert found(tmp_path, both, MIDDLE, ROOT, names=names) == []
    assert found(tmp_path, LEAF, MIDDLE, ROOT, names=names) == ["wrong-name"]


def test_name_as_cn_only_is_told(tmp_path: Path) -> None:
    """A CN is no name of a server: without alternative names the finding says what to request."""
    leaf = server(MIDDLE, (), title=NAME)

    assert found(tmp_path, leaf, MIDDLE, ROOT) == ["name-in-cn-only"]
    assert found(tmp_path, leaf, MIDDLE, ROOT, names=("other.test",)) == ["wrong-name"]


def test_other_key_is_told(tmp_path: Path) -> None:
    """The key must be the server's certificate's."""
    files = write(tmp_path, LEAF, MIDDLE, ROOT, key=server(MIDDLE))

    assert [each.code for each in check(*files, (NAME,), FakeClock())] == ["key-mismatch"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (0o600, []),
        (0o400, []),
        (0o640, [("key-open", Severity.WARNING)]),
        (0o644, [("key-open", Severity.PROBLEM)]),
        (0o604, [("key-open", Severity.PROBLEM)]),
        (0o660, [("key-open", Severity.PROBLEM)]),
    ],
    ids=lambda value: f"{value:04o}" if isinstance(value, int) else "",
)
def test_key_is_for_its_owner(tmp_path: Path, mode: int, expected: list[tuple[str, Severity]]) -> None:
    """A key that others may read is a problem, one that its group may read is a warning."""
    files = write(tmp_path, LEAF, MIDDLE, ROOT)
    files[1].chmod(mode)

    assert [(each.code, each.severity) for each in check(*files, (NAME,), FakeClock())] == expected


@pytest.mark.parametrize(
    ("make_key", "code"),
    [
        (lambda: rsa_key(1024), "weak-key"),
        (lambda: ec.generate_private_key(ec.SECP224R1()), "weak-key"),
        (lambda: ec.generate_private_key(ec.SECP192R1()), "weak-key"),
        (lambda: rsa_key(2048), None),
        (lambda: ec.generate_private_key(ec.SECP256R1()), None),
        (lambda: ec.generate_private_key(ec.SECP384R1()), None),
    ],
    ids=["rsa-1024", "p-224", "p-192", "rsa-2048", "p-256", "p-384"],
)
def test_weak_key_is_told(tmp_path: Path, make_key: Callable[[], Key], code: str | None) -> None:
    """A key below RSA 2048 or P-256 is a problem, at the server and at an authority."""
    key = make_key()
    leaf = server(MIDDLE, key=key)
    strange_root = with_key(ROOT, key)
    expected = [code] if code else []

    assert found(tmp_path, leaf, MIDDLE, ROOT) == expected
    assert found(tmp_path, server(strange_root), strange_root) == expected


def test_unusual_key_is_told(tmp_path: Path) -> None:
    """A kind of key that older Java clients do not know is a warning."""
    leaf = server(MIDDLE, key=ed25519.Ed25519PrivateKey.generate())

    assert found(tmp_path, leaf, MIDDLE, ROOT) == ["unusual-key"]


@pytest.mark.parametrize("name", ["sha1", "md5"])
def test_weak_signature_is_told(tmp_path: Path, name: str) -> None:
    """A signature with a broken hash is a problem; with SHA-256 of the same key it is none."""
    root = with_key(ROOT, rsa_key())
    leaf = server(root)

    assert found(tmp_path, with_old_hash(leaf, root, name), root) == ["weak-signature"]
    assert found(tmp_path, leaf, root) == []


def test_old_hash_of_a_root_is_nobodys_concern(tmp_path: Path) -> None:
    """Nobody looks at the signature of a root upon itself."""
    root = with_key(ROOT, rsa_key())

    assert found(tmp_path, server(root), with_old_hash(root, root, "sha1")) == []


def test_authority_as_server_is_told(tmp_path: Path) -> None:
    """An authority's certificate as the server's is a problem; one that is self-signed works: a warning."""
    issued = check(*write(tmp_path, server(MIDDLE, is_authority=True), MIDDLE, ROOT), (NAME,), FakeClock())
    alone = check(*write(tmp_path, server(is_authority=True)), (NAME,), FakeClock())

    assert (only(issued).code, only(issued).severity) == ("authority-as-server", Severity.PROBLEM)
    assert (only(alone).code, only(alone).severity) == ("authority-as-server", Severity.WARNING)


def test_certificate_for_something_else_is_told(tmp_path: Path) -> None:
    """A certificate for clients, or for a key that may not sign, is none of a TLS server."""
    of_client = server(MIDDLE, purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,))
    of_both = server(MIDDLE, purposes=(ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH))

    assert found(tmp_path, of_client, MIDDLE, ROOT) == ["not-for-servers"]
    assert found(tmp_path, server(MIDDLE, signs=False), MIDDLE, ROOT) == ["not-for-servers"]
    assert found(tmp_path, of_both, MIDDLE, ROOT) == []


def test_issuer_must_say_that_it_is_an_authority(tmp_path: Path) -> None:
    """A home-made authority without CA:TRUE is refused by Java, so it is a problem here."""
    root = authority("home-made", is_right=False)

    assert found(tmp_path, server(root), root) == ["issuer-no-authority"]


def test_key_among_the_certificates_is_told(tmp_path: Path) -> None:
    """A private key in the file of certificates is a problem, wherever it stands; the rest is read too."""
    for content in (LEAF.key_pem + LEAF.pem, LEAF.pem + LEAF.key_pem):
        assert judged(tmp_path / "chain.pem", content + MIDDLE.pem + ROOT.pem).code == "key-in-certificate"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no certificate in PEM"),
        (b"hello\n", "no certificate in PEM"),
        ("\ufeff".join(["", "-----BEGIN CERTIFICATE-----\n"]).encode("utf-16"), "is UTF-16"),
        (LEAF.der, "openssl x509 -inform der"),
        (PFX, "openssl pkcs12 -nokeys"),
        (pkcs7.serialize_certificates([LEAF.certificate], Encoding.PEM), "openssl pkcs7 -print_certs"),
        (LEAF.key_pem, "are the two files exchanged?"),
        (LEAF.pem[:-30], "copy them whole"),
        (LEAF.pem.strip() + MIDDLE.pem, "join files with a line feed"),
        (LEAF.pem.replace(b"\nMII", b"\nMXX"), "is damaged"),
    ],
    ids=["empty", "text", "utf-16", "der", "pkcs12", "pkcs7", "key", "cut", "glued", "damaged"],
)
def test_what_is_no_file_of_certificates_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    """A file that the proxy could not start with is unreadable, and the words say what it seems to be."""
    finding = judged(tmp_path / "chain.pem", content)

    assert (finding.code, finding.severity) == ("unreadable", Severity.PROBLEM)
    assert words in finding.words


@pytest.mark.parametrize(
    "content",
    [
        LEAF.pem.replace(b"\n", b"\r\n") + MIDDLE.pem + ROOT.pem,
        b"subject=CN = server\n" + LEAF.pem + b"\n\n" + MIDDLE.pem + ROOT.pem.rstrip(),
        b"\xef\xbb\xbf" + LEAF.pem + MIDDLE.pem + ROOT.pem,
    ],
    ids=["crlf", "text-around", "byte-order-mark"],
)
def test_what_the_proxy_reads_is_read(tmp_path: Path, content: bytes) -> None:
    """Line ends of Windows, words around the certificates and a mark at the beginning are no fault."""
    file = tmp_path / "chain.pem"
    file.write_bytes(content)

    assert check(file, None, (NAME,), FakeClock()) == ()


def test_missing_files_are_told(tmp_path: Path) -> None:
    """A file that is not there is a finding that names it, not an exception."""
    chain, key = write(tmp_path, LEAF, MIDDLE, ROOT)
    key.unlink()

    assert str(key) in only(check(chain, key, (NAME,), FakeClock())).words
    assert str(tmp_path / "none") in only(check(tmp_path / "none", key, (NAME,), FakeClock())).words


def test_key_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """A key with a passphrase, a damaged one and a file without any have different messages."""
    chain, key = write(tmp_path, LEAF, MIDDLE, ROOT)
    locked = LEAF.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    contents = {
        locked: ("key-encrypted", "needs a passphrase"),
        LEAF.key_pem.replace(b"\nMI", b"\nMX"): ("unreadable", "is damaged"),
        LEAF.pem: ("unreadable", "has no private keys"),
    }

    for content, (code, words) in contents.items():
        key.write_bytes(content)
        finding = only(check(chain, key, (NAME,), FakeClock()))
        assert finding.code == code
        assert words in finding.words


def test_no_finding_shows_a_key(tmp_path: Path) -> None:
    """Whatever is wrong with a key, its text is not in the words."""
    chain, key = write(tmp_path, LEAF, MIDDLE, ROOT)
    secret = LEAF.key_pem.splitlines()[1].decode()
    key.write_bytes(LEAF.key_pem.replace(b"\nMI", b"\nMX"))

    words = only(check(chain, key, (NAME,), FakeClock())).words

    assert secret[4:24] not in words
