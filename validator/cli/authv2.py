"""`validator authv2`: sign a guest's request, or one to the cloud, by hand, and show each stage."""

from datetime import datetime
from pathlib import Path

import click

from validator.audit.events import EventName
from validator.cli.frame import Group, opened
from validator.cli.operators import recorded
from validator.cli.output import json_option, say, show
from validator.cli.secretinput import read_secret
from validator.clock import SystemClock
from validator.errors import OperatorError
from validator.signatures.canonical import SignableRequest, signed_header_names
from validator.signatures.interfaces import JSON_TYPE, interface_request
from validator.signatures.signer import Signature, parse_timestamp, sign_stamped, timestamp
from validator.untrusted import read_object
from validator.webchat.channels import Channel
from validator.webchat.wire import SIGNED_KEYS, LengthRule, SigningRequest, parse, signable, signed_body


@click.group(cls=Group)
def authv2() -> None:
    """Sign guests' requests, and requests to the cloud (AUTHV2)."""


@authv2.command(
    "sign",
    examples=["validator authv2 sign --channel 817854979183314945 --payload-file payload.json --explain"],
)
@click.option("--channel", help="Sign as this channel, by its own settings.")
@click.option("--access-key", help="Sign with this access key (the channelConfigId) instead.")
@click.option(
    "--secret-key-file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="File of the secret key that goes with --access-key.",
)
@click.option("--at", help="Time of signing, yyyy-MM-ddTHH:mm:ss.SSSZ; else now.")
@click.option(
    "--payload-file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    required=True,
    help="JSON object with " + ", ".join(SIGNED_KEYS) + "; - is standard input.",
)
@click.option("--key-order", help="Order of the keys in the signed body; else the channel's.")
@click.option(
    "--length-rule",
    type=click.Choice([rule.value for rule in LengthRule]),
    help="Content-length rule; else the channel's.",
)
@click.option("--explain", is_flag=True, help="Print each stage, to compare with the cloud's.")
@json_option
def sign_payload(
    channel: str | None,
    access_key: str | None,
    secret_key_file: Path | None,
    at: str | None,
    payload_file: Path,
    key_order: str | None,
    length_rule: LengthRule | None,
    explain: bool,
    as_json: bool,
) -> None:
    """Print the authorization line for a payload; the secret key and the signing key are never shown."""
    stamp, order = _stamp(at), _order(key_order)
    rule = None if length_rule is None else LengthRule(length_rule)
    payload = _payload(payload_file, takes_any_name=channel is None)
    if channel is not None and access_key is None and secret_key_file is None:
        request, signature = _sign_as(channel, payload, stamp, order, rule)
    elif channel is None and access_key is not None and secret_key_file is not None:
        secret_key = read_secret(secret_key_file, "Secret key")
        request = signable(signed_body(payload, order or SIGNED_KEYS), rule or LengthRule.BYTES)
        signature = _signed(request, access_key, secret_key, stamp)
    else:
        raise click.UsageError("give --channel, or --access-key with --secret-key-file")
    _print(request, signature, explain=explain, as_json=as_json)


@authv2.command(
    "sign-request",
    examples=[
        "validator authv2 sign-request POST https://cloud.example.com/rest/cmsapp/v1/ping "
        "--access-key AK --secret-key-file cloud.txt --body-file body.json"
    ],
)
@click.argument("method")
@click.argument("url")
@click.option("--access-key", required=True, help="The cloud's own access key, not API Fabric's.")
@click.option(
    "--secret-key-file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="File of the secret key; else it is prompted for, or read from standard input.",
)
@click.option("--at", help="Time of signing, yyyy-MM-ddTHH:mm:ss.SSSZ; else now.")
@click.option(
    "--body-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of the body, as it is sent: its length and type are signed too.",
)
@click.option("--content-type", default=JSON_TYPE, show_default=True, help="Type of the body.")
@click.option("--header", "headers", multiple=True, help='Another signed header, "Name: value"; repeatable.')
@click.option("--explain", is_flag=True, help="Print each stage, to compare with the cloud's.")
@json_option
def sign_request(
    method: str,
    url: str,
    access_key: str,
    secret_key_file: Path | None,
    at: str | None,
    body_file: Path | None,
    content_type: str,
    headers: tuple[str, ...],
    explain: bool,
    as_json: bool,
) -> None:
    """Print the authorization line for a request to CC-CMS, CC-FS or CC-iSales; nothing is sent.

    The host, the path and the query of URL are signed, and a body with its length and type. The secret key
    and the signing key are never shown.
    """
    stamp = _stamp(at)
    body = None if body_file is None else body_file.read_bytes()
    try:
        request = interface_request(
            method, url, body=body, content_type=content_type, headers=[*map(_header, headers)]
        )
    except ValueError as error:
        raise OperatorError(str(error)) from None
    signature = _signed(request, access_key, read_secret(secret_key_file, "Secret key"), stamp)
    _print(request, signature, explain=explain, as_json=as_json)


