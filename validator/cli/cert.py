"""`validator cert`: check the server's certificate, and export it for the cloud's administrator."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import click
from cryptography import x509

from validator.cli.frame import Group, load_settings
from validator.cli.output import json_option, say, show
from validator.cli.privileges import as_owner_of
from validator.clock import SystemClock
from validator.errors import OperatorError
from validator.operations.certificates.handover import Which, load_handover, record
from validator.operations.certificates.handover import export as export_certificate
from validator.operations.certificates.judging import Finding, Severity
from validator.operations.certificates.judging import check as check_chain
from validator.operations.certificates.lifetime import DEFAULT_MARGINS, Margin, Margins
from validator.operations.certificates.pem import read_chain, read_roots
from validator.web.proxy_policy import ProxyPolicy

_SHOWN = ("which", "why", "sha256", "subject", "issuer", "names", "expires_at", "files")

_file = click.Path(dir_okay=False, path_type=Path)
_days = click.IntRange(0, 3650)
certificate_option = click.option(
    "--certificate", type=_file, help="File (PEM) of the chain; else the one in [proxy] of the settings."
)
trust_option = click.option(
    "--trust",
    type=_file,
    multiple=True,
    help="File (PEM) of a root that the server need not send; repeatable.",
)


@dataclass(frozen=True, slots=True)
class Served:
    """A server's certificate files, and its names."""

    chain: Path
    key: Path | None
    names: tuple[str, ...]


@click.group(cls=Group)
def cert() -> None:
    """Check the server's certificate, and export it for the cloud's administrator."""


@cert.command(
    examples=[
        "validator cert check",
        "validator cert check --certificate chain.pem --key key.pem --name portal.example.com",
    ]
)
@certificate_option
@click.option("--key", type=_file, help="File (PEM) of the private key; with --certificate.")
@click.option("--name", "names", multiple=True, help="A name of the server; with --certificate, repeatable.")
@trust_option
@click.option(
    "--warning-days",
    type=_days,
    help="Warn this many days before expiry; else after two thirds of its lifetime, at most 30 days before.",
)
@click.option(
    "--problem-days",
    type=_days,
    help="Fail this many days before expiry; else after five sixths of its lifetime, at most 7 days before.",
)
@json_option
def check(
    certificate: Path | None,
    key: Path | None,
    names: tuple[str, ...],
    trust: tuple[Path, ...],
    warning_days: int | None,
    problem_days: int | None,
    as_json: bool,
) -> None:
    """Check a certificate, its chain and its key, and show what to do; exit 1 if there is a problem.

    Without --certificate every server of [proxy] is checked. Trusted are this machine's roots and the
    certificate that was handed to the cloud's administrator. If the server that the cloud calls no longer
    chains up to that one, there is a warning.
    """
    if certificate is None and (key or names):
        raise click.UsageError("--key and --name need --certificate")
    settings = load_settings()
    served = [Served(certificate, key, names)] if certificate else _configured(settings.proxy)
    with as_owner_of(settings.home):
        given = load_handover(settings.home)
    trusted = (*_trusted(trust), *([given.certificate] if given else ()))
    margins = _margins(warning_days, problem_days)
    found = {
        each: check_chain(
            *(each.chain, each.key, each.names, SystemClock()),
            trusted=trusted,
            # Only the certificate of the server that the cloud calls was handed over.
            handed_over=given.certificate if given and each is served[-1] else None,
            margins=margins,
        )
        for each in served
    }
    if as_json:
        rows = [(each.chain, finding) for each, findings in found.items() for finding in findings]
        show([{"file": str(file), **asdict(finding)} for file, finding in rows], as_json=True)
    else:
        say(*(line for each, findings in found.items() for line in _lines(each, findings)))
    if any(each.severity is Severity.PROBLEM for findings in found.values() for each in findings):
        raise OperatorError("the certificate has a problem")


@cert.command(examples=["validator cert export --out handover"])
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the files."
)
@click.option(
    "--which",
    type=click.Choice([each.value for each in Which]),
    default=Which.RECOMMENDED.value,
    show_default=True,
    help="Which certificate of the chain.",
)
@certificate_option
@trust_option
@json_option
def export(out: Path, which: str, certificate: Path | None, trust: tuple[Path, ...], as_json: bool) -> None:
    """Write server.cer (DER) and server-pem.cer for the cloud's administrator, one certificate in each.

    The certificate is that of the server that the cloud calls. The home records it, for comparison with the
    one that is served. Confirm the SHA-256 over another channel: it is that of `sha256sum server.cer`.
    """
    settings = load_settings()
    if not settings.home.is_dir():
        raise OperatorError(f"there is no home at {settings.home}: run `validator init`")
    chain_file = certificate or _configured(settings.proxy)[-1].chain
    given = export_certificate(chain_file, Which(which), out, SystemClock(), trusted=_trusted(trust))
    with as_owner_of(settings.home):
        record(settings.home, given)
    show({name: value for name, value in asdict(given).items() if name in _SHOWN}, as_json=as_json)


def _configured(proxy: ProxyPolicy) -> list[Served]:
    """Return the servers of [proxy], last the one that the cloud calls; raises OperatorError without any."""
    portal = (
        Served(proxy.certificate, proxy.certificate_key, _named(proxy.name)) if proxy.certificate else None
    )
    if not proxy.callbacks_origin:
        return _present(portal)
    if proxy.callbacks_certificate:
        names = _named(proxy.callbacks_name)
        own = Served(proxy.callbacks_certificate, proxy.callbacks_certificate_key, names)
        return [portal, own] if portal else [own]
    if portal is None:
        return _present(None)
    return [Served(portal.chain, portal.key, (*portal.names, proxy.callbacks_name))]


def _present(served: Served | None) -> list[Served]:
    if served is None:
        words = "set proxy.certificate and proxy.certificate_key, or give --certificate"
        raise OperatorError(f"no certificate is configured: {words}")
    return [served]


def _named(name: str) -> tuple[str, ...]:
    return (name,) if name else ()


def _trusted(files: Iterable[Path]) -> tuple[x509.Certificate, ...]:
    """Return the certificates of *files* and this machine's roots."""
    return (*(certificate for file in files for certificate in read_chain(file).certificates), *read_roots())


def _margins(warning_days: int | None, problem_days: int | None) -> Margins:
    warning, problem = DEFAULT_MARGINS.warning, DEFAULT_MARGINS.problem
    return Margins(
        warning if warning_days is None else Margin(timedelta(days=warning_days)),
        problem if problem_days is None else Margin(timedelta(days=problem_days)),
    )


def _lines(served: Served, findings: Iterable[Finding]) -> list[str]:
    lines = [f"{finding.severity} {finding.code}: {finding.words}" for finding in findings]
    good = f"good for {', '.join(served.names)}" if served.names else "good; no name was checked"
    return lines or [f"{served.chain}: {good}"]
