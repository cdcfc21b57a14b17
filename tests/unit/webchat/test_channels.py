"""Channels: their form, their pages, and that their secret keys are encrypted; on both databases."""

import re
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from tests.support.fakes import CHANNEL, ORIGIN, OTHER_TENANT, SECRET_KEY, START, TENANT
from validator.errors import Fault, OperatorError, Reason, Refusal
from validator.keys.encryption import SecretEncryption
from validator.origins import MAX_ORIGIN
from validator.store.database import Database
from validator.tenants import RecordStatus, Tenants
from validator.webchat.channels import Channel, Channels, page_query, table
from validator.webchat.wire import SIGNED_KEYS, LengthRule

OTHER_CHANNEL = "817854979183314946"
OTHER_ORIGIN = "https://shop.example.com"
OTHER_KEY = SECRET_KEY[::-1]


@pytest.fixture
def channel(channels: Channels) -> Channel:
    """Return a channel in use."""
    return channels.add(CHANNEL, TENANT, SECRET_KEY, [ORIGIN])


def box_of(database: Database, channel_id: str) -> bytes:
    with database.read() as connection:
        query = select(table.c.sealed_secret).where(table.c.id == channel_id)
        return bytes(connection.execute(query).scalar_one())


def test_added_channel_is_found(channels: Channels) -> None:
    """A new channel is in use, signs in the documented order, and counts bytes."""
    added = channels.add(CHANNEL, TENANT, SECRET_KEY, [ORIGIN, OTHER_ORIGIN])

    assert added == channels.find(CHANNEL) == channels.require(CHANNEL)
    assert added == Channel(
        id=CHANNEL,
        tenant=TENANT,
        origins=(ORIGIN, OTHER_ORIGIN),
        key_order=SIGNED_KEYS,
        length_rule=LengthRule.BYTES,
        status=RecordStatus.ACTIVE,
        tenant_status=RecordStatus.ACTIVE,
        created_at=START,
    )


def test_how_the_cloud_reads_it_is_kept(channels: Channels) -> None:
    """A channel keeps its own order of keys and its own rule of length."""
    order = ("channelConfigId", "tenantSpaceId", "thirdUserId", "thirdUserName")

    channels.add(CHANNEL, TENANT, SECRET_KEY, [ORIGIN], key_order=order, length_rule=LengthRule.CHARACTERS)

    found = channels.require(CHANNEL)
    assert (found.key_order, found.length_rule) == (order, LengthRule.CHARACTERS)


def test_every_order_of_the_four_keys_is_taken(channels: Channels) -> None:
    """Any order that names each key once may be what the cloud expects."""
    for number, order in enumerate(permutations(SIGNED_KEYS)):
        assert channels.add(f"c{number}", TENANT, SECRET_KEY, [ORIGIN], key_order=order).key_order == order


@pytest.mark.parametrize(
    "order",
    [
        (),
        SIGNED_KEYS[:3],
        (*SIGNED_KEYS, "locale"),
        (*SIGNED_KEYS, "thirdUserId"),
        (*SIGNED_KEYS[:3], "thirdUserName"),
        tuple(key.lower() for key in SIGNED_KEYS),
    ],
)
def test_another_order_is_refused(channels: Channels, order: tuple[str, ...]) -> None:
    """A key missing, twice, unknown or in other letters is no order."""
    with pytest.raises(OperatorError, match="the key order names each of"):
        channels.add(CHANNEL, TENANT, SECRET_KEY, [ORIGIN], key_order=order)

    assert channels.list() == []


def test_unknown_channel_is_none_or_an_error(channels: Channels) -> None:
    """`find` returns None for an unknown channel; requiring and changing it raises OperatorError."""
    assert channels.find(CHANNEL) is None
    with pytest.raises(OperatorError, match=f"there is no channel {CHANNEL}"):
        channels.require(CHANNEL)
    with pytest.raises(OperatorError, match=f"there is no channel {CHANNEL}"):
        channels.rotate(CHANNEL, SECRET_KEY)
    with pytest.raises(OperatorError, match=f"there is no channel {CHANNEL}"):
        channels.set_status(CHANNEL, RecordStatus.DISABLED)


def test_id_is_taken_once(channels: Channels, channel: Channel) -> None:
    """A channel's id is the cloud's and unique among all tenants; the first stays as it was."""
    with pytest.raises(OperatorError, match=f"channel {CHANNEL} exists already"):
        channels.add(CHANNEL, OTHER_TENANT, OTHER_KEY, [OTHER_ORIGIN])

    assert channels.list() == [channel]
    assert channels.secret_key(channel) == SECRET_KEY


