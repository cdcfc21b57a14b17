"""The current state of a subject: its tenant, its account and its revocations, in one query.

Only here tables of three packages are joined, so that a verdict costs a single round trip to the database.
"""

from typing import Any, NamedTuple

from sqlalchemy import FromClause, Select, bindparam, func, select, union_all

from validator.accounts.account import table as accounts
from validator.accounts.links import table as links
from validator.errors import Reason, Refusal
from validator.store import history
from validator.store.database import Database
from validator.store.known import Known, Seen
from validator.tenants import RecordStatus
from validator.tenants import table as tenants
from validator.tokens.claims import Audience, Claims, Subject
from validator.tokens.revocation import ending_number, targets_of
from validator.tokens.revocation import table as revocations

NO_REVOCATION = 0
UNKNOWN_ACCOUNT_EPOCH = 0  # of a subject named by a client and without an account here


class SubjectState(NamedTuple):
    """The state of a subject in the database."""

    tenant_status: RecordStatus | None
    account_status: RecordStatus | None
    account_name: str | None
    epoch: int
    revocation: int  # a token with a smaller number is revoked
    number: int  # of the last revocation or logout of any subject, for a new token
    account: str | None = None  # the id of the account behind the subject

    def check_active(self) -> None:
        """Raise Refusal when the tenant is unknown, or it or the account is disabled."""
        if self.tenant_status is None:
            raise Refusal(Reason.TENANT_UNKNOWN)
        if self.tenant_status is not RecordStatus.ACTIVE:
            raise Refusal(Reason.TENANT_DISABLED)
        if self.account_status not in (None, RecordStatus.ACTIVE):
            raise Refusal(Reason.ACCOUNT_DISABLED)

    def check(self, claims: Claims) -> None:
        """Raise Refusal when the token of *claims* has ended since it was issued."""
        self.check_active()
        if claims.epoch != self.epoch:
            raise Refusal(Reason.TOKEN_STALE)
        if self.revocation > claims.revocation or self.is_behind(claims):
            raise Refusal(Reason.TOKEN_REVOKED)

    def is_behind(self, claims: Claims) -> bool:
        """Return whether this state is from a database that has lost revocations since."""
        return claims.revocation > self.number


class SubjectStates:
    """Reads the state of subjects."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queries = {audience: database.prepare(_query(audience)) for audience in Audience}

    def known(self) -> Known:
        """Return which changes of the database this node knows; raises Fault."""
        return self._database.known()

    def of(self, subject: Subject, targets: tuple[str, ...] = (), known: Known | None = None) -> SubjectState:
        """Return the state of *subject*, with the last revocation of up to four *targets*.

        *known* is what `known` returned a moment ago, for subjects that are read together. Raises Fault, also
        when the database has lost a change that this node knows.
        """
        known = known or self.known()
        token, every_token, tenant_wide, everything = (*targets, *_NO_TARGETS[len(targets) :])
        row = self._queries[subject.audience].fetch(
            {
                "tenant": subject.tenant,
                "subject": subject.id,
                "token": token,
                "every_token": every_token,
                "tenant_wide": tenant_wide,
                "everything": everything,
                **history.parameters(known),
            }
        )
        if row is None:
            return SubjectState(None, None, None, UNKNOWN_ACCOUNT_EPOCH, NO_REVOCATION, NO_REVOCATION)
        tenant_status, account, account_status, user_name, epoch, revocation, *seen_row = row
        seen = Seen.of(seen_row)
        return SubjectState(
            _STATUSES[tenant_status],
            None if account_status is None else _STATUSES[account_status],
            user_name,
            UNKNOWN_ACCOUNT_EPOCH if epoch is None else epoch,
            max(revocation or NO_REVOCATION, seen.pruned, self._database.trust(known, seen)),
            seen.number,
            account,
        )

    def check(self, claims: Claims, known: Known | None = None) -> None:
        """Raise Refusal unless the token of *claims* is still valid; Fault when the state is unreadable.

        *known* is as in `of`.
        """
        self.of(claims.subject, targets_of(claims), known).check(claims)


# The targets of a token; a query with fewer has empty strings for the others.
_TARGETS = ("token", "every_token", "tenant_wide", "everything")
_NO_TARGETS = ("",) * len(_TARGETS)
_STATUSES = {status.value: status for status in RecordStatus}


def _query(audience: Audience) -> Select[Any]:
    # One look-up for each target: for a list with IN, SQLite would build a temporary index first.
    numbers = union_all(
        *(
            select(ending_number().label("number")).where(revocations.c.target == bindparam(name))
            for name in _TARGETS
        )
    ).subquery("numbers")
    last = select(func.max(numbers.c.number)).scalar_subquery()
    return (
        select(
            tenants.c.status.label("tenant_status"),
            accounts.c.id.label("account"),
            accounts.c.status.label("account_status"),
            accounts.c.user_name,
            accounts.c.epoch,
            last.label("revocation"),
            *history.seen_columns(),
        )
        .select_from(_with_accounts(audience))
        .where(tenants.c.id == bindparam("tenant"))
    )


def _with_accounts(audience: Audience) -> FromClause:
    """Return the tenants joined with the subject's account; an agent's is the linked one."""
    if audience is Audience.AGENT:
        is_agent = (links.c.tenant == tenants.c.id) & (links.c.user_account == bindparam("subject"))
        return tenants.outerjoin(links, is_agent).outerjoin(accounts, accounts.c.id == links.c.account)
    is_customer = (accounts.c.tenant == tenants.c.id) & (accounts.c.user_id == bindparam("subject"))
    return tenants.outerjoin(accounts, is_customer)
