"""The cloud's agents according to its last list: account code, work number, SIP number, SIP service.

The account code is the callback's `userAccount`. SIP passwords are only stored if a setting permits it, and
then encrypted, each bound to its row. A list that would remove all agents, or a large share, is more likely a
mistake of the cloud or of a setting than the truth: it is refused unless forced.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    LargeBinary,
    Select,
    String,
    Table,
    bindparam,
    delete,
    select,
    text,
)

from validator.clock import Clock
from validator.cloud.policy import CloudPolicy
from validator.cloud.wire import ListedAgent
from validator.errors import OperatorError
from validator.keys.encryption import SecretEncryption
from validator.sizes import MAX_SIP_ACCOUNT, MAX_SIP_SERVICE, MAX_TENANT, MAX_USER_ACCOUNT, MAX_WORK_NO
from validator.store.database import Database, Instant, metadata
from validator.tenants import Tenants

Progress = Callable[[int, int], None]
_BATCH = 500  # rows per statement

table = Table(
    "agents",
    metadata,
    Column("tenant", String(MAX_TENANT), ForeignKey("tenants.id"), primary_key=True),
    Column("account_code", String(MAX_USER_ACCOUNT), primary_key=True),
    Column("work_no", String(MAX_WORK_NO), nullable=False),
    Column("sip_account", String(MAX_SIP_ACCOUNT)),
    Column("sealed_sip_password", LargeBinary),
    Column("synced_at", Instant, nullable=False),
    Column("sip_service", String(MAX_SIP_SERVICE)),
)
_UPSERT = text("""
INSERT INTO agents (
    tenant, account_code, work_no, sip_account, sip_service, sealed_sip_password, synced_at
) VALUES (
    :tenant, :account_code, :work_no, :sip_account, :sip_service, :sealed_sip_password, :synced_at
)
ON CONFLICT (tenant, account_code) DO UPDATE SET
    work_no = excluded.work_no,
    sip_account = excluded.sip_account,
    sip_service = excluded.sip_service,
    sealed_sip_password = excluded.sealed_sip_password,
    synced_at = excluded.synced_at
""").bindparams(bindparam("sealed_sip_password", type_=LargeBinary), bindparam("synced_at", type_=Instant))
_REMOVE = delete(table).where(
    table.c.tenant == bindparam("of_tenant"), table.c.account_code == bindparam("gone")
)


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent of the cloud, where its softphone registers, and the time of the last list that had it."""

    tenant: str
    account_code: str
    work_no: str
    sip_account: str | None
    has_sip_password: bool
    synced_at: datetime
    sip_service: str | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes by a list: the numbers of added, changed and unchanged agents, and the removed codes."""

    added: int
    changed: int
    unchanged: int
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Agents that are only in the cloud, and account codes that are only used here."""

    only_in_cloud: tuple[Agent, ...]
    only_here: tuple[str, ...]