def test_tenant_must_exist(channels: Channels) -> None:
    """A channel belongs to a tenant that there is."""
    with pytest.raises(OperatorError, match="there is no tenant 1"):
        channels.add(CHANNEL, "1", SECRET_KEY, [ORIGIN])


@pytest.mark.parametrize("channel_id", ["", "a" * 65, "a b", "a/b", "a\n", "é", "١"])
def test_id_of_another_form_is_refused(channels: Channels, channel_id: str) -> None:
    """What is no channelConfigId, and could not stand in an authorization line, is refused."""
    with pytest.raises(OperatorError, match="a channelConfigId has 1 to 64 of"):
        channels.add(channel_id, TENANT, SECRET_KEY, [ORIGIN])


@pytest.mark.parametrize(
    "secret_key",
    ["", SECRET_KEY[:42], SECRET_KEY + "a", SECRET_KEY[:42] + "-", SECRET_KEY[:42] + "é", SECRET_KEY + "\n"],
)
def test_secret_key_of_another_form_is_refused(channels: Channels, channel: Channel, secret_key: str) -> None:
    """Exactly 43 letters and digits are a key; the complaint does not quote what was given."""
    for act in (
        lambda: channels.add(OTHER_CHANNEL, TENANT, secret_key, [ORIGIN]),
        lambda: channels.rotate(CHANNEL, secret_key),
    ):
        with pytest.raises(OperatorError, match="has exactly 43 characters") as raised:
            act()
        assert not secret_key or secret_key not in str(raised.value)

    assert channels.secret_key(channel) == SECRET_KEY


@pytest.mark.parametrize(
    "origins", [[], ["https://www.example.com/"], [ORIGIN, "www.example.com"], ["*"], ["null"], [""]]
)
def test_origins_must_be_origins(channels: Channels, origins: list[str]) -> None:
    """A channel names at least one page's origin, each as a browser writes it."""
    with pytest.raises(OperatorError, match="a page's origin is such as"):
        channels.add(CHANNEL, TENANT, SECRET_KEY, origins)


def test_channels_are_listed_by_id(channels: Channels) -> None:
    """The list is sorted by id, whatever the order they were added in."""
    for channel_id in ("2", "10", "1"):
        channels.add(channel_id, TENANT, SECRET_KEY, [ORIGIN])

    assert [channel.id for channel in channels.list()] == ["1", "10", "2"]


def test_origins_keep_their_order_each_once(channels: Channels) -> None:
    """Origins come back in the order they were given, and one that is given twice counts once."""
    given = [OTHER_ORIGIN, ORIGIN, "https://m.example.com", OTHER_ORIGIN]

    added = channels.add(CHANNEL, TENANT, SECRET_KEY, given)
    assert added.origins == (OTHER_ORIGIN, ORIGIN, "https://m.example.com")
    channels.set_origins(CHANNEL, given[::-1])
    assert channels.require(CHANNEL).origins == (OTHER_ORIGIN, "https://m.example.com", ORIGIN)


def test_longest_origin_is_stored(channels: Channels) -> None:
    """The longest name that DNS allows, with the longest port, fits."""
    origin = f"https://{'a' * 61}.{'b' * 63}.{'c' * 63}.{'d' * 63}:65535"

    assert channels.add(CHANNEL, TENANT, SECRET_KEY, [origin]).origins == (origin,)
    assert len(origin) == MAX_ORIGIN


def test_removed_channel_leaves_no_origin(channels: Channels, channel: Channel) -> None:
    """Neither the channel nor its pages remain, and the same id can be added again."""
    channels.remove(CHANNEL)

    assert not channels.is_page_origin(ORIGIN)
    assert channels.add(CHANNEL, TENANT, SECRET_KEY, [OTHER_ORIGIN]).origins == (OTHER_ORIGIN,)


def test_origins_of_no_channel_are_not_set(channels: Channels) -> None:
    """An unknown channel gets no origins."""
    with pytest.raises(OperatorError, match=f"there is no channel {CHANNEL}"):
        channels.set_origins(CHANNEL, [ORIGIN])

    assert not channels.is_page_origin(ORIGIN)


# The secret key