def _print(request: SignableRequest, signature: Signature, *, explain: bool, as_json: bool) -> None:
    if as_json:
        show(_stages(signature), as_json=True)
    elif explain:
        explain_signature(request, signature)
    else:
        say(signature.authorization)


def _header(text: str) -> tuple[str, str]:
    """Return the name and value in *text*."""
    name, colon, value = text.partition(":")
    if not colon:
        raise click.UsageError("--header: not of the form Name: value")
    return name, value.strip()


def _sign_as(
    channel_id: str, payload: dict[str, str], stamp: str, order: tuple[str, ...], rule: LengthRule | None
) -> tuple[SignableRequest, Signature]:
    """Sign *payload* as the channel, record it in the trail; raises OperatorError."""
    with opened() as services:
        channel = services.channels.require(channel_id)
        detail = f"{channel.id} at {stamp}"
        with recorded(
            services, EventName.SIGNED, detail, tenant=channel.tenant, subject=payload["thirdUserId"]
        ):
            _check_payload(channel, payload)
            _check_instant(stamp, services.clock.now() + services.settings.tokens.leeway)
            body = signed_body(payload, order or channel.key_order)
            request = signable(body, rule or channel.length_rule)
            secret_key = services.channels.secret_key(channel)
            return request, _signed(request, channel.id, secret_key, stamp)


def _signed(request: SignableRequest, access_key: str, secret_key: str, stamp: str) -> Signature:
    try:
        return sign_stamped(request, access_key=access_key, secret_key=secret_key, stamp=stamp)
    except ValueError as error:
        raise OperatorError(str(error)) from None


def _check_payload(channel: Channel, payload: dict[str, str]) -> None:
    """Raise OperatorError unless the channel is enabled and *payload* belongs to it."""
    if not channel.is_usable:
        raise OperatorError(f"channel {channel.id}, or its tenant, is disabled: it signs nobody in")
    for name, own in (("channelConfigId", channel.id), ("tenantSpaceId", channel.tenant)):
        if payload[name] != own:
            raise OperatorError(f"{name}: the payload is not of channel {channel.id}, whose {name} is {own}")


def _check_instant(stamp: str, latest: datetime) -> None:
    """Raise OperatorError when *stamp* is after *latest*: nobody may stockpile signatures for later."""
    if _instant(stamp) > latest:
        raise OperatorError(
            "--at is in the future: a channel signs now; for vectors give --access-key and --secret-key-file"
        )


def _instant(stamp: str) -> datetime:
    return parse_timestamp(stamp if "." in stamp else f"{stamp.removesuffix('Z')}.000Z")


def _stamp(text: str | None) -> str:
    """Return the time of signing as it is signed; *text* without milliseconds is not changed."""
    try:
        if text is None:
            return timestamp(SystemClock().now())
        _instant(text)
    except ValueError as error:
        raise click.UsageError(f"--at: {error}") from None
    return text


def _order(key_order: str | None) -> tuple[str, ...]:
    keys = tuple(key_order.split(",")) if key_order else ()
    if keys and sorted(keys) != sorted(SIGNED_KEYS):
        raise click.UsageError(f"--key-order names each of {', '.join(SIGNED_KEYS)} once")
    return keys


def _payload(file: Path, *, takes_any_name: bool) -> dict[str, str]:
    with click.open_file(str(file), "rb") as stream:
        request: SigningRequest = parse(read_object(stream.read()), takes_any_name=takes_any_name)
    if request.presented_id is None:
        raise OperatorError("thirdUserId: missing")
    values = (
        request.presented_name,
        request.presented_id,
        request.presented_tenant,
        request.presented_channel,
    )
    return dict(zip(SIGNED_KEYS, values, strict=True))


def _stages(signature: Signature) -> dict[str, str]:
    return {
        "prefix": signature.prefix,
        "canonical": signature.canonical,
        "authorization": signature.authorization,
    }


def explain_signature(request: SignableRequest, signature: Signature, *, err: bool = False) -> None:
    """Print each stage of *signature* but the secret ones."""
    headers = "\n".join(f"{name}: {value}" for name, value in request.headers)
    stages = (
        ("signed body", request.body or ""),
        ("signed headers", headers),
        ("signedHeaders", signed_header_names(request)),
        ("canonicalRequest", signature.canonical),
        ("prefix", signature.prefix),
        ("signingKey = hex(HMAC-SHA256(secretKey, prefix))", "(secret, not shown)"),
        ("signature = hex(HMAC-SHA256(signingKey, canonicalRequest))", signature.signature),
        ("authorization = prefix/signature", signature.authorization),
    )
    for number, (name, text) in enumerate(stages, 1):
        say(f"{number}. {name}", *text.split("\n"), "", err=err)
