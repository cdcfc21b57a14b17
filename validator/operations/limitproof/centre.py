"""Sends a proof's requests of agents about calls, each limit's by another person, who is not linked."""

import secrets
from collections.abc import Mapping

from validator.accounts.identity import Identity
from validator.callcentre.barwire import OWN_PATH
from validator.ctibar.wire import CALLS_PATH, SEEN_PATH, SESSION_PATH
from validator.operations.limitproof.sending import Send, Sender
from validator.services import Services

# Nobody listens there, and nobody is asked: the limits are counted before the link is looked for.
SETTINGS: Mapping[str, object] = {
    "ctibar.url": "https://127.0.0.1:1",
    "callrecords.bar": True,
    "server.threads": 8,
}


def sends(services: Services, sender: Sender) -> Mapping[str, Send]:
    """Return, for each limit that can be reached, a function that sends a request only it can refuse."""
    one = sender.address()
    space = services.tenants.add(f"{sender.mark}-centre", "for a proof of the limits").id
    names = ("bar", "caller", "seer", "reporter")
    bar, caller, seer, reporter = (_person(services, sender, space, name) for name in names)
    return {
        "ctibar_address": lambda: sender.post(SESSION_PATH, one, json={}),
        "ctibar_agent": lambda: sender.post(SESSION_PATH, sender.spread(), json={}, cookies=bar),
        "calls_agent": lambda: sender.post(
            CALLS_PATH, sender.spread(), json={"callee": "95588"}, cookies=caller
        ),
        "calls_seen": lambda: sender.post(SEEN_PATH, sender.spread(), json={"callId": "1"}, cookies=seer),
        "barcalls_address": lambda: sender.post(OWN_PATH, one, json={}),
        "barcalls_agent": lambda: sender.post(OWN_PATH, sender.spread(), json={}, cookies=reporter),
    }


def _person(services: Services, sender: Sender, space: str, name: str) -> dict[str, str]:
    """Return the cookies of a new person of the tenant *space*, who has logged in."""
    login, password = f"{sender.mark}-{name}", secrets.token_urlsafe(24)
    services.accounts.add(login, space, services.passwords.hash(password), Identity())
    return dict(sender.guess(login, sender.spread(), password=password).cookies.items())
