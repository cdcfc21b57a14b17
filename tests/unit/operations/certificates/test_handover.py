"""The files for the cloud's administrator have exactly one certificate, the right one, and never a key."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.certificates import NAME, Issued, authority, server, write
from tests.support.fakes import START, FakeClock
from validator.errors import OperatorError
from validator.operations.certificates.handover import (
    DER_NAME,
    PEM_NAME,
    RECORD,
    Handover,
    Which,
    export,
    load_handover,
    record,
)
from validator.operations.certificates.judging import check

ROOT = authority("root")
MIDDLE = authority("middle", ROOT)
LEAF = server(MIDDLE)


def given(
    folder: Path, *chain: Issued, which: Which = Which.RECOMMENDED, trusted: tuple[Issued, ...] = ()
) -> Handover:
    """Export *chain* into `out`, and return what was given."""
    held = [each.certificate for each in trusted]
    return export(write(folder, *chain)[0], which, folder / "out", FakeClock(), trusted=held)


def test_both_files_have_the_same_one_certificate(tmp_path: Path) -> None:
    """`server.cer` is the DER to its last byte; `server-pem.cer` is one PEM block with LF and no mark."""
    given(tmp_path, LEAF, MIDDLE, ROOT)

    der, pem = ((tmp_path / "out" / name).read_bytes() for name in (DER_NAME, PEM_NAME))
    assert der == MIDDLE.der
    assert pem == MIDDLE.pem
    assert pem.startswith(b"-----BEGIN CERTIFICATE-----\n")
    assert pem.endswith(b"\n-----END CERTIFICATE-----\n")
    assert (pem.count(b"BEGIN"), pem.count(b"\r")) == (1, 0)


def test_what_is_told_is_of_the_file(tmp_path: Path) -> None:
    """The fingerprint is that of the DER file; the names are the server's; the rest is the certificate's."""
    told = given(tmp_path, LEAF, MIDDLE, ROOT)

    assert told.sha256 == hashlib.sha256((tmp_path / "out" / DER_NAME).read_bytes()).hexdigest()
    assert (told.subject, told.issuer, told.names) == ("CN=middle", "CN=root", (NAME,))
    assert (told.expires_at, told.at) == (MIDDLE.certificate.not_valid_after_utc, START)
    assert told.files == (str(tmp_path / "out" / DER_NAME), str(tmp_path / "out" / PEM_NAME))
    assert told.certificate == MIDDLE.certificate


def test_files_are_for_everybody(tmp_path: Path) -> None:
    """The files are world-readable, so that anybody can send them."""
    told = given(tmp_path, LEAF, MIDDLE)

    assert [Path(file).stat().st_mode & 0o777 for file in told.files] == [0o644, 0o644]


@pytest.mark.parametrize(
    ("chain", "which", "expected"),
    [
        ((LEAF, MIDDLE, ROOT), Which.RECOMMENDED, (Which.ISSUER, MIDDLE)),
        ((LEAF, MIDDLE), Which.RECOMMENDED, (Which.ISSUER, MIDDLE)),
        ((MIDDLE, LEAF), Which.RECOMMENDED, (Which.ISSUER, MIDDLE)),
        ((LEAF, MIDDLE, ROOT), Which.ROOT, (Which.ROOT, ROOT)),
        ((LEAF, MIDDLE, ROOT), Which.LEAF, (Which.LEAF, LEAF)),
        ((LEAF,), Which.LEAF, (Which.LEAF, LEAF)),
    ],
    ids=["recommended", "without-root", "wrong-order", "root", "leaf", "leaf-alone"],
)
def test_right_certificate_is_chosen(
    tmp_path: Path, chain: tuple[Issued, ...], which: Which, expected: tuple[Which, Issued]
) -> None:
    """Recommended is the issuer, which outlives the renewal; the operator may choose another."""
    told = given(tmp_path, *chain, which=which)

    assert (told.which, told.certificate) == (expected[0], expected[1].certificate)


def test_root_of_this_system_is_recommended(tmp_path: Path) -> None:
    """A root that this system trusts is given: the next certificate may come by another intermediate."""
    told = given(tmp_path, LEAF, MIDDLE, trusted=(authority("other"), ROOT))
    sent_too = given(tmp_path, LEAF, MIDDLE, ROOT, trusted=(ROOT,))
    other = authority("another middle", ROOT)

    assert [(each.which, each.certificate) for each in (told, sent_too)] == [
        (Which.ROOT, ROOT.certificate)
    ] * 2
    assert "another intermediate" in told.why
    assert given(tmp_path, LEAF, MIDDLE).which is Which.ISSUER
    # `cert check` of the renewal: it chains to the root, but no longer to the intermediate.
    files = write(tmp_path, server(other), other)
    of_root = check(*files, (), FakeClock(), trusted=[ROOT.certificate], handed_over=told.certificate)
    of_middle = check(*files, (), FakeClock(), trusted=[ROOT.certificate], handed_over=MIDDLE.certificate)
    assert "not-handed-over" not in {each.code for each in of_root}
    assert "not-handed-over" in {each.code for each in of_middle}


def test_root_above_the_server_is_its_issuer(tmp_path: Path) -> None:
    """Without an intermediate the issuer is the root already."""
    leaf = server(ROOT)

    told = given(tmp_path, leaf, trusted=(ROOT,))

    assert (told.which, told.certificate) == (Which.ISSUER, ROOT.certificate)


def test_self_signed_certificate_is_given_itself(tmp_path: Path) -> None:
    """Of a self-signed certificate there is nothing else to give, and the words say so."""
    alone = server()

    told = given(tmp_path, alone)

    assert (told.which, told.certificate) == (Which.LEAF, alone.certificate)
    assert "self-signed" in told.why
    for which in (Which.ISSUER, Which.ROOT):
        with pytest.raises(OperatorError, match="--which leaf"):
            given(tmp_path, alone, which=which)


def test_reason_goes_with_the_choice(tmp_path: Path) -> None:
    """Each choice says what happens to it at a renewal."""
    why = {which: given(tmp_path, LEAF, MIDDLE, ROOT, which=which).why for which in Which}

    assert "outlives its renewal" in why[Which.ISSUER]
    assert why[Which.RECOMMENDED] == why[Which.ISSUER]
    assert "before the server uses it" in why[Which.LEAF]
    assert "must go on sending its intermediates" in why[Which.ROOT]


def test_root_is_taken_from_what_is_trusted(tmp_path: Path) -> None:
    """A server does not send its root: it is taken from the trusted ones, if it is among them."""
    told = given(tmp_path, LEAF, MIDDLE, which=Which.ROOT, trusted=(authority("other"), ROOT))

    assert told.certificate == ROOT.certificate
    with pytest.raises(OperatorError, match="certificate of CN=root is neither in the file nor trusted"):
        given(tmp_path, LEAF, MIDDLE, which=Which.ROOT)


def test_issuer_that_is_nowhere_is_named(tmp_path: Path) -> None:
    """Without the issuer's certificate nothing is recommended, and nothing is written."""
    with pytest.raises(OperatorError, match="certificate of CN=middle is neither in the file nor trusted"):
        given(tmp_path, LEAF)

    assert not (tmp_path / "out").exists()


