"""Samples: a tenant, an account, a client and a channel to try, with the commands to try them."""

import os
import shlex
from pathlib import Path

import orjson

from validator.accounts.identity import Identity
from validator.audit.events import EventName
from validator.cli import https as local_https
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
    """Add the samples, and print commands to try; *https* is the port of HTTPS, if it is served."""
    folder = add_samples(services, https)
    say(*_commands(services, folder, https).split("\n"))


def add_samples(services: Services, https: int | None) -> Path:
    """Add the samples' tenant, account, client and channel, once; return the folder of their credentials.

    The channel allows the origin of this run and those of earlier runs.
    """
    folder = services.settings.home / "demo"
    if not (folder / "login.json").exists():
        make_private_folder(folder)
        _add(services, folder, https)
    for origin in (_url(services), local_https.origin(https)):
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
            CHANNEL, TENANT, generated_text(_SECRET_KEY_LENGTH), [_url(services), local_https.origin(https)]
        )
    write_private(folder / "login.json", orjson.dumps({"account": LOGIN, "password": password}))
    say("", "Demo credentials, shown only once:")
    say(f"  account {LOGIN}   password {password}")
    say(f"  client  {client.id}   secret {secret}")


def _url(services: Services) -> str:
    bind = services.settings.server.bind
    return "http://localhost" if bind.startswith("unix:") else f"http://{bind}"


def _commands(services: Services, folder: Path, https: int | None) -> str:
    url, routes = local_https.origin(https) if https else _url(services), services.settings.callbacks
    place, curl = shown(folder), _CURL
    if https:
        curl += f" --cacert {shown(local_https.authority(services.settings.home))}"
    guest = orjson.dumps(
        {"thirdUserName": "Guest", "tenantSpaceId": TENANT, "channelConfigId": CHANNEL}
    ).decode()
    return f"""
Try it, from another terminal:

1. Log in
   {curl} -c {place}/person --json @{place}/login.json {url}/api/v1/login
2. Get an agent token
   {curl} -b {place}/person --json '{{}}' {url}/api/v1/tokens/agent | tee {place}/token.json
3. Call the agents' callback, as the cloud does
   {curl} --json @{place}/token.json {url}{routes.agent_path}
4. Get a guest's signature
   {curl} -c {place}/guest -H 'Origin: {url}' -X POST {url}/webchat/guest && \\
   {curl} -b {place}/guest -H 'Origin: {url}' --json '{guest}' \\
   {url}/webchat/authorizationService
"""


def shown(path: Path) -> str:
    """Return *path* as a person would type it in this folder."""
    return shlex.quote(os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path))
