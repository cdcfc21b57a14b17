"""The pages: their templates filled in, each response with its own nonce, and the files that they load.

A page's scripts carry the nonce, and what they import inherits it. On a page that runs the cloud's script,
that script may load others ('strict-dynamic'), and may set style attributes; inline handlers, `eval`, and
frames or requests of other origins it may not have. Nothing in a page is of another origin, but for the
cloud's script on the page in its frame, and another call centre's script and connection on its bar's page.
Only the page in the cloud's frame may be framed, by the cloud's origins.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from validator.errors import Reason, Refusal
from validator.origins import origin_of
from validator.web.portal.policy import PopPolicy, PortalPolicy
from validator.web.portal.popform import PresentedForm
from validator.web.portal.words import WORDS

_FOLDER = Path(__file__).parent
_NONCE_BYTES = 18
_FOR_EVER = "public, max-age=31536000, immutable"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_NOTHING_ELSE = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
_OWN_PAGE = "script-src 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self'; connect-src 'self'"
_CLOUD_PAGE = (
    "script-src 'nonce-{nonce}' 'strict-dynamic'; {styles}; img-src 'self' data: blob:; "
    "font-src 'self' data:; media-src 'self' data: blob:; frame-src 'self' blob:; worker-src 'self' blob:; "
    "connect-src 'self'"
)
_STYLES = "style-src 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'"
_POP_PAGE = "script-src 'nonce-{nonce}'{script_origin}; style-src 'self'; img-src 'self'; connect-src 'self'"
_BAR_PAGE = (
    "script-src 'nonce-{nonce}' {script_origin}; style-src 'self'; img-src 'self'; "
    "connect-src 'self' {socket_origin}"
)
_INLINE_STYLES = "style-src 'self' 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Page:
    """A filled-in page, the policy that its nonce belongs to, and its language.

    The cloud wants an Origin, which browsers leave out of some requests of pages that have no referrer.
    """

    html: str
    content_security_policy: str
    language: str
    referrer_policy: str = "same-origin"
    status: int = 200


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages load, its type, a tag that changes with its content, and how long it may be kept."""

    content: bytes
    content_type: str
    etag: str
    cache_control: str = "no-cache"


class Pages:
    """Fills the pages in, and keeps the files."""

    def __init__(self, policy: PortalPolicy, pop: PopPolicy | None = None) -> None:
        self._policy, self._pop = policy, pop or PopPolicy()
        self._assets = _assets(_FOLDER / "static")
        self._version = _tag(b"".join(name.encode() + asset.content for name, asset in self._assets.items()))
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def own(self, name: str, language: str) -> Page:
        """Return the page *name*, which runs no script but this server's."""
        return self._filled(name, language, _OWN_PAGE)

    def with_cloud(self, name: str, language: str) -> Page:
        """Return the page *name*, which runs the cloud's script; raises Refusal when it is not served."""
        if name not in self._policy.pages:
            raise Refusal(Reason.ROUTE_UNKNOWN)
        styles = _INLINE_STYLES if self._policy.inline_styles else _STYLES
        return self._filled(name, language, _CLOUD_PAGE.replace("{styles}", styles))

    def bar(self, language: str) -> Page:
        """Return the page of another call centre's bar; raises Refusal when it is not served."""
        script, socket = self._policy.bar_script, self._policy.bar_socket
        if "ctibar" not in self._policy.pages:
            raise Refusal(Reason.ROUTE_UNKNOWN)
        directives = _BAR_PAGE.replace("{script_origin}", origin_of(script))
        directives = directives.replace("{socket_origin}", origin_of(socket))
        return self._filled("ctibar", language, directives, facts={"centre-script": script})

    def pop(self, language: str, form: PresentedForm) -> Page:
        """Return the page in the cloud's frame, with the *form* that opened it and no data of a customer."""
        pop = self._pop
        facts = {
            "cloud-origins": json.dumps(pop.cloud_origins),
            "names": json.dumps(dict(pop.names)),
            "support-script": pop.script,
            "form": form.text,
            "form-trouble": form.trouble,
        }
        directives = _POP_PAGE.replace("{script_origin}", f" {pop.script_origin}" if pop.script else "")
        page = self._filled("pop", language, directives, " ".join(pop.cloud_origins), facts)
        return replace(page, referrer_policy="no-referrer", status=form.status)

    def asset(self, name: str, presented_version: str | None = None) -> Asset:
        """Return the file *name*; raises Refusal when there is none.

        Of the present version it may be cached for ever: all files of a version are below a separate path,
        so that those of the next are requested anew. A page of another version gets the present file.
        """
        if name not in self._assets:
            raise Refusal(Reason.ROUTE_UNKNOWN)
        is_lasting = presented_version == self._version
        return replace(self._assets[name], cache_control=_FOR_EVER) if is_lasting else self._assets[name]

    def _filled(
        self,
        name: str,
        language: str,
        directives: str,
        ancestors: str = "'none'",
        facts: Mapping[str, str] = MappingProxyType({}),
    ) -> Page:
        nonce = secrets.token_urlsafe(_NONCE_BYTES)
        html = self._templates.get_template(f"{name}.html").render(
            page=name,
            language=language,
            nonce=nonce,
            portal=self._policy,
            static=f"{self._policy.path}/static/{self._version}",
            words=WORDS[language],
            facts=facts,
        )
        policy = f"{_NOTHING_ELSE}; {directives}".replace("{ancestors}", ancestors).replace("{nonce}", nonce)
        return Page(html, policy, language)


def _assets(folder: Path) -> Mapping[str, Asset]:
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in _TYPES}
    return {
        name: Asset(content, _TYPES[Path(name).suffix], _tag(content))
        for name, content in sorted(files.items())
    }


def _tag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