def test_file_with_a_key_is_refused(tmp_path: Path) -> None:
    """A file with a private key is not made anything of; without the key it is."""
    file = tmp_path / "chain.pem"
    for content in (LEAF.key_pem + LEAF.pem, LEAF.pem + LEAF.key_pem):
        file.write_bytes(content)
        with pytest.raises(OperatorError, match="has a private key in it"):
            export(file, Which.LEAF, tmp_path / "out", FakeClock())
        assert not (tmp_path / "out").exists()

    file.write_bytes(LEAF.pem)
    assert export(file, Which.LEAF, tmp_path / "out", FakeClock()).certificate == LEAF.certificate


def test_certificate_that_has_ended_is_refused(tmp_path: Path) -> None:
    """A certificate is not given once it has ended; a moment before it is."""
    files = write(tmp_path, LEAF, MIDDLE)
    clock = FakeClock(LEAF.certificate.not_valid_after_utc)

    assert export(files[0], Which.LEAF, tmp_path / "out", clock).certificate == LEAF.certificate
    clock.advance(milliseconds=1)
    with pytest.raises(OperatorError, match="renew it first"):
        export(files[0], Which.LEAF, tmp_path / "out", clock)


def test_what_was_given_is_remembered(tmp_path: Path) -> None:
    """The record comes back as it was, in a private file; the newest is in force."""
    assert load_handover(tmp_path) is None
    for which in (Which.ROOT, Which.ISSUER):
        told = given(tmp_path, LEAF, MIDDLE, ROOT, which=which)
        record(tmp_path, told)
        assert load_handover(tmp_path) == told

    assert (tmp_path / RECORD).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"sha256": "', b'"sha256": "0'),
        (b'"which": "issuer"', b'"which": "other"'),
        (b'"pem"', b'"mep"'),
        (b"BEGIN CERT", b"BEGIN CAKE"),
        (b"{", b"["),
        (b'"names": [', b'"names": 5, "more": ['),
    ],
    ids=["fingerprint", "which", "field", "certificate", "json", "type"],
)
def test_damaged_record_is_told(tmp_path: Path, old: bytes, new: bytes) -> None:
    """A record that is not what was written is not believed; the words say how to make it anew."""
    record(tmp_path, given(tmp_path, LEAF, MIDDLE))
    content = (tmp_path / RECORD).read_bytes()
    (tmp_path / RECORD).write_bytes(content.replace(old, new, 1))

    with pytest.raises(OperatorError, match="run `validator cert export` again"):
        load_handover(tmp_path)


def test_certificate_of_the_record_is_a_certificate(tmp_path: Path) -> None:
    """The record contains the certificate itself, without the exported files."""
    record(tmp_path, given(tmp_path, LEAF, MIDDLE))
    kept = load_handover(tmp_path)

    assert kept is not None
    assert isinstance(kept.certificate, x509.Certificate)
    assert kept.expires_at - START == timedelta(days=3650) - timedelta(microseconds=START.microsecond)
