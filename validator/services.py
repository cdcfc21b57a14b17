"""Builds every part once, for HTTP and for the command line."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from validator.accounts.account import Accounts
from validator.accounts.devices import Devices
from validator.accounts.links import Links
from validator.accounts.lockout import Lockout
from validator.accounts.login import Login
from validator.accounts.poplogin import PopAccess, PopLogin, WindowLogin
from validator.accounts.popsessions import PopSessions
from validator.accounts.sessions import Sessions
from validator.audit.headtable import HeadTable
from validator.audit.trail import AuditTrail
from validator.callbacks.validation import Validation
from validator.callcentre.opening import CallCentre, open_call_centre
from validator.clock import Clock, SystemClock
from validator.cloud.agents import Agents
from validator.ctibar.opening import Ctibar, open_ctibar
from validator.customercard.lookup import CustomerCards
from validator.customerquery.query import CustomerQuery
from validator.customers.directory import Directory
from validator.customers.naming import name_customer, name_number, number_key
from validator.customers.opening import open_directory
from validator.customers.rows import RowReader
from validator.customers.store import CustomerStore
from validator.ivr.query import IvrQuery
from validator.keys.encryption import SecretEncryption
from validator.keys.index import IndexKeys
from validator.keys.keyring import Keyring
from validator.keys.monthly import MonthlyKeys
from validator.limits.rate_limits import RateLimits
from validator.metrics.instruments import PASSWORD_VERIFICATIONS, child
from validator.passwords.bulkhead import Bulkhead
from validator.passwords.hashing import Passwords
from validator.settings.loading import Settings
from validator.softphone.softphones import Softphones
from validator.store.database import Database
from validator.store.restore_guard import GuardedDatabase
from validator.store.sharedclock import SharedClock
from validator.tenants import Tenants
from validator.tokens.agent_logins import AgentLogins
from validator.tokens.authentication import Authentication
from validator.tokens.clients import Clients, Service
from validator.tokens.introspection import Introspection
from validator.tokens.issuance import Issuance
from validator.tokens.issuer import TokenIssuer
from validator.tokens.revocation import Revocations
from validator.tokens.servicegate import ServiceGate
from validator.tokens.subject_state import SubjectStates
from validator.tokens.verifier import TokenVerifier
from validator.verification.attempts import Attempts
from validator.verification.methods import Finder
from validator.verification.opening import open_methods
from validator.verification.pins import Pins
from validator.verification.results import Results
from validator.verification.review import Review
from validator.verification.verifying import Verification
from validator.web.health import Health, Places
from validator.web.policy import INTEGRATIONS
from validator.web.readiness import Readiness
from validator.webchat.authorization import GuestSigning
from validator.webchat.channels import Channels
from validator.webchat.guests import Guests
from validator.webhooks.opening import Webhooks, open_webhooks


@dataclass(frozen=True, slots=True)
class Services:
    """Every part of this server, ready."""

    settings: Settings
    clock: Clock
    database: Database
    keyring: Keyring
    encryption: SecretEncryption
    trail: AuditTrail
    rate_limits: RateLimits
    tenants: Tenants
    accounts: Accounts
    links: Links
    passwords: Passwords
    sessions: Sessions
    lockout: Lockout
    devices: Devices
    login: Login
    pop_login: PopLogin
    pop_access: PopAccess
    clients: Clients
    authentication: Authentication
    subject_states: SubjectStates
    issuance: Issuance
    introspection: Introspection
    verifier: TokenVerifier
    revocations: Revocations
    validation: Validation
    channels: Channels
    guest_signing: GuestSigning
    agents: Agents
    softphones: Softphones
    index_keys: IndexKeys
    trail_numbers: MonthlyKeys
    name_number: Callable[[str, str], str | None]
    customers: CustomerStore
    customer_rows: RowReader
    directory: Directory | None
    customer_query: CustomerQuery | None
    customer_cards: CustomerCards | None
    pins: Pins
    verification: Verification
    review: Review
    ivr_query: IvrQuery | None
    ctibar: Ctibar
    webhooks: Webhooks
    call_centre: CallCentre
    health: Health
    readiness: Readiness

    def begin(self) -> None:
        """Start what runs in the background of a worker that serves: after the fork, which ends threads."""
        server = self.settings.server
        if self.settings.webhooks.url and server.serves(INTEGRATIONS):
            self.webhooks.delivery.start(server.role)

    def close(self) -> None:
        """Close the directory, the trail, which writes its head into the database, that, and the counters."""
        self.webhooks.delivery.close()
        if self.directory is not None:
            self.directory.close()
        self.trail.close()
        self.database.close()
        self.rate_limits.close()


def open_services(settings: Settings, clock: Clock | None = None) -> Services:
    """Return every part, built from *settings*; nothing is read or connected before it is used."""
    clock = clock or SystemClock()
    database = GuardedDatabase(settings.database, settings.keys.directory)
    keyring = Keyring(settings.keys.directory, clock)
    encryption = SecretEncryption(settings.keys.directory)
    index_keys = IndexKeys(settings.keys.directory)
    storage = (database, encryption, index_keys)
    heads = HeadTable(database, settings.audit.directory)
    trail = AuditTrail(settings.audit, settings.keys.directory, clock, heads)
    rate_limits = RateLimits(settings.limits, clock, workers=settings.server.workers)
    tenants = Tenants(database, clock)
    accounts = Accounts(database, tenants, clock, settings.webchat.is_reserved)
    links = Links(database, clock)
    passwords = Passwords(
        settings.passwords.hashing, lambda: child(PASSWORD_VERIFICATIONS, settings.server.role).inc()
    )
    shared_clock = SharedClock(database, clock)
    sessions = Sessions(database, settings.sessions, shared_clock)
    lockout = Lockout(database, settings.lockout, shared_clock)
    devices = Devices(keyring, settings.lockout, shared_clock)
    bulkhead = Bulkhead(settings.passwords.hashing_slots)
    login = Login(
        accounts, passwords, settings.passwords, trail, bulkhead=bulkhead, lockout=lockout, devices=devices
    )
    pop_sessions = PopSessions(database, sessions, shared_clock)
    pop_access = PopAccess(sessions, pop_sessions, trail)
    clients = Clients(database, tenants, clock)
    subject_states = SubjectStates(database)
    verifier = TokenVerifier(keyring, settings.tokens, clock)
    issuer = TokenIssuer(keyring, settings.tokens, clock)
    revocations = Revocations(database, clock)
    guests = Guests(keyring, settings.webchat, clock)
    channels = Channels(database, tenants, encryption, clock)
    customers = CustomerStore(database, encryption, index_keys, clock, settings.customers.keep)
    region = settings.numbers.region
    trail_numbers = MonthlyKeys(settings.keys.directory, clock)
    in_trail = partial(name_number, trail_numbers, region)
    directory = open_directory(settings.customers, customers, region, threads=settings.server.threads)
    logins = AgentLogins(database, settings.tokens, shared_clock)
    authentication = Authentication(sessions, links, clients, trail, pop_access, logins.is_replaced)
    agents = Agents(database, tenants, encryption, settings.cloud, clock)
    shared = (authentication, tenants, rate_limits, trail)
    pin_hashing = Passwords(settings.passwords.hashing)  # its verifications are not those of passwords
    pins = Pins(database, encryption, index_keys, pin_hashing, clock)
    verification = settings.verification
    finder = Finder(directory, customers.get if settings.customers.source == "store" else None)
    attempts = Attempts(
        database,
        index_keys,
        shared_clock,
        per_caller=verification.caller_attempts,
        per_customer=verification.customer_attempts,
    )
    results = Results(database, shared_clock, verification.keep)
    webhooks = open_webhooks(settings.webhooks, database, encryption, trail, shared_clock)
    call_centre = open_call_centre(settings.callrecords, storage, clock, region, shared[1:], webhooks.outbox)
    places = Places(settings.keys.directory, settings.audit.directory, database.folder)
    health = Health(database, keyring, encryption, rate_limits, trail, clock, places, settings.tokens.leeway)
    return Services(
        settings=settings,
        clock=clock,
        database=database,
        keyring=keyring,
        encryption=encryption,
        trail=trail,
        rate_limits=rate_limits,
        tenants=tenants,
        accounts=accounts,
        links=links,
        passwords=passwords,
        sessions=sessions,
        lockout=lockout,
        devices=devices,
        login=login,
        pop_login=WindowLogin(pop_sessions, trail),
        pop_access=pop_access,
        clients=clients,
        authentication=authentication,
        subject_states=subject_states,
        issuance=Issuance(issuer, subject_states, rate_limits, trail, settings.webchat.is_reserved, logins),
        introspection=Introspection(verifier, subject_states, revocations, trail),
        verifier=verifier,
        revocations=revocations,
        validation=Validation(verifier, subject_states, rate_limits, trail, settings.callbacks),
        channels=channels,
        guest_signing=GuestSigning(channels, guests, rate_limits, trail, clock),
        agents=agents,
        softphones=Softphones(login, links, agents, rate_limits, trail),
        index_keys=index_keys,
        trail_numbers=trail_numbers,
        name_number=in_trail,
        customers=customers,
        customer_rows=RowReader(settings.customers.catalogue, region),
        directory=directory,
        customer_query=(
            CustomerQuery(
                directory,
                settings.customers.catalogue,
                tenants,
                rate_limits,
                trail,
                settings.query_customer,
                in_trail,
            )
            if directory
            else None
        ),
        customer_cards=(
            CustomerCards(
                directory,
                settings.customers,
                rate_limits,
                trail,
                in_trail,
                partial(name_customer, index_keys),
            )
            if directory and settings.customers.card
            else None
        ),
        pins=pins,
        verification=Verification(
            ServiceGate(Service.VERIFICATION, verification, *shared),
            open_methods(verification, pins, pin_hashing, bulkhead, finder, threads=settings.server.threads),
            attempts,
            results,
            trail,
            verification,
            shared_clock,
            finder,
            partial(number_key, region),
            in_trail,
        ),
        review=Review(results, attempts, rate_limits, trail, agents.work_numbers),
        ivr_query=(
            IvrQuery(
                ServiceGate(Service.IVR, settings.ivr, *shared),
                directory,
                settings.customers.catalogue,
                rate_limits,
                trail,
                settings.ivr,
                in_trail,
            )
            if directory
            else None
        ),
        ctibar=open_ctibar(
            (settings.ctibar, settings.calls),
            database,
            encryption,
            rate_limits,
            trail,
            shared_clock,
            in_trail,
            region,
            call_centre.expected.note,
            threads=settings.server.threads,
        ),
        webhooks=webhooks,
        call_centre=call_centre,
        health=health,
        readiness=Readiness(health.parts),
    )
