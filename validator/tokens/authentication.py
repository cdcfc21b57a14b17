"""Authenticates callers: a person with a session, or a backend client with its secret."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from validator.accounts.account import Account
from validator.accounts.links import Links
from validator.accounts.poplogin import PopAccess
from validator.accounts.sessions import Session, Sessions
from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.errors import Reason, Refusal
from validator.tokens.clients import Clients
from validator.tokens.principals import ClientPrincipal, Person, Principal
from validator.untrusted import is_forbidden

_MAX_CREDENTIAL = 256


@dataclass(frozen=True, slots=True)
class Credentials:
    """The unverified credentials of a request, and whether a browser sent it."""

    presented_client: str | None = None
    presented_secret: str | None = field(default=None, repr=False)
    presented_session: str | None = field(default=None, repr=False)
    presented_pop: str | None = field(default=None, repr=False)
    is_browser: bool = False


class Authentication:
    """Authenticates principals."""

    def __init__(
        self,
        sessions: Sessions,
        links: Links,
        clients: Clients,
        trail: AuditTrail,
        pop: PopAccess,
        is_replaced: Callable[[str | None], bool] = lambda _: False,
    ) -> None:
        """*is_replaced* returns whether another login ended the session with a cookie."""
        self._is_replaced = is_replaced
        self._sessions, self._links, self._pop = sessions, links, pop
        self._clients, self._trail = clients, trail

    def identify(self, credentials: Credentials) -> Principal:
        """Return the client if the request names one, else the person; raises Refusal.

        A program that sends no credentials is challenged to authenticate as a client (RFC 9110, 15.5.2): many
        libraries wait for that challenge. A browser is not challenged, because it would open a dialog.
        """
        if credentials.presented_client is not None:
            return self.client(credentials)
        if credentials.presented_session is None and not credentials.is_browser:
            raise Refusal(Reason.CLIENT_UNKNOWN)  # not recorded: anybody can cause it for free
        return self.person(credentials)

    def person(self, credentials: Credentials) -> Person:
        """Return the calling person with their accounts at the cloud; raises Refusal."""
        session = self.session(credentials)
        return Person(session.account, self._links.of(session.account.id), session.digest)

    def session(self, credentials: Credentials) -> Session:
        """Return the session of the calling person; raises Refusal, which says if another login ended it."""
        with self._explaining(credentials):
            return self._sessions.resume(credentials.presented_session)

    def card_user(self, credentials: Credentials) -> Person:
        """Return the person who looks at a customer's card, or a call's verification; raises Refusal.

        Only routes that this page needs may call this, and they change nothing: it also accepts the cookie of
        the page in the cloud's frame, which any script there can use, the cloud's too.
        """
        with self._explaining(credentials):
            session = self._pop.session(credentials.presented_session, credentials.presented_pop)
        return Person(session.account, self._links.of(session.account.id))

    @contextmanager
    def _explaining(self, credentials: Credentials) -> Iterator[None]:
        """Let the Refusal of a session that another login of the same agent ended say so."""
        try:
            yield
        except Refusal:
            if self._is_replaced(credentials.presented_session):
                raise Refusal(Reason.SESSION_REPLACED) from None
            raise

    def log_in(self, account: Account, credentials: Credentials) -> tuple[str, Session]:
        """Begin a session of *account* and return the cookie's value with it.

        Ends the session that the browser presents, of whatever account, and the oldest beyond the maximum.
        """
        self.log_out(credentials, "replaced by a new login")
        secret, session = self._sessions.begin(account)
        ended = self._sessions.end_oldest(account, secret)
        if ended:
            self._record_logout(account, f"{ended} beyond sessions.max_per_account")
        return secret, session

    def log_out(self, credentials: Credentials, detail: str | None = None) -> None:
        """End the session of the calling person, if there is one; *detail* is recorded with it."""
        try:
            account = self.session(credentials).account
        except Refusal:
            return
        self._sessions.end(credentials.presented_session or "")
        self._record_logout(account, detail)

    def _record_logout(self, account: Account, detail: str | None) -> None:
        tenant, subject = account.tenant, account.login
        event = Event(EventName.LOGOUT, Outcome.ACCEPTED, tenant=tenant, subject=subject, detail=detail)
        self._trail.append(event)

    def client(self, credentials: Credentials) -> ClientPrincipal:
        """Return the calling client; raises Refusal, which is recorded."""
        client, secret = credentials.presented_client or "", credentials.presented_secret or ""
        try:
            if not client or any(
                len(text) > _MAX_CREDENTIAL or is_forbidden(text) for text in (client, secret)
            ):
                raise Refusal(Reason.CLIENT_UNKNOWN)
            return ClientPrincipal(self._clients.authenticate(client, secret))
        except Refusal as refusal:
            by = None if refusal.reason is Reason.CLIENT_UNKNOWN else f"client:{client}"
            self._trail.append(Event(EventName.CLIENT, Outcome.REFUSED, refusal.reason, by=by))
            raise
