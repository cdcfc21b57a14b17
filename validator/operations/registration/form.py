"""The registration form for the cloud's administrator: what to register there, and what to send back.

It is written in English and in Chinese (Markdown, for mail) and in JSON, from the settings, the tenant spaces
of this home and the record of the handed-over certificate. Nothing in it is secret.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from validator.callbacks import wire
from validator.callbacks.wire import CallbackPolicy
from validator.clock import Clock
from validator.customerquery.policy import QueryPolicy
from validator.errors import OperatorError, PublicError, RetCode
from validator.ivr.policy import IvrPolicy
from validator.operations.certificates import chain
from validator.operations.certificates.handover import Handover
from validator.operations.certificates.pem import read_chain
from validator.operations.doctor import timing
from validator.operations.doctor.asking import printable
from validator.operations.registration.pushes import Pushes
from validator.untrusted import is_plain
from validator.verification.policy import CallFields, VerificationPolicy
from validator.web.portal.policy import PopPolicy
from validator.web.proxy_policy import ProxyPolicy

MAX_CONTACT = 200
_PAGES = {"register.md": "register.md.template", "register.zh-CN.md": "register.zh-CN.md.template"}
# The agent bar's events that the page takes a number from; `ringing.js` has the same.
_CARD_EVENTS = ("AgentOther_PhoneAlerting", "AgentEvent_Customer_Alerting", "AgentEvent_Talking")
_REFUSED = PublicError.VALIDATION_REFUSED.value


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate on the form: its subject, SHA-256 and end, and its files if they are handed over."""

    subject: str
    sha256: str
    expires_on: str
    files: tuple[str, ...] = ()

    @property
    def pairs(self) -> str:
        """The fingerprint as keytool prints it."""
        return ":".join(self.sha256[at : at + 2] for at in range(0, len(self.sha256), 2)).upper()


@dataclass(frozen=True, slots=True)
class Query:
    """Where the cloud asks who is calling, for one tenant space; its secret is sent by another way."""

    tenant: str
    url: str


@dataclass(frozen=True, slots=True)
class ScreenPop:
    """The page that the cloud opens for a call; its `parameters` are such as `callerNum=caller`."""

    url: str
    is_web_api: bool
    parameters: tuple[str, ...]
    workbench_origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlowRoute:
    """Where an IVR flow asks, by the code or the name that it has in the settings."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class KeyPairs:
    """The pairs of keys of the cloud that are asked for: for API Fabric, and for its signed interfaces.

    The URLs are those of the settings, "" while they are not known.
    """

    api_fabric: bool = False
    interfaces: bool = False
    api_url: str = ""
    interfaces_url: str = ""

    @property
    def wanted(self) -> tuple[str, ...]:
        """What the cloud's administrator must send back, as it is named in JSON."""
        fabric = ("api_fabric_origin", "api_fabric_app_key", "api_fabric_app_secret")
        signed = ("interfaces_origin", "interfaces_access_key", "interfaces_secret_key", "cc_id", "vdn_id")
        return (*(fabric if self.api_fabric else ()), *(signed if self.interfaces else ()))


@dataclass(frozen=True, slots=True)
class CallCentre:
    """Where another call centre is: for its administrator, who is not the cloud's."""

    url: str
    script_url: str
    ws_url: str


@dataclass(frozen=True, slots=True)
class RegistrationForm:
    """The content of the form, in any language."""

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
    queries: tuple[Query, ...] = ()
    query_proof: str = ""
    card_events: tuple[str, ...] = ()
    screen_pop: ScreenPop | None = None
    verifications: tuple[FlowRoute, ...] = ()
    flow_queries: tuple[FlowRoute, ...] = ()
    call_fields: CallFields | None = None
    key_pairs: KeyPairs = KeyPairs()
    call_centre: CallCentre | None = None
    pushes: Pushes = field(default_factory=Pushes)


def fill_in(
    proxy: ProxyPolicy,
    callbacks: CallbackPolicy,
    handover: Handover | None,
    tenants: Collection[str],
    contact: str,
    clock: Clock,
    query: QueryPolicy | None = None,
    flows: tuple[VerificationPolicy, IvrPolicy] | None = None,
    *,
    has_card: bool = False,
    pop: PopPolicy | None = None,
    key_pairs: KeyPairs = KeyPairs(),
) -> RegistrationForm:
    """Return the form; raises OperatorError without an origin, or for a contact that is not one line."""
    origin = registered_origin(proxy, contact)
    verification, ivr = flows or (None, None)
    return RegistrationForm(
        date=clock.now().date().isoformat(),
        contact=contact,
        agent_url=origin + callbacks.agent_path,
        chat_url=origin + callbacks.chat_path,
        tenants=tuple(sorted(tenants)),
        certificate=_entry(handover.certificate, handover.files) if handover else None,
        client_authorities=tuple(map(_entry, read_chain(proxy.client_ca).certificates))
        if proxy.client_ca
        else (),
        networks=tuple(map(str, callbacks.networks)),
        cloud_host=proxy.cloud_host,
        always_200=callbacks.always_200,
        queries=_queries(origin, query, tenants),
        query_proof=query.proof if query else "",
        card_events=_CARD_EVENTS if has_card else (),
        screen_pop=_screen_pop(proxy, pop) if pop and pop.is_on and proxy.origin else None,
        verifications=_flow_routes(origin, verification.paths if verification else {}),
        flow_queries=_flow_routes(origin, ivr.paths if ivr else {}),
        call_fields=verification.names if verification else None,
        key_pairs=key_pairs,
    )


