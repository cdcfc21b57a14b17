"""The logins of agents at the other call centre: one of each, for the bar and for calls.

The stored login serves until shortly before its end. Then one request logs in, and simultaneous requests of
this agent, on any worker or node, wait for its login: a second login could end the first. After a login that
failed the waiting requests fail too, and one that the centre refused is not retried for a minute.
"""

from threading import BoundedSemaphore, Event

from validator.accounts.account import Account
from validator.clock import Clock, stopwatch
from validator.ctibar.centre import Centre
from validator.ctibar.centrewire import LOGIN_REFUSED, CentreLogin, Placed, TokenEnded
from validator.ctibar.links import CentreLink, CentreLinks
from validator.ctibar.policy import CtibarPolicy
from validator.errors import Fault, Reason, Refusal

_STEP = 0.05  # seconds between two looks at another request's login
_NO_LINK = "this account is not linked to a user of the call centre"
_ENDED = "the call centre ended the login twice: does somebody else use the same user there?"


class CentreLogins:
    """The logins of agents at the centre, one each."""

    def __init__(self, links: CentreLinks, centre: Centre, policy: CtibarPolicy, clock: Clock) -> None:
        self._links, self._centre, self._policy, self._clock = links, centre, policy, clock
        self._waiting = BoundedSemaphore(centre.slots)

    def current(self, account: Account, refused: int | None = None) -> CentreLogin:
        """Return the login of *account*, but not one that ends at *refused*; raises Refusal and Fault.

        When it is to be renewed and the centre is unavailable, the old one serves until its end.
        """
        link = self.require(account)
        login, now = self._links.login(link), self._clock.now()
        if login is not None and login.end == refused:
            self._links.forget(link)
            return self._fresh(self.require(account))
        if login is not None and not link.is_due(now):
            return login
        try:
            return self._fresh(link)
        except Fault:
            if login is None or not now < login.expires_at:
                raise
            return login

    def make_call(self, account: Account, callee: str) -> Placed:
        """Have the centre call *callee* for *account*; a token that has ended is replaced once.

        Raises Refusal, and Fault, after which there may be a call or none.
        """
        login = self.current(account)
        try:
            placed = self._centre.make_call(login.token, callee)
        except TokenEnded:
            self._forget(account, login)
            login = self.current(account)
            try:
                placed = self._centre.make_call(login.token, callee)
            except TokenEnded:
                raise Refusal(Reason.CENTRE_REFUSED, _ENDED) from None
        self._take_over(account, login, placed)
        return placed

    def _fresh(self, link: CentreLink) -> CentreLogin:
        """Return a new login of *link*: that of this request, or the one that another request makes."""
        longest = self._policy.timeout * 2
        flight = self._links.take_off(link, self._clock.now(), longest)
        if flight is None:
            return self._awaited(link)
        try:
            login = self._centre.log_in(link.username, self._links.digest(link))
        except Refusal:
            self._links.refuse(link, flight, self._clock.now())
            raise
        except BaseException:
            self._links.give_up(link, flight)
            raise
        if not self._links.land(link, flight, login, self._clock.now()):
            raise Refusal(Reason.CENTRE_LINK_MISSING, _NO_LINK)
        return login

    def _awaited(self, link: CentreLink) -> CentreLogin:
        """Return the login that another request makes; few wait at once, so that threads remain."""
        if not self._waiting.acquire(blocking=False):
            raise Fault(Reason.SYSTEM_BUSY, "ctibar: too many wait for a login")
        try:
            return self._looked_for(link)
        finally:
            self._waiting.release()

    def _looked_for(self, link: CentreLink) -> CentreLogin:
        end = stopwatch() + self._policy.timeout.total_seconds()
        while True:
            link, now = self.require(link.account), self._clock.now()
            login = self._links.login(link)
            if login is not None and not link.is_due(now):
                return login
            if link.is_refused(now):
                raise Refusal(Reason.CENTRE_REFUSED, LOGIN_REFUSED)
            if not link.is_in_flight(now):
                raise Fault(Reason.SYSTEM_FAILED, "ctibar: the login of another request failed")
            if stopwatch() > end:
                raise Fault(Reason.SYSTEM_SILENT, "ctibar: another request's login takes too long")
            Event().wait(_STEP)

    def require(self, account: Account) -> CentreLink:
        """Return the link of *account*; raises Refusal(CENTRE_LINK_MISSING) without one."""
        link = self._links.find(account)
        if link is None:
            raise Refusal(Reason.CENTRE_LINK_MISSING, _NO_LINK)
        return link

    def _forget(self, account: Account, login: CentreLogin) -> None:
        """Forget *login*, unless another one is stored meanwhile."""
        link = self.require(account)
        if self._links.login(link) == login:
            self._links.forget(link)

    def _take_over(self, account: Account, login: CentreLogin, placed: Placed) -> None:
        """Store the token by which the centre renewed that of *login*."""
        if placed.renewed is None:
            return
        link = self.require(account)
        if self._links.login(link) == login:
            token, end = placed.renewed
            self._links.replace(link, CentreLogin(token, login.extension, end), self._clock.now())
