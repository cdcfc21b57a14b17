"""The softphones of a person's own agents, as the cloud's last list has them.

The numbers need a session. The password of a softphone needs, with each request, the person's own password,
too: `reveal` takes these steps.

1. The limit of the person, which nobody can use up without a session of theirs; the route counts the source.
2. The password, by the only code that verifies one (`accounts.login`): a wrong one is a failed login, with
   the counters, blocks and delays of one, and a blocked account or address is refused here as it is there.
3. The agent is linked to the person at that moment. Nobody without the password learns which agents are.
4. A password is stored, and `cloud.keep_sip_passwords` still permits it.

Nothing is remembered of a proof, so that there is no state to steal: a stolen session reveals no password. It
is recorded who was shown the password of which agent before the password is returned.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from validator.accounts.links import Links
from validator.accounts.login import Login
from validator.audit.events import EventName
from validator.audit.trail import AuditTrail
from validator.cloud.agents import Agent, Agents
from validator.errors import Reason, Refusal
from validator.exchange import Exchange
from validator.limits.rate_limits import RateLimits
from validator.tokens.claims import Audience, TokenRequest
from validator.tokens.personevents import event_of
from validator.tokens.principals import Person


class State(StrEnum):
    """Whether the password of a softphone can be shown, or why it cannot."""

    STORED = "stored"
    NOT_KEPT = "not_kept"  # cloud.keep_sip_passwords is off
    MISSING = "missing"  # the cloud's list had none, or was last fetched before they were kept
    NOT_LISTED = "not_listed"  # the cloud's list has no such agent


_REMEDIES = {
    State.NOT_KEPT: "softphone passwords are not stored here: cloud.keep_sip_passwords is false",
    State.MISSING: "the cloud's last list had no password of this softphone: `validator agents sync`",
    State.NOT_LISTED: "the cloud's last list had no such agent: `validator agents sync`",
}


@dataclass(frozen=True, slots=True)
class Softphone:
    """The softphone of one `userAccount`: its agent in the cloud's last list, if it is there."""

    user_account: str
    agent: Agent | None
    state: State


class Softphones:
    """Shows people the softphones of the agents that are linked to them."""

    def __init__(
        self,
        login: Login,
        links: Links,
        agents: Agents,
        rate_limits: RateLimits,
        trail: AuditTrail,
    ) -> None:
        self._login, self._links, self._agents = login, links, agents
        self._rate_limits, self._trail = rate_limits, trail

    def of(self, person: Person) -> list[Softphone]:
        """Return the softphone of each agent of *person*, without passwords."""
        return self._found(person.account.tenant, person.user_accounts)

    def reveal(
        self,
        exchange: Exchange,
        caller: Person,
        presented_password: str,
        presented_user_account: str | None = None,
        presented_device: str | None = None,
    ) -> tuple[Agent, str]:
        """Return an agent of *caller*, the named or the only one, and the password of its softphone.

        Raises Refusal, and Fault when a dependency is unavailable.
        """
        self._rate_limits.hit("softphone_person", caller.label)
        login = caller.account.login
        account = self._login.authenticate(exchange, login, presented_password, presented_device)
        person = Person(account, self._links.of(account.id))  # as of now, not of before the password
        try:
            user_account = person.subject_of(TokenRequest(Audience.AGENT, id=presented_user_account)).id
            agent, password = self._stored(account.tenant, user_account)
        except Refusal as refusal:
            self._record(person, presented_user_account, refusal)
            raise
        self._record(person, user_account, None)
        return agent, password

    def _found(self, tenant: str, user_accounts: Iterable[str]) -> list[Softphone]:
        wanted = tuple(user_accounts)
        listed = {agent.account_code: agent for agent in self._agents.named(tenant, wanted)}
        return [Softphone(each, listed.get(each), self._state(listed.get(each))) for each in wanted]

    def _state(self, agent: Agent | None) -> State:
        if not self._agents.keeps_passwords:
            return State.NOT_KEPT
        if agent is None:
            return State.NOT_LISTED
        return State.STORED if agent.has_sip_password else State.MISSING

    def _stored(self, tenant: str, user_account: str) -> tuple[Agent, str]:
        """Return the agent, and its password; raises Refusal(SIP_PASSWORD_MISSING), which has the remedy."""
        (softphone,) = self._found(tenant, [user_account])
        agent, state = softphone.agent, softphone.state
        password = self._agents.sip_password(agent) if agent and state is State.STORED else None
        if agent is None or password is None:
            raise Refusal(Reason.SIP_PASSWORD_MISSING, _REMEDIES[state])
        return agent, password

    def _record(self, person: Person, user_account: str | None, refusal: Refusal | None) -> None:
        self._trail.append(event_of(person, EventName.SOFTPHONE_REVEALED, refusal, user_account))