def registered_origin(proxy: ProxyPolicy, contact: str = "") -> str:
    """Return the origin to register; raises OperatorError without one, and for a contact of several lines."""
    origin = proxy.callbacks_origin or proxy.origin
    if not origin:
        raise OperatorError("there is no URL to register: set proxy.origin, or proxy.callbacks_origin")
    if not is_plain(contact) or len(contact) > MAX_CONTACT:
        raise OperatorError(f"a contact is one line of at most {MAX_CONTACT} characters")
    return origin


def _queries(origin: str, query: QueryPolicy | None, tenants: Collection[str]) -> tuple[Query, ...]:
    routes = sorted(query.routes.items()) if query else ()
    return tuple(Query(tenant, origin + path) for tenant, path in routes if tenant in tenants)


def _flow_routes(origin: str, paths: Mapping[str, str]) -> tuple[FlowRoute, ...]:
    return tuple(FlowRoute(name, origin + path) for name, path in paths.items())


def render(form: RegistrationForm) -> Mapping[str, str]:
    """Return the files of *form* by their names; the same form gives the same bytes."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # noqa: S701 - Markdown, of what an operator configured
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    variables = {"form": form, **_answers(), "timeout": f"{timing.TOO_SLOW:g}"}
    pages = {name: environment.get_template(template).render(variables) for name, template in _PAGES.items()}
    content = orjson.dumps(_content(form), option=orjson.OPT_INDENT_2).decode()
    return {**pages, "register.json": f"{content}\n"}


def write(files: Mapping[str, str], folder: Path) -> tuple[Path, ...]:
    """Write *files* into *folder*, which is made if it is missing; return their paths. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return tuple(folder / name for name in files)


def _answers() -> dict[str, str]:
    """Return the bodies of the two most important responses."""
    accepted = wire.render(RetCode.ACCEPTED, wire.ACCEPTED_MESSAGE)
    refused = wire.render(_REFUSED.ret_code, _REFUSED.title)
    return {"accepted": accepted.decode(), "refused": refused.decode()}


def _content(form: RegistrationForm) -> dict[str, Any]:
    """Return the form as one JSON object; "wanted" names what the cloud's administrator must send back."""
    wanted = ["source_networks", "channel_ids", "third_party_authentication_keys"]
    wanted += [] if form.cloud_host else ["cloud_host"]
    wanted += [] if form.tenants else ["tenant_space_ids"]
    wanted += ["client_certificate_subject"] if form.client_authorities else []
    wanted += form.key_pairs.wanted
    return {
        "date": form.date,
        "contact": form.contact or None,
        "agent_url": form.agent_url,
        "chat_url": form.chat_url,
        "method": "POST",
        "content_type": "application/json",
        "tenant_space_ids": form.tenants,
        "certificate": form.certificate,
        "tls_versions": ["1.2", "1.3"],
        "client_certificate_authorities": form.client_authorities,
        "allowed_networks": form.networks,
        "cloud_host": form.cloud_host or None,
        "answers": {name: orjson.loads(body) for name, body in _answers().items()},
        "always_http_200": form.always_200,
        "timeout_seconds": timing.TOO_SLOW,
        "follows_redirects": False,
        **(
            {"customer_queries": form.queries, "customer_queries_secret_in": form.query_proof}
            if form.queries
            else {}
        ),
        **({"events_with_whole_numbers": form.card_events} if form.card_events else {}),
        **({"screen_pop": form.screen_pop} if form.screen_pop else {}),
        **_flow_content(form),
        **({"call_centre": form.call_centre} if form.call_centre else {}),
        **form.pushes.content,
        "wanted": wanted,
    }


def _screen_pop(proxy: ProxyPolicy, pop: PopPolicy) -> ScreenPop:
    names = tuple(f"{own}={chosen}" for own, chosen in sorted(pop.parameters.items()))
    return ScreenPop(f"{proxy.origin}{proxy.portal_path}/pop", bool(pop.script), names, pop.cloud_origins)


def _flow_content(form: RegistrationForm) -> dict[str, Any]:
    """Return the members about IVR flows; none while there is no route for them."""
    if not (form.verifications or form.flow_queries):
        return {}
    return {
        "verifications": form.verifications,
        "flow_queries": form.flow_queries,
        "flow_clients_tenants": form.tenants,
    }


def _entry(certificate: x509.Certificate, files: tuple[str, ...] = ()) -> Certificate:
    """Return *certificate* as it stands on the form; of its *files* only the names."""
    return Certificate(
        subject=printable(chain.title_of(certificate)),
        sha256=chain.fingerprint_of(certificate),
        expires_on=certificate.not_valid_after_utc.date().isoformat(),
        files=tuple(Path(file).name for file in files),
    )
