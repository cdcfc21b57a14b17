"""Samples: something of everything to try, and the commands to try it with."""

import os
import shlex
from pathlib import Path

import orjson

from validator.accounts.identity import Identity
from validator.audit.events import EventName
from validator.cli import https as https_door
from validator.cli.operators import recorded
from validator.cli.output import say
from validator.cli.secretinput import generated_password, generated_text
from validator.files import make_private_folder, write_private
from validator.services import Services
from validator.tokens.claims import Audience

TENANT = "202400000001"
LOGIN = "demo.agent"
AGENT = "demo-agent"
CHANNEL = "100000000000000001"
_SECRET_KEY_LENGTH = 43
_CURL = r"curl -sS -w '\n'"


def install(services: Services, https: int | None) -> None:
    """Add the samples, and print what to try, maybe with HTTPS on a port."""
    folder = furnish(services, https)
    say(*_commands(services, folder, https).split("\n"))


def furnish(services: Services, https: int | None) -> Path:
    """Add the samples' tenant, account, client and channel, once; return the folder of their credentials.

    The channel allows the pages of this time's address and port, and those of every earlier time.
    """
    folder = services.settings.home / "demo"
    if not (folder / "login.json").exists():
        make_private_folder(folder)
        _add(services, folder, https)
    for origin in (_url(services), https_door.origin(https)):
        _allow(services, origin)
    return folder


def _allow(services: Services, origin: str) -> None:
    channel = services.channels.find(CHANNEL)
    if channel is not None and origin not in channel.origins:
        with recorded(services, EventName.CHANNEL, f"{CHANNEL} allows {origin}", tenant=TENANT):
            services.channels.allow(CHANNEL, origin)


def _add(services: Services, folder: Path, https: int | None) -> None:
    password = generated_password(services.settings.passwords, LOGIN)
    if services.tenants.find(TENANT) is None:
        with recorded(services, EventName.TENANT, "added", tenant=TENANT):
            services.tenants.add(TENANT, "Demo")
    with recorded(services, EventName.ACCOUNT, "added", tenant=TENANT, subject=LOGIN):
        identity = Identity(AGENT, "demo-customer", "Demo Customer")
        services.accounts.add(LOGIN, TENANT, services.passwords.hash(password), identity)
    with recorded(services, EventName.CLIENT, "added demo-backend"):
        client, secret = services.clients.add("demo-backend", [TENANT], list(Audience))
    with recorded(services, EventName.CHANNEL, f"added {CHANNEL}", tenant=TENANT):
        services.channels.add(
            CHANNEL, TENANT, generated_text(_SECRET_KEY_LENGTH), [_url(services), https_door.origin(https)]
        )
    write_private(folder / "login.json", orjson.dumps({"account": LOGIN, "password": password}))
    say("", "Demo credentials, shown this once:")
    say(f"  account {LOGIN}   password {password}")
    say(f"  client  {client.id}   secret {secret}")


def _url(services: Services) -> str:
    bind = services.settings.server.bind
    return "http://localhost" if bind.startswith("unix:") else f"http://{bind}"


def _commands(services: Services, folder: Path, https: int | None) -> str:
    url, routes = https_door.origin(https) if https else _url(services), services.settings.callbacks
    place, curl = shown(folder), _CURL
    if https:
        curl += f" --cacert {shown(https_door.authority(services.settings.home))}"
    guest = orjson.dumps(
        {"thirdUserName": "Guest", "tenantSpaceId": TENANT, "channelConfigId": CHANNEL}
    ).decode()
    return f"""
Try it, from another terminal:

1. Log in
   {curl} -c {place}/person --json @{place}/login.json {url}/api/v1/login
2. Get an agent token
   {curl} -b {place}/person --json '{{}}' {url}/api/v1/tokens/agent | tee {place}/token.json
3. Ask as the cloud would
   {curl} --json @{place}/token.json {url}{routes.agent_path}
4. Get a guest's signature
   {curl} -c {place}/guest -H 'Origin: {url}' -X POST {url}/webchat/guest && \\
   {curl} -b {place}/guest -H 'Origin: {url}' --json '{guest}' \\
   {url}/webchat/authorizationService
"""


def shown(path: Path) -> str:
    """Return *path* as a person would type it here."""
    return shlex.quote(os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path))
