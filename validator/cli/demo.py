"""`validator demo`: the whole integration on this machine, with a simulated cloud.

Three programs run: this server with its ready pages, nginx (or a built-in TLS proxy), and the simulator.
Their settings and the simulator's registration are files in `demo/integration` of the home, so that every
other command can be tried with them.
"""

import secrets
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import orjson

from validator.cli import demo_centre, demo_customers, demo_flows, demo_queries, samples, serving, supervisor
from validator.cli import home as home_commands
from validator.cli import https as local_https
from validator.cli.frame import Command, load_settings, paths
from validator.cli.output import say
from validator.cli.process import check_free
from validator.cli.supervisor import Program
from validator.clock import SystemClock
from validator.errors import OperatorError
from validator.files import make_private_folder, write_private
from validator.operations.certificates import localca
from validator.operations.certificates.localca import LocalAuthority
from validator.operations.proxy import nginx
from validator.services import Services
from validator.settings.environment import export
from validator.settings.loading import Settings, load
from validator.web.portal.policy import DEMO_PLACES, WEB_API

CLOUD = "localhost"
CLOUD_PORT = 9443
APP_KEY = "demo-app"
ACCESS_KEY = "demo-cloud"  # for CC-CMS and CC-FS: another pair than that of API Fabric
# The pair of keys for signed requests, and a basic table of the cloud for fields of the catalogue as shipped.
_PAIR_AND_TABLE = f"""
[[interfaces]]
access_key = "{ACCESS_KEY}"
tenant = "{samples.TENANT}"
secret_key_file = "cloud.secret"

[[tables]]
tenant = "{samples.TENANT}"
name = "customers"

[[columns]]
table = "customers"
name = "number"
kind = "index"
length = 32

[[columns]]
table = "customers"
name = "name"
length = 64
required = true

[[columns]]
table = "customers"
name = "level"
type = "dictionary"
items = ["standard", "silver", "gold"]
"""


@click.command(cls=Command, examples=["validator demo", "validator demo --https 8444 --cloud-port 9444"])
@local_https.option("Port of the pages.")
@click.option(
    "--cloud-port",
    type=click.IntRange(1, 65535),
    default=CLOUD_PORT,
    show_default=True,
    help="Port of the simulated cloud.",
)
@click.option(
    "--centre-port",
    type=click.IntRange(1, 65535),
    default=demo_centre.PORT,
    show_default=True,
    help="Port of the other call centre.",
)
def demo(https: int | None, cloud_port: int, centre_port: int) -> None:
    """Run everything on this machine, for a browser: the pages, the proxy, a simulated cloud."""
    if paths()[1] is not None:
        raise click.UsageError("the demonstration has its own settings: omit --config")
    port = https or local_https.PORT
    _check_free(load_settings().home, port, cloud_port, centre_port)
    with home_commands.initialized() as services:
        login = samples.add_samples(services, port) / "login.json"
        demo_customers.add(services)
        folder = _folder(services.settings.home)
        more = {
            **demo_centre.settings(folder, centre_port),
            "portal.demo_links": _links(cloud_port, centre_port),
        }
        config = _write_settings(services.settings.home, folder, port, cloud_port, more)
        _write_registration(services, folder, local_https.origin(port))
        demo_centre.add(services, folder, local_https.origin(port))
    export(services.settings.home, config, {})
    settings = load(services.settings.home, config)
    server = Program(serving.server())
    # The proxy is last, and so the first to stop: until then it needs the others.
    simulators = (_cloud(folder, cloud_port), _centre(folder, centre_port))
    programs = (*simulators, server, _proxy(settings, port, cloud_port))
    say(*_words(settings, config, login, cloud_port, centre_port).split("\n"))
    sys.exit(supervisor.run(*programs, timeout=serving.stop_timeout(settings)))


