"""How a person logs in on the page in the cloud's frame, which has no cookie of their session.

The page's script presents a proof of the person, and gets a cookie for it. The kind of proof is a strategy:
`WindowLogin` accepts the code of a first-party window. A cloud that is an OAuth provider would be another
strategy, whose proof is the provider's authorization code.
"""

from typing import Protocol

from validator.accounts.popsessions import PopSessions
from validator.accounts.sessions import Session, Sessions
from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.errors import Refusal


class PopLogin(Protocol):
    """A way to log in on the page."""

    def log_in(self, presented_proof: str) -> tuple[str, Session]:
        """Return the cookie's value and the person's session; raises Refusal."""
        ...


class WindowLogin:
    """Logs people in by the code of a first-party window."""

    def __init__(self, pop_sessions: PopSessions, trail: AuditTrail) -> None:
        self._pop_sessions, self._trail = pop_sessions, trail

    def log_in(self, presented_proof: str) -> tuple[str, Session]:
        """Return the cookie's value and the person's session, for a code; records it. Raises Refusal."""
        try:
            secret, session = self._pop_sessions.redeem(presented_proof)
        except Refusal as refusal:
            self._trail.append(Event(EventName.POP_LOGIN, Outcome.REFUSED, refusal.reason))
            raise
        self._trail.append(_event(EventName.POP_LOGIN, session))
        return secret, session


class PopAccess:
    """The people who may use the card, by the cookie of their session or by the page's cookie."""

    def __init__(self, sessions: Sessions, pop_sessions: PopSessions, trail: AuditTrail) -> None:
        self._sessions, self._pop_sessions, self._trail = sessions, pop_sessions, trail

    def session(self, presented_session: str | None, presented_pop: str | None) -> Session:
        """Return the session of a person for the card's routes; raises Refusal.

        No other route may accept *presented_pop*: any script of the frame, the cloud's too, can use it.
        """
        if presented_session is not None or presented_pop is None:
            return self._sessions.resume(presented_session)
        return self._pop_sessions.resume(presented_pop)

    def code(self, presented_session: str | None) -> str:
        """Return a code for the session of a first-party window; raises Refusal."""
        return self._pop_sessions.issue_code(self._sessions.resume(presented_session))

    def log_out(self, presented_session: str | None, presented_pop: str | None) -> None:
        """End the session of the person, if there is one, and with it every cookie of it."""
        try:
            session = self.session(presented_session, presented_pop)
        except Refusal:
            return
        self._sessions.end_digest(session.digest)
        self._trail.append(_event(EventName.LOGOUT, session, "on the page in the cloud's frame"))


def _event(name: EventName, session: Session, detail: str | None = None) -> Event:
    account = session.account
    return Event(name, Outcome.ACCEPTED, tenant=account.tenant, subject=account.login, detail=detail)
