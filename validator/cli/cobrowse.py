"""`validator cobrowse`: what other sites need to share a page with an agent of the cloud."""

import re
from pathlib import Path

import click

from validator.cli.frame import Command, Group, load_settings
from validator.cli.output import say
from validator.cobrowse import extension as extensions
from validator.cobrowse.extension import Extension
from validator.cobrowse.patterns import read_places
from validator.cobrowse.snippet import snippet as snippet_for
from validator.errors import OperatorError
from validator.origins import is_origin

_RELEASE = re.compile(r"(0|[1-9]\d{0,4})(\.(0|[1-9]\d{0,4})){0,3}", re.ASCII)


def _origin(_: click.Context, __: click.Parameter, url: str | None) -> str | None:
    if url is not None and not (url.startswith("https://") and is_origin(url)):
        raise click.BadParameter("is not an origin such as https://cloud.example.com")
    return url


def _release(_: click.Context, __: click.Parameter, text: str) -> str:
    if not _RELEASE.fullmatch(text):
        raise click.BadParameter("is not one to four numbers with dots, such as 1.0.2")
    return text


cloud_option = click.option(
    "--cloud", metavar="URL", callback=_origin, help="Origin of the cloud; else that of proxy.cloud_host."
)


@click.group(cls=Group)
def cobrowse() -> None:
    """Let other sites share a page with an agent of the cloud."""


@cobrowse.command(cls=Command, examples=["validator cobrowse snippet --cloud https://cloud.example.com"])
@cloud_option
def snippet(cloud: str | None) -> None:
    """Print the HTML for a page of another site that may be shared, with the policy that it needs."""
    say(*snippet_for(cloud or _configured()).splitlines())


@cobrowse.command(
    cls=Command,
    examples=[
        "validator cobrowse extension --sdk cobrowse.js --out extension --site 'https://shop.example.com/help/*'",
        "validator cobrowse extension --remote --out trial --site 'https://*.example.com/*' "
        "--private 'https://*.example.com/login*'",
    ],
)
@cloud_option
@click.option(
    "--site", "sites", multiple=True, required=True, metavar="PATTERN", help="Pages to share; repeatable."
)
@click.option("--private", multiple=True, metavar="PATTERN", help="Pages that are never shared; repeatable.")
@click.option(
    "--sdk",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your copy of the cloud's cobrowse.js, to be packaged.",
)
@click.option("--remote", is_flag=True, help="Load the script from the cloud instead; no store takes that.")
@click.option(
    "--release", default="1.0.0", show_default=True, callback=_release, help="Version of the extension."
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder to make; it must not exist."
)
def extension(
    cloud: str | None,
    sites: tuple[str, ...],
    private: tuple[str, ...],
    sdk: Path | None,
    remote: bool,
    release: str,
    out: Path,
) -> None:
    """Build a browser extension that shares pages of the named sites, after a question on the page.

    A PATTERN is https://HOST/PATH; a host may begin with *. and a path may have * for anything. Nothing is
    overwritten. NOTE.txt in the folder has the SHA-256 of the packaged script.
    """
    if remote is (sdk is not None):
        raise click.UsageError("name one of --sdk and --remote")
    origin = cloud or _configured()
    places = read_places(sites, private, origin)
    script = None if sdk is None else _read(sdk)
    notices = [] if script is None else extensions.check_sdk(script)
    built = Extension(origin, places, release, script)
    extensions.write(out, extensions.files(built))
    say(*extensions.note(built).splitlines())
    say(*notices, err=True)


def _read(path: Path) -> bytes:
    """Return the content of *path*, and no more than is refused anyway."""
    with path.open("rb") as file:
        return file.read(extensions.MAX_SDK + 1)


def _configured() -> str:
    """Return the origin of the configured cloud; raises OperatorError without one."""
    proxy = load_settings().proxy
    if not proxy.cloud_host:
        raise OperatorError("no cloud is configured: set proxy.cloud_host, or give --cloud")
    return f"https://{proxy.cloud_authority}"