def _check_free(home: Path, *ports: int) -> None:
    """Raise OperatorError, before anything is written, when another program uses a port or the home."""
    for bind in (
        f"unix:{local_https.application_socket(home)}",
        *(f"127.0.0.1:{port}" for port in ports),
    ):
        check_free(bind)


def _folder(home: Path) -> Path:
    folder = home / "demo" / "integration"
    make_private_folder(folder)
    return folder


def _write_settings(home: Path, folder: Path, port: int, cloud_port: int, more: Mapping[str, Any]) -> Path:
    """Write the settings of the demonstration, and *more*; return their file."""
    # Issued now, so that it can be trusted before the simulator starts.
    LocalAuthority(folder / "cloud", SystemClock()).issue([CLOUD])
    secret, signing = (folder / f"{name}.secret" for name in ("app", "cloud"))
    for file in (secret, signing):
        if not file.exists():
            write_private(file, secrets.token_urlsafe().encode())
    authority = folder / "cloud" / localca.CERTIFICATE
    settings = {
        **local_https.overrides(home, port),
        "proxy.cloud_host": CLOUD,
        "proxy.cloud_port": cloud_port,
        "proxy.cloud_address": f"127.0.0.1:{cloud_port}",
        "proxy.cloud_ca": str(authority),
        "cloud.api_url": f"https://{CLOUD}:{cloud_port}",
        "cloud.app_key": APP_KEY,
        "cloud.app_secret_file": str(secret),
        "cloud.interfaces_url": f"https://{CLOUD}:{cloud_port}",
        "cloud.access_key": ACCESS_KEY,
        "cloud.secret_key_file": str(signing),
        "cloud.records_callback_url": f"{local_https.origin(port)}/records",
        "cloud.ca_file": str(authority),
        "cloud.keep_sip_passwords": True,
        "portal.enabled": True,
        "portal.softphone": True,
        "portal.channel": samples.CHANNEL,
        "portal.tenant": samples.TENANT,
        "portal.cobrowse": True,
        "customers.source": "store",
        "customers.card": True,
        **demo_queries.settings(folder),
        **demo_flows.SETTINGS,
        **more,
        "pop.mode": WEB_API,
        "pop.cloud_origins": [f"https://{CLOUD}:{cloud_port}"],
    }
    file = folder / "settings.toml"
    write_private(file, _toml(settings).encode())
    return file


def _links(cloud_port: int, centre_port: int) -> list[str]:
    """Return the links of the first page to what runs beside it."""
    cloud = f"https://{CLOUD}:{cloud_port}"
    of_cloud = [f"{name}={cloud}/{name}" for name in DEMO_PLACES if name != demo_centre.PLACE]
    return [*of_cloud, f"{demo_centre.PLACE}={demo_centre.control_page(centre_port)}"]


def _write_registration(services: Services, folder: Path, origin: str) -> None:
    """Write the registration, as the cloud's administrator would enter it."""
    routes = services.settings.callbacks
    channel = services.channels.require(samples.CHANNEL)
    write_private(folder / "channel.secret", services.channels.secret_key(channel).encode())
    shutil.copyfile(local_https.authority(services.settings.home), folder / "server.cer")
    registration = f"""\
[enterprise]
agent_url = "{origin}{routes.agent_path}"
chat_url = "{origin}{routes.chat_path}"
certificate = "server.cer"

[cloud]
names = ["{CLOUD}"]
pop_origins = ["{origin}"]

[[tenants]]
id = "{samples.TENANT}"

[[agents]]
tenant = "{samples.TENANT}"
account = "{samples.AGENT}"
work_no = 1001

[[channels]]
id = "{samples.CHANNEL}"
tenant = "{samples.TENANT}"
secret_key_file = "channel.secret"

[[apps]]
key = "{APP_KEY}"
tenant = "{samples.TENANT}"
secret_file = "app.secret"
"""
    pops = _pops(f"{origin}{services.settings.portal.path}/pop")
    flows = demo_flows.registration(services, folder, origin)
    write_private(folder / "cloud.toml", (registration + _PAIR_AND_TABLE + pops + flows).encode())