class Agents:
    """The table of agents."""

    def __init__(
        self,
        database: Database,
        tenants: Tenants,
        encryption: SecretEncryption,
        policy: CloudPolicy,
        clock: Clock,
    ) -> None:
        self._database, self._tenants, self._encryption = database, tenants, encryption
        self._policy, self._clock = policy, clock

    @property
    def keeps_passwords(self) -> bool:
        """Whether SIP passwords may be stored, and so shown."""
        return self._policy.keep_sip_passwords

    def work_numbers(self, tenant: str, account_codes: Collection[str]) -> tuple[str, ...]:
        """Return the work numbers of the agents of *tenant* with these codes, sorted; some may be unknown."""
        is_wanted = (table.c.tenant == tenant) & table.c.account_code.in_(account_codes)
        with self._database.read() as connection:
            return tuple(
                connection.scalars(select(table.c.work_no).where(is_wanted).order_by(table.c.work_no))
            )

    def sync(
        self,
        tenant: str,
        listed: Collection[ListedAgent],
        *,
        is_whole: bool = True,
        force: bool = False,
        progress: Progress | None = None,
        sip_service: str | None = None,
    ) -> Changes:
        """Replace the agents of *tenant* by those *listed*, all or nothing; return the changes.

        *sip_service* is where their softphones register; *progress* is called with the number of written and
        of all agents. A list that is not *is_whole*
        removes no agent: a missing one may be in the part that was not read. Raises OperatorError when more
        agents would be removed than the policy permits. *force* overrides both.
        """
        self._tenants.require(tenant)
        now = self._clock.now()
        # Encrypted before the transaction begins.
        rows = [self._row(tenant, agent, sip_service, now) for agent in listed]
        with self._database.write() as connection:
            before = {agent.account_code: agent for agent in _select(connection, tenant)}
            gone = sorted(before.keys() - {agent.account_code for agent in listed})
            if not is_whole and not force:
                gone = []
            if not force:
                self._check_removal(len(gone), len(before))
            if gone:
                connection.execute(_REMOVE, [{"of_tenant": tenant, "gone": code} for code in gone])
            for done in range(0, len(rows), _BATCH):
                connection.execute(_UPSERT, rows[done : done + _BATCH])
                if progress:
                    progress(min(done + _BATCH, len(rows)), len(rows))
        return _changes(before, rows, gone)

    def list(self, tenant: str | None = None) -> list[Agent]:
        """Return the agents of *tenant*, or of all tenants, sorted by tenant and account code."""
        with self._database.read() as connection:
            return _select(connection, tenant)

    def named(self, tenant: str, account_codes: Collection[str]) -> tuple[Agent, ...]:
        """Return the agents of *tenant* with these codes, sorted by code; some may be unknown."""
        is_wanted = (table.c.tenant == tenant) & table.c.account_code.in_(account_codes)
        with self._database.read() as connection:
            return tuple(Agent(**row._mapping) for row in connection.execute(_query().where(is_wanted)))

    def has(self, tenant: str, account_code: str) -> bool:
        """Return whether the cloud's list has an agent with this code."""
        query = select(table.c.work_no).where(table.c.tenant == tenant, table.c.account_code == account_code)
        with self._database.read() as connection:
            return connection.execute(query).one_or_none() is not None

    def difference(self, tenant: str, codes_here: Collection[str]) -> Difference:
        """Return the agents only in the cloud's list of *tenant*, and the *codes_here* missing from it."""
        agents = self.list(tenant)
        in_cloud = {agent.account_code for agent in agents}
        return Difference(
            tuple(agent for agent in agents if agent.account_code not in codes_here),
            tuple(sorted(set(codes_here) - in_cloud)),
        )

    def sip_password(self, agent: Agent) -> str | None:
        """Return the stored SIP password of *agent*, or None; raises Fault when it cannot be decrypted."""
        query = select(table.c.sealed_sip_password).where(
            table.c.tenant == agent.tenant, table.c.account_code == agent.account_code
        )
        with self._database.read() as connection:
            ciphertext = connection.execute(query).scalar_one_or_none()
        return (
            None
            if ciphertext is None
            else self._encryption.decrypt(ciphertext, _purpose(agent.tenant, agent.account_code))
        )

    def _row(self, tenant: str, agent: ListedAgent, sip_service: str | None, now: datetime) -> dict[str, Any]:
        password = agent.sip_password if self._policy.keep_sip_passwords else None
        purpose = _purpose(tenant, agent.account_code)
        return {
            "tenant": tenant,
            "account_code": agent.account_code,
            "work_no": agent.work_no,
            "sip_account": agent.sip_account,
            "sip_service": sip_service,
            "sealed_sip_password": None if password is None else self._encryption.encrypt(password, purpose),
            "synced_at": now,
        }

    def _check_removal(self, gone: int, before: int) -> None:
        limit = self._policy.max_removal
        if gone * 100 > limit * before:
            raise OperatorError(
                f"the cloud's list lacks {gone} of the {before} agents stored here, more than {limit} % "
                "(cloud.max_removal): nothing was changed; if they really left, use --force"
            )


def _select(connection: Connection, tenant: str | None) -> list[Agent]:
    query = _query() if tenant is None else _query().where(table.c.tenant == tenant)
    return [Agent(**row._mapping) for row in connection.execute(query)]


def _query() -> Select[Any]:
    """Return the query for agents, without their passwords."""
    return select(
        *(column for column in table.c if column is not table.c.sealed_sip_password),
        table.c.sealed_sip_password.is_not(None).label("has_sip_password"),
    ).order_by(table.c.tenant, table.c.account_code)


def _changes(before: Mapping[str, Agent], rows: list[dict[str, Any]], gone: list[str]) -> Changes:
    known = [row for row in rows if row["account_code"] in before]
    same = sum(_is_same(before[row["account_code"]], row) for row in known)
    return Changes(len(rows) - len(known), len(known) - same, same, tuple(gone))


def _is_same(agent: Agent, row: Mapping[str, Any]) -> bool:
    """Return whether *row* equals the stored *agent*; ciphertexts are not compared, they always differ."""
    has_password = row["sealed_sip_password"] is not None
    now = (row["work_no"], row["sip_account"], has_password)
    return now == (agent.work_no, agent.sip_account, agent.has_sip_password)


def _purpose(tenant: str, account_code: str) -> str:
    return f"agent:{tenant}:{account_code}"  # a tenant's id has no colon
