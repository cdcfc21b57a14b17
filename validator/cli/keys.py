"""`validator keys`: the keyring that signs tokens and guest cookies."""

import click

from validator.audit.events import EventName
from validator.cli.frame import Group, opened
from validator.cli.operators import recorded
from validator.cli.output import json_option, say, show
from validator.keys.index import FILE as INDEX_FILE

_PROGRESS = 50_000  # customers


@click.group(cls=Group)
def keys() -> None:
    """Manage the signing keys; a running server uses a change immediately."""


@keys.command("list", examples=["validator keys list"])
@json_option
def list_keys(as_json: bool) -> None:
    """List the keys, oldest first, without their secrets."""
    with opened(any_schema=True) as services:
        rows = [
            {
                "id": key.id,
                "state": key.state,
                "created_at": key.created_at,
                "retired_at": key.retired_at,
            }
            for key in services.keyring.list()
        ]
        show(rows, as_json=as_json)


@keys.command(examples=["validator keys rotate", "validator keys rotate --index --stage"])
@click.option("--stage", is_flag=True, help="Only add a pending key, to be copied to every node first.")
@click.option(
    "--index", is_flag=True, help="The key that customers are found by, instead of the signing key."
)
def rotate(stage: bool, index: bool) -> None:
    """Sign with the pending key, or a new one; tokens signed before stay valid until they expire.

    With --index every entry of the indexes of customers, PINs and call records is made again with the staged
    key, or a new one, and the old key is destroyed. Customers are found meanwhile; a rotation that was
    interrupted goes on.
    """
    if index:
        _rotate_index(stage=stage)
        return
    with opened(any_schema=True) as services:
        with recorded(services, EventName.KEY, "staged" if stage else "rotated"):
            key = services.keyring.stage() if stage else services.keyring.rotate()
        say(f"{key.id} is {key.state}")


def _rotate_index(*, stage: bool) -> None:
    with opened() as services, recorded(services, EventName.KEY, f"index {'staged' if stage else 'rotated'}"):
        if stage:
            say(f"{services.index_keys.stage().id} is staged: copy {INDEX_FILE} to every node")
            return
        key = services.index_keys.rotate()
        done = 0
        for done in services.customers.reindex(key, services.settings.numbers.region):
            if done % _PROGRESS == 0:
                say(f"{done} customers are indexed", err=True)
        calls = services.call_centre
        for others in (services.pins, calls.records, calls.quarantine):
            for _ in others.reindex(key):
                continue
        services.index_keys.finish()
    say(f"{key.id} is current; {done} customers are indexed by it")


@keys.command(examples=["validator keys revoke 0a1b2c3d"])
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Destroy the key KEY_ID; every token that it signed is refused from now on."""
    with opened(any_schema=True) as services, recorded(services, EventName.KEY, f"revoked {key_id}"):
        services.keyring.revoke(key_id)
    say(f"key {key_id} is destroyed, and the tokens that it signed have ended")
