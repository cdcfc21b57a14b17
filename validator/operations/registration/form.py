"""The sheet for the cloud's administrator: what to register there, and what is wanted back.

It is written in English and in Chinese (Markdown, for mail) and in JSON, from the settings, the tenant spaces
of this home and the record of the certificate that was handed over. Nothing in it is secret.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from validator.callbacks import wire
from validator.callbacks.wire import CallbackPolicy
from validator.clock import Clock
from validator.errors import OperatorError, PublicError, RetCode
from validator.operations.certificates import chain
from validator.operations.certificates.handover import Handover
from validator.operations.certificates.pem import read_chain
from validator.operations.doctor import timing
from validator.operations.doctor.asking import printable
from validator.untrusted import is_plain
from validator.web.proxy_policy import ProxyPolicy

MAX_CONTACT = 200
_PAGES = {"register.md": "register.md.template", "register.zh-CN.md": "register.zh-CN.md.template"}
_REFUSED = PublicError.VALIDATION_REFUSED.value


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as it is told of: the file it comes in (if it comes), its subject, SHA-256 and end."""

    subject: str
    sha256: str
    expires_on: str
    files: tuple[str, ...] = ()

    @property
    def pairs(self) -> str:
        """The fingerprint as keytool prints it."""
        return ":".join(self.sha256[at : at + 2] for at in range(0, len(self.sha256), 2)).upper()


@dataclass(frozen=True, slots=True)
class RegistrationForm:
    """Everything the sheet says, whatever the language."""

    date: str
    contact: str
    agent_url: str
    chat_url: str
    tenants: tuple[str, ...]
    certificate: Certificate | None
    client_authorities: tuple[Certificate, ...]
    networks: tuple[str, ...]
    cloud_host: str
    always_200: bool


def draw_up(
    proxy: ProxyPolicy,
    callbacks: CallbackPolicy,
    handover: Handover | None,
    tenants: Collection[str],
    contact: str,
    clock: Clock,
) -> RegistrationForm:
    """Return the sheet; raises OperatorError without an origin, or for a contact that is no line of text."""
    origin = proxy.callbacks_origin or proxy.origin
    if not origin:
        raise OperatorError("there is no URL to register: set proxy.origin, or proxy.callbacks_origin")
    if not is_plain(contact) or len(contact) > MAX_CONTACT:
        raise OperatorError(f"a contact is one line of at most {MAX_CONTACT} characters")
    return RegistrationForm(
        date=clock.now().date().isoformat(),
        contact=contact,
        agent_url=origin + callbacks.agent_path,
        chat_url=origin + callbacks.chat_path,
        tenants=tuple(sorted(tenants)),
        certificate=_told(handover.certificate, handover.files) if handover else None,
        client_authorities=tuple(map(_told, read_chain(proxy.client_ca).certificates))
        if proxy.client_ca
        else (),
        networks=tuple(map(str, callbacks.networks)),
        cloud_host=proxy.cloud_host,
        always_200=callbacks.always_200,
    )


def render(sheet: RegistrationForm) -> Mapping[str, str]:
    """Return the files of *sheet* by their names; the same sheet gives the same bytes."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # noqa: S701 - Markdown, of what an operator configured
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    told = {"sheet": sheet, **_answers(), "timeout": f"{timing.TOO_SLOW:g}"}
    pages = {name: environment.get_template(template).render(told) for name, template in _PAGES.items()}
    content = orjson.dumps(_content(sheet), option=orjson.OPT_INDENT_2).decode()
    return {**pages, "register.json": f"{content}\n"}


def write(files: Mapping[str, str], folder: Path) -> tuple[Path, ...]:
    """Write *files* into *folder*, which is made when it is missing; return their paths. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return tuple(folder / name for name in files)


def _answers() -> dict[str, str]:
    """Return the bodies of the two answers that matter most."""
    accepted = wire.render(RetCode.ACCEPTED, wire.ACCEPTED_MESSAGE)
    refused = wire.render(_REFUSED.ret_code, _REFUSED.title)
    return {"accepted": accepted.decode(), "refused": refused.decode()}


def _content(sheet: RegistrationForm) -> dict[str, Any]:
    """Return the sheet as one JSON object; "wanted" names what the cloud's administrator is asked for."""
    wanted = ["source_networks", "channel_ids", "third_party_authentication_keys"]
    wanted += [] if sheet.cloud_host else ["cloud_host"]
    wanted += [] if sheet.tenants else ["tenant_space_ids"]
    wanted += ["client_certificate_subject"] if sheet.client_authorities else []
    return {
        "date": sheet.date,
        "contact": sheet.contact or None,
        "agent_url": sheet.agent_url,
        "chat_url": sheet.chat_url,
        "method": "POST",
        "content_type": "application/json",
        "tenant_space_ids": sheet.tenants,
        "certificate": sheet.certificate,
        "tls_versions": ["1.2", "1.3"],
        "client_certificate_authorities": sheet.client_authorities,
        "allowed_networks": sheet.networks,
        "cloud_host": sheet.cloud_host or None,
        "answers": {name: orjson.loads(body) for name, body in _answers().items()},
        "always_http_200": sheet.always_200,
        "timeout_seconds": timing.TOO_SLOW,
        "follows_redirects": False,
        "wanted": wanted,
    }


def _told(certificate: x509.Certificate, files: tuple[str, ...] = ()) -> Certificate:
    """Return *certificate* as it is told of; of its *files* only the names."""
    return Certificate(
        subject=printable(chain.title_of(certificate)),
        sha256=chain.fingerprint_of(certificate),
        expires_on=certificate.not_valid_after_utc.date().isoformat(),
        files=tuple(Path(file).name for file in files),
    )
