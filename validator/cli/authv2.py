"""`validator authv2`: make a guest's signature by hand, and see each stage of it."""

from pathlib import Path

import click

from validator.authv2.canonical import SignableRequest, signed_header_names
from validator.authv2.signer import Signature, parse_timestamp, sign_stamped, timestamp
from validator.authv2.webchat import SIGNED_KEYS, Ask, LengthRule, parse, signable, signed_body
from validator.cli.frame import Group, json_option, opened, show
from validator.cli.secretinput import read_secret
from validator.clock import SystemClock
from validator.errors import OperatorError
from validator.untrusted import read_object


@click.group(cls=Group)
def authv2() -> None:
    """Sign as guests' pages have it done."""


@authv2.command("sign")
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
    """Print the authorization line for a payload; never the secret key or the signing key."""
    stamp = _stamp(at)
    if channel is not None and access_key is None and secret_key_file is None:
        access_key, secret_key, order, rule = _of_channel(channel)
    elif channel is None and access_key is not None and secret_key_file is not None:
        secret_key, order, rule = read_secret(secret_key_file, "Secret key"), SIGNED_KEYS, LengthRule.BYTES
    else:
        raise click.UsageError("give --channel, or --access-key with --secret-key-file")
    body = signed_body(_payload(payload_file), _order(key_order) or order)
    request = signable(body, LengthRule(length_rule or rule))
    try:
        signature = sign_stamped(request, access_key=access_key, secret_key=secret_key, stamp=stamp)
    except ValueError as error:
        raise OperatorError(str(error)) from None
    if as_json:
        show(_stages(signature), as_json=True)
    elif explain:
        _explain(request, signature)
    else:
        click.echo(signature.authorization)


def _of_channel(channel_id: str) -> tuple[str, str, tuple[str, ...], LengthRule]:
    with opened() as services:
        channel = services.channels.require(channel_id)
        return channel.id, services.channels.secret_key(channel), channel.key_order, channel.length_rule


def _stamp(text: str | None) -> str:
    """Return the time of signing as it is signed; one without milliseconds is kept as it is written."""
    try:
        if text is None:
            return timestamp(SystemClock().now())
        parse_timestamp(text if "." in text else f"{text.removesuffix('Z')}.000Z")
    except ValueError as error:
        raise click.UsageError(f"--at: {error}") from None
    return text


def _order(key_order: str | None) -> tuple[str, ...]:
    keys = tuple(key_order.split(",")) if key_order else ()
    if keys and sorted(keys) != sorted(SIGNED_KEYS):
        raise click.UsageError(f"--key-order names each of {', '.join(SIGNED_KEYS)} once")
    return keys


def _payload(file: Path) -> dict[str, str]:
    with click.open_file(str(file), "rb") as stream:
        ask: Ask = parse(read_object(stream.read()))
    if ask.presented_id is None:
        raise OperatorError("thirdUserId: missing")
    values = (ask.presented_name, ask.presented_id, ask.presented_tenant, ask.presented_channel)
    return dict(zip(SIGNED_KEYS, values, strict=True))


def _stages(signature: Signature) -> dict[str, str]:
    return {
        "prefix": signature.prefix,
        "canonical": signature.canonical,
        "authorization": signature.authorization,
    }


def _explain(request: SignableRequest, signature: Signature) -> None:
    headers = "\n".join(f"{name}: {value}" for name, value in request.headers)
    stages = (
        ("body that is signed", request.body or ""),
        ("headers that are signed", headers),
        ("signedHeaders", signed_header_names(request)),
        ("canonicalRequest", signature.canonical),
        ("prefix", signature.prefix),
        ("signingKey = hex(HMAC-SHA256(secretKey, prefix))", "(secret, not shown)"),
        ("signature = hex(HMAC-SHA256(signingKey, canonicalRequest))", signature.signature),
        ("authorization = prefix/signature", signature.authorization),
    )
    for number, (name, text) in enumerate(stages, 1):
        click.echo(f"{number}. {name}\n{text}\n")