def test_secret_key_comes_back(channels: Channels, channel: Channel) -> None:
    """What was sealed is opened for signing; the channel itself does not have it."""
    assert channels.secret_key(channel) == SECRET_KEY
    assert SECRET_KEY not in f"{channel!r} {channels.list()!r}"


def test_secret_key_is_not_in_the_row(channels: Channels, channel: Channel, database: Database) -> None:
    """No column has the key, as text or in the bytes of the box."""
    with database.read() as connection:
        row = connection.execute(text("SELECT * FROM channels")).one()

    assert SECRET_KEY not in str(tuple(row))
    assert SECRET_KEY.encode() not in box_of(database, CHANNEL)


def test_secret_key_is_not_in_the_file(channel: Channel, database: Database, tmp_path: Path) -> None:
    """A copy of the embedded database, its log included, does not have the key."""
    written = b"".join(path.read_bytes() for path in tmp_path.glob("validator.db*"))

    # PostgreSQL has no file here; its row is looked at above.
    assert (CHANNEL.encode() in written) is (database.engine.dialect.name == "sqlite")
    assert SECRET_KEY.encode() not in written
    assert SECRET_KEY.encode().hex().encode() not in written


def test_same_key_is_sealed_differently(channels: Channels, channel: Channel, database: Database) -> None:
    """Two channels with one key do not show that they have."""
    channels.add(OTHER_CHANNEL, TENANT, SECRET_KEY, [ORIGIN])

    assert box_of(database, CHANNEL) != box_of(database, OTHER_CHANNEL)


def test_box_opens_in_its_own_row_only(channels: Channels, channel: Channel, database: Database) -> None:
    """A box that somebody copied to another channel is a fault there, not that channel's key."""
    other = channels.add(OTHER_CHANNEL, TENANT, OTHER_KEY, [ORIGIN])
    with database.write() as connection:
        connection.execute(
            update(table).where(table.c.id == OTHER_CHANNEL).values(sealed_secret=box_of(database, CHANNEL))
        )

    with pytest.raises(Fault) as raised:
        channels.secret_key(other)

    assert raised.value.reason is Reason.KEYS_UNAVAILABLE
    assert channels.secret_key(channel) == SECRET_KEY


def test_another_sealing_key_opens_nothing(
    channels: Channels, channel: Channel, encryption: SecretEncryption, tmp_path: Path
) -> None:
    """With another key, or without one, there is a fault and no secret."""
    (tmp_path / "keys" / "sealing.key").unlink()
    with pytest.raises(Fault):
        channels.secret_key(channel)

    encryption.create()
    with pytest.raises(Fault) as raised:
        channels.secret_key(channel)

    assert raised.value.reason is Reason.KEYS_UNAVAILABLE


def test_rotated_key_replaces_the_old_one(channels: Channels, channel: Channel, database: Database) -> None:
    """After a rotation only the new key signs, and the channel is otherwise the same."""
    before = box_of(database, CHANNEL)

    channels.rotate(CHANNEL, OTHER_KEY)

    assert channels.secret_key(channel) == OTHER_KEY
    assert channels.require(CHANNEL) == channel
    assert box_of(database, CHANNEL) != before


def test_another_origin_is_allowed_beside_the_first(channels: Channels, channel: Channel) -> None:
    """A channel's pages can get another address; asking twice is the same as once."""
    for _ in range(2):
        channels.allow(CHANNEL, OTHER_ORIGIN)

    assert channels.require(CHANNEL) == replace(channel, origins=(ORIGIN, OTHER_ORIGIN))


def test_only_an_origin_is_allowed(channels: Channels, channel: Channel) -> None:
    """What is no origin, or of no channel, is refused."""
    with pytest.raises(OperatorError, match="a page's origin is such as"):
        channels.allow(CHANNEL, f"{OTHER_ORIGIN}/page")
    with pytest.raises(OperatorError, match="no channel"):
        channels.allow("nobody", ORIGIN)

    assert channels.require(CHANNEL) == channel


# Who may use it


def test_channel_in_use_is_usable(channel: Channel) -> None:
    """A page of the channel's origin may use it for its tenant."""
    channel.check_usable(TENANT, ORIGIN)