def _pops(url: str) -> str:
    """Return the screen pops of the registration: the page at *url* in each way that the cloud opens it."""
    ways = (("web_api", "embedded"), ("get", "embedded"), ("post", "embedded"), ("post", "standalone"))
    pops = (f'[[pops]]\nurl = "{url}"\nmode = "{mode}"\nopening = "{opening}"\n' for mode, opening in ways)
    return "".join(f"\n{pop}" for pop in pops)


def _proxy(settings: Settings, port: int, cloud_port: int) -> Program:
    """Return the command of nginx, or of the built-in proxy where nginx is missing."""
    try:
        nginx.program()
    except OperatorError as error:
        say(f"Notice: {error}. Until then a built-in proxy is used, without limits and WebSocket.")
        return _built_in_proxy(settings, port, cloud_port)
    return local_https.prepare(settings)


def _built_in_proxy(settings: Settings, port: int, cloud_port: int) -> Program:
    proxy = settings.proxy
    options = {
        "--bind": f"127.0.0.1:{port}",
        "--origin": proxy.origin,
        "--certificate": str(proxy.certificate),
        "--key": str(proxy.certificate_key),
        "--application": settings.server.bind.removeprefix("unix:"),
        "--cloud": f"https://{CLOUD}:{cloud_port}",
        "--cloud-authority": str(proxy.cloud_ca),
    }
    return _validator("simulate", "tls-proxy", *(word for option in options.items() for word in option))


def _cloud(folder: Path, port: int) -> Program:
    """Return the command of the simulated cloud."""
    where = ("--bind", f"127.0.0.1:{port}", "--folder", str(folder / "cloud"))
    return _validator("simulate", "serve", "--registration", str(folder / "cloud.toml"), *where)


def _centre(folder: Path, port: int) -> Program:
    """Return the command of the other call centre."""
    options = demo_centre.words(folder, port)
    return _validator("simulate", "centre", *(word for option in options.items() for word in option))


def _validator(*words: str) -> Program:
    return Program([sys.executable, "-P", "-m", "validator", *words])


def _words(settings: Settings, config: Path, login: Path, cloud_port: int, centre_port: int) -> str:
    return f"""
The pages:          {settings.proxy.origin}{settings.portal.path}/
Log in with:        {samples.shown(login)}
Who is calling:     press "Simulate a ring" in the agent bar, and the page shows the customer
The cloud's view:   https://{CLOUD}:{cloud_port}/status
Its basic tables:   https://{CLOUD}:{cloud_port}/tables
Who is calling:     {demo_queries.command(config.parent, settings.proxy.origin)}
Its IVR keypad:     https://{CLOUD}:{cloud_port}/keypad   {demo_flows.HINT}
Its workbench:      https://{CLOUD}:{cloud_port}/workbench
Its co-browsing:    https://{CLOUD}:{cloud_port}/cobrowse   (a link with which a page asks to be shared)
Another centre:     {demo_centre.control_page(centre_port)}   {demo_centre.HINT}
Other commands:     export VALIDATOR_CONFIG={samples.shown(config)}   then, say, validator agents sync
                    or validator cloud call GET /rest/cmsapp/v1/ping --explain
                    or validator cloud records fetch --from 2026-01-01 --to 2026-01-02 --out records
"""


def _toml(settings: Mapping[str, Any]) -> str:
    """Return *settings*, by their dotted keys, as TOML; the JSON of their values is also valid TOML."""
    sections: dict[str, list[str]] = {}
    for key, value in settings.items():
        section, name = key.split(".")
        sections.setdefault(section, []).append(f"{name} = {orjson.dumps(value).decode()}")
    return "\n".join(f"[{section}]\n" + "\n".join(lines) + "\n" for section, lines in sections.items())
