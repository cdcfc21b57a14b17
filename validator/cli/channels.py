"""`validator channels`: the web chat channels that guests are signed in to."""

from pathlib import Path

import click

from validator.audit.events import EventName
from validator.cli.frame import Group, opened
from validator.cli.operators import recorded
from validator.cli.output import json_option, say, show
from validator.cli.secretinput import read_secret, secret_file_option
from validator.tenants import RecordStatus
from validator.webchat.channels import Channel
from validator.webchat.wire import SIGNED_KEYS, LengthRule

_PROMPT = "Third-party authentication key of the channel"


@click.group(cls=Group)
def channels() -> None:
    """Manage the web chat channels that guests are signed in to."""


@channels.command(
    examples=[
        "validator channels add 817854979183314945 --tenant 202400000001 --origin https://shop.test < key.txt"
    ]
)
@click.argument("channel_id")
@click.option("--tenant", required=True, help="Tenant space the channel belongs to.")
@click.option("--origin", "origins", multiple=True, required=True, help="Origin of its pages; repeatable.")
@click.option(
    "--key-order", default=",".join(SIGNED_KEYS), show_default=True, help="Order of the signed keys."
)
@click.option(
    "--length-rule",
    type=click.Choice([rule.value for rule in LengthRule]),
    default=LengthRule.BYTES.value,
    show_default=True,
    help="What the signed content-length counts.",
)
@secret_file_option
def add(
    channel_id: str,
    tenant: str,
    origins: tuple[str, ...],
    key_order: str,
    length_rule: LengthRule,
    secret_file: Path | None,
) -> None:
    """Add the channel CHANNEL_ID (the cloud's channelConfigId), with its secret key."""
    with opened() as services:
        secret_key = read_secret(secret_file, _PROMPT)
        with recorded(services, EventName.CHANNEL, f"added {channel_id}", tenant=tenant):
            keys = tuple(key_order.split(","))
            services.channels.add(
                channel_id, tenant, secret_key, origins, key_order=keys, length_rule=LengthRule(length_rule)
            )
    say(f"channel {channel_id} is added")


@channels.command("list", examples=["validator channels list"])
@json_option
def list_channels(as_json: bool) -> None:
    """List the channels."""
    with opened() as services:
        show([_row(channel) for channel in services.channels.list()], as_json=as_json)


@channels.command(examples=["validator channels rotate 817854979183314945 --secret-file key.txt"])
@click.argument("channel_id")
@secret_file_option
def rotate(channel_id: str, secret_file: Path | None) -> None:
    """Replace the secret key of CHANNEL_ID, after it was changed at the cloud."""
    with opened() as services:
        secret_key = read_secret(secret_file, _PROMPT)
        with recorded(services, EventName.CHANNEL, f"rotated {channel_id}"):
            services.channels.rotate(channel_id, secret_key)
    say(f"channel {channel_id} signs with its new key")


@channels.command(
    "set",
    examples=[
        "validator channels set 817854979183314945 --origin https://www.example.com --origin https://shop.example.com"
    ],
)
@click.argument("channel_id")
@click.option("--origin", "origins", multiple=True, required=True, help="Origin of its pages; repeatable.")
def set_channel(channel_id: str, origins: tuple[str, ...]) -> None:
    """Replace the origins of the pages of CHANNEL_ID."""
    with opened() as services:
        tenant = services.channels.require(channel_id).tenant
        detail = f"{channel_id} allows {', '.join(origins)}"
        with recorded(services, EventName.CHANNEL, detail, tenant=tenant):
            services.channels.set_origins(channel_id, origins)
    say(f"channel {detail}")


@channels.command(examples=["validator channels remove 817854979183314945"])
@click.argument("channel_id")
def remove(channel_id: str) -> None:
    """Remove CHANNEL_ID with its secret key; earlier signatures stay valid until the cloud rejects them."""
    with opened() as services:
        tenant = services.channels.require(channel_id).tenant
        with recorded(services, EventName.CHANNEL, f"removed {channel_id}", tenant=tenant):
            services.channels.remove(channel_id)
    say(f"channel {channel_id} is removed; earlier signatures stay valid until the cloud rejects them")


@channels.command(examples=["validator channels enable 817854979183314945"])
@click.argument("channel_id")
def enable(channel_id: str) -> None:
    """Enable CHANNEL_ID: guests are signed in again."""
    _set_status(channel_id, RecordStatus.ACTIVE)


@channels.command(examples=["validator channels disable 817854979183314945"])
@click.argument("channel_id")
def disable(channel_id: str) -> None:
    """Disable CHANNEL_ID: no guest is signed in."""
    _set_status(channel_id, RecordStatus.DISABLED)


def _set_status(channel_id: str, status: RecordStatus) -> None:
    with opened() as services, recorded(services, EventName.CHANNEL, f"{status} {channel_id}"):
        services.channels.set_status(channel_id, status)
    say(f"channel {channel_id} is {status}")


def _row(channel: Channel) -> dict[str, object]:
    return {
        "id": channel.id,
        "tenant": channel.tenant,
        "status": channel.status,
        "origins": list(channel.origins),
        "key_order": list(channel.key_order),
        "length_rule": channel.length_rule,
        "created_at": channel.created_at,
    }