@pytest.mark.parametrize(
    ("tenant", "origin", "reason"),
    [
        (OTHER_TENANT, ORIGIN, Reason.TENANT_NOT_GRANTED),
        ("", ORIGIN, Reason.TENANT_NOT_GRANTED),
        (TENANT, OTHER_ORIGIN, Reason.ORIGIN_DENIED),
        (TENANT, None, Reason.ORIGIN_DENIED),
        (TENANT, "null", Reason.ORIGIN_DENIED),
        (TENANT, ORIGIN.upper(), Reason.ORIGIN_DENIED),
        (TENANT, ORIGIN + ":443", Reason.ORIGIN_DENIED),
        (TENANT, ORIGIN + ".evil.example", Reason.ORIGIN_DENIED),
        (TENANT, ORIGIN.replace("https", "http"), Reason.ORIGIN_DENIED),
        (OTHER_TENANT, None, Reason.TENANT_NOT_GRANTED),
    ],
)
def test_channel_is_of_its_tenant_and_origins_only(
    channel: Channel, tenant: str, origin: str | None, reason: Reason
) -> None:
    """Another tenant, and a page of any other origin, is refused."""
    with pytest.raises(Refusal) as refused:
        channel.check_usable(tenant, origin)

    assert refused.value.reason is reason


def test_disabled_channel_is_refused_until_enabled(channels: Channels, channel: Channel) -> None:
    """A channel that is disabled is refused, and usable again when it is enabled."""
    channels.set_status(CHANNEL, RecordStatus.DISABLED)
    with pytest.raises(Refusal) as refused:
        channels.require(CHANNEL).check_usable(TENANT, ORIGIN)
    assert refused.value.reason is Reason.CHANNEL_DISABLED

    channels.set_status(CHANNEL, RecordStatus.ACTIVE)
    channels.require(CHANNEL).check_usable(TENANT, ORIGIN)


def test_channel_of_a_disabled_tenant_is_refused(
    channels: Channels, channel: Channel, tenants: Tenants
) -> None:
    """With its tenant, every channel of it is out of use."""
    tenants.set_status(TENANT, RecordStatus.DISABLED)

    with pytest.raises(Refusal) as refused:
        channels.require(CHANNEL).check_usable(TENANT, ORIGIN)

    assert refused.value.reason is Reason.TENANT_DISABLED


# Whose page it is


def test_page_origin_is_one_of_a_channel_in_use(channels: Channels, tenants: Tenants) -> None:
    """An origin has pages while any channel in use names it; a disabled channel or tenant does not count."""
    channels.add(CHANNEL, TENANT, SECRET_KEY, [ORIGIN])
    channels.add(OTHER_CHANNEL, OTHER_TENANT, SECRET_KEY, [ORIGIN, OTHER_ORIGIN])
    assert channels.is_page_origin(ORIGIN)
    assert channels.is_page_origin(OTHER_ORIGIN)

    channels.set_status(OTHER_CHANNEL, RecordStatus.DISABLED)
    assert channels.is_page_origin(ORIGIN)
    assert not channels.is_page_origin(OTHER_ORIGIN)

    tenants.set_status(TENANT, RecordStatus.DISABLED)
    assert not channels.is_page_origin(ORIGIN)

    channels.set_status(OTHER_CHANNEL, RecordStatus.ACTIVE)
    assert channels.is_page_origin(ORIGIN)
    tenants.set_status(OTHER_TENANT, RecordStatus.DISABLED)
    assert not channels.is_page_origin(ORIGIN)


@pytest.mark.parametrize("origin", [None, "", "null", "*", "https://www.example.com.evil.example"])
def test_other_origins_have_no_pages(channels: Channels, channel: Channel, origin: str | None) -> None:
    """No origin, and one that is only like a channel's, has none."""
    assert not channels.is_page_origin(origin)


def test_page_origin_is_found_by_an_index(channels: Channels, database: Database) -> None:
    """However many channels there are, no table is read whole to find a page's origin."""
    query = page_query(ORIGIN).compile(database.engine, compile_kwargs={"literal_binds": True})
    is_sqlite = database.engine.dialect.name == "sqlite"

    with database.write() as connection:
        if not is_sqlite:  # which reads an empty table whole while it may
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = connection.execute(text(f"EXPLAIN {'QUERY PLAN ' if is_sqlite else ''}{query}"))
        shown = "\n".join(str(row[-1]) for row in plan)

    assert re.search(r"USING (COVERING )?INDEX \S*origin|Index (Only )?Scan using \S*origin", shown), shown
    assert not re.search(r"\bSCAN\b|Seq Scan", shown), shown


def test_without_channels_no_origin_has_pages(channels: Channels) -> None:
    """Where nothing is configured nobody is let in."""
    assert not channels.is_page_origin(ORIGIN)
