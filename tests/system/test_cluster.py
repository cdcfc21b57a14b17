"""Two nodes of one enterprise are one: what happens on one of them holds on the other."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import orjson
import psycopg
import pytest

from tests.conftest import require_package
from tests.support import redis_server
from tests.support.command_line import PASSWORD, TENANT, CommandLine
from tests.support.parallel_guessers import CROWD, FREE, variables
from tests.support.postgres import PostgresServer
from tests.support.two_nodes import (
    ACCEPTED,
    AMOUNT,
    REFUSED,
    WAYS,
    Node,
    Pair,
    both_serving,
    count_admitted,
    count_passed,
    ending,
    found,
    guest_from,
    hand_over,
    log_in_at_once,
    new_client,
    new_subject,
    rotate,
    running_cluster,
    signature_for,
    traffic,
)
from validator.keys.keyring import FILE as KEYRING

SOON = 1.0  # seconds


@pytest.fixture(scope="module")
def nodes(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Yield two running nodes, which tests share, each with its own subjects."""
    require_package(redis_server.DEBIAN_PACKAGE, found=redis_server.is_installed())
    name = f"cluster_{uuid4().hex}"
    with running_cluster(tmp_path_factory.mktemp("cluster"), postgres_server, name) as running:
        yield running
    postgres_server.drop(name)


@pytest.fixture
def uncontrolled(nodes: Pair, tmp_path: Path) -> Iterator[Pair]:
    """Yield two more nodes of the same cluster that count each for itself, and without the lockout."""
    changed = {"limits.storage": "", "lockout.enabled": "false"}
    for node in nodes:
        shutil.copytree(node.home, tmp_path / node.home.name)
    first, second = (Node(tmp_path / node.home.name, {**node.settings, **changed}) for node in nodes)
    with both_serving((first, second)) as running:
        yield running


def test_token_of_one_node_is_good_on_the_other(nodes: Pair) -> None:
    """A token that was issued on one node is accepted by the other, in both directions."""
    for giver, taker in (nodes, nodes[::-1]):
        assert taker.code_of(giver.new_question("agent-of-nobody")) == ACCEPTED


def test_token_of_other_keys_is_not_good(nodes: Pair, tmp_path: Path) -> None:
    """A node that was not given the keys issues what the others refuse, though it has the same database."""
    stranger = Node(tmp_path / "stranger", nodes[0].settings)
    stranger.did("init")

    question = stranger.new_question("agent-of-nobody")

    assert [node.code_of(question) for node in nodes] == [REFUSED, REFUSED]


def test_session_of_one_node_is_good_on_the_other(nodes: Pair) -> None:
    """Who logged in on one node is known on the other, gets a token there, and logs out of both."""
    first, second = nodes
    subject = new_subject(first, "session")
    entered = first.ask("POST", "/api/v1/login", json={"account": subject.login, "password": PASSWORD})
    session = {"Cookie": entered.headers["Set-Cookie"].partition(";")[0]}

    known = second.ask("GET", "/api/v1/session", headers=session)
    issued = second.ask("POST", "/api/v1/tokens/agent", headers=session, json={})
    second.ask("POST", "/api/v1/logout", headers=session)
    afterwards = [node.ask("GET", "/api/v1/session", headers=session).status_code for node in nodes]

    assert known.json()["account"] == subject.login
    assert first.code_of(issued.json()) == ACCEPTED
    assert afterwards == [401, 401]


def test_logins_of_one_person_at_once_do_not_stand_in_each_others_way(nodes: Pair) -> None:
    """Somebody who logs in five times at once over both nodes, from one address, gets in every time."""
    subject = new_subject(nodes[0], "hasty")
    statuses: Counter[int] = Counter()

    for number in range(10):
        statuses.update(log_in_at_once(nodes, subject.login, f"127.46.0.{number + 1}", FREE))

    assert statuses == {200: 10 * FREE}


@pytest.mark.timed
@pytest.mark.parametrize("way", WAYS)
def test_token_ended_on_one_node_is_refused_on_the_other(nodes: Pair, way: str) -> None:
    """Whatever ends a token on one node, the other refuses it within a second of the acknowledgement."""
    seen = ending(nodes, way, new_subject(nodes[0], way.replace(" ", "-")))

    assert seen.before == {ACCEPTED}
    assert seen.after <= {ACCEPTED, REFUSED}
    assert seen.accepted_for < SOON


def test_keys_are_rotated_without_a_failed_request(nodes: Pair) -> None:
    """Staged, handed over, rotated, handed over: tokens of both nodes stay good on both all the time."""
    before = nodes[0].new_question("agent-of-nobody")
    old = signing_key(nodes[0])

    with traffic(nodes, new_client(nodes[0])) as outcomes:
        rotate(nodes, outcomes)

    assert set(outcomes) == {"200 0"}
    assert signing_key(nodes[0]) == signing_key(nodes[1]) != old
    assert [node.code_of(before) for node in nodes] == [ACCEPTED, ACCEPTED]


def test_keys_rotated_without_staging_fail_until_handed_over(nodes: Pair) -> None:
    """Without staging, the other node refuses the new key's tokens until it has the file."""
    first, second = nodes
    first.did("keys", "rotate")

    question = first.new_question("agent-of-nobody")
    at_once = second.code_of(question)
    hand_over(KEYRING, first, second)

    assert (at_once, second.code_of(question)) == (REFUSED, ACCEPTED)


def test_destroyed_key_ends_its_tokens_on_both_nodes(nodes: Pair) -> None:
    """A key that is revoked and handed over is trusted by no node, from the next request on."""
    first, second = nodes
    old, question = signing_key(first), first.new_question("agent-of-nobody")
    first.did("keys", "rotate")
    hand_over(KEYRING, first, second)
    before = [node.code_of(question) for node in nodes]

    first.did("keys", "revoke", old)
    hand_over(KEYRING, first, second)

    assert before == [ACCEPTED, ACCEPTED]
    assert [node.code_of(question) for node in nodes] == [REFUSED, REFUSED]


def test_limits_at_the_door_hold_over_both_nodes(nodes: Pair) -> None:
    """Of requests spread over both nodes, many at once, exactly as many pass as on one node alone."""
    one_more = count_passed(nodes, guest_from("127.42.0.1"), AMOUNT + 1)
    many_more = count_passed(nodes, guest_from("127.42.0.2"), 4 * AMOUNT)

    assert (one_more, many_more) == (AMOUNT, AMOUNT)


def test_limits_of_a_guest_hold_over_both_nodes(nodes: Pair) -> None:
    """A guest whom one node greeted gets signatures from both, exactly as many as from one."""
    one_more = count_passed(nodes, signature_for(nodes[0], "127.43.0.1"), AMOUNT + 1)
    many_more = count_passed(nodes, signature_for(nodes[1], "127.43.1.1"), 4 * AMOUNT)

    assert (one_more, many_more) == (AMOUNT, AMOUNT)


def test_lockout_holds_over_both_nodes(nodes: Pair) -> None:
    """Of 128 guesses at once over two nodes, each from another address, five reach the password: always."""
    counts = [count_admitted(nodes, f"nobody-{number}", f"127.44.{number}.1") for number in range(3)]

    assert counts == [FREE] * 3


def test_nodes_that_count_for_themselves_let_twice_as_much_through(uncontrolled: Pair) -> None:
    """With a counter file on each node the same requests pass twice; without the lockout every guess does."""
    guests = count_passed(uncontrolled, guest_from("127.45.0.1"), 4 * AMOUNT)
    guesses = count_admitted(uncontrolled, "nobody-at-all", "127.45.1.1")

    assert guests == 2 * AMOUNT
    assert guesses == CROWD


def test_each_node_has_a_whole_trail_of_its_own(nodes: Pair) -> None:
    """Each node chains its own trail with its own key, and both are whole after everything above."""
    told = [orjson.loads(node.did("audit", "verify", "--json")) for node in nodes]
    keys = {(node.home / "keys" / "audit.key").read_bytes() for node in nodes}

    assert [each["problems"] for each in told] == [[], []]
    assert len(keys) == 2


def test_restored_database_is_noticed_by_both_nodes(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """An older copy of the database stops every node that saw the newer one, until the operator takes it."""
    database, older = f"new_{uuid4().hex}", f"old_{uuid4().hex}"
    nodes = found(tmp_path, {"database.url": postgres_server.create(database)})
    copy(postgres_server, database, older)
    nodes[0].did("tenants", "disable", TENANT)
    seen = [is_ready(node) for node in nodes]
    restored = [Node(node.home, {"database.url": postgres_server.url(older)}) for node in nodes]

    before = [is_ready(node) for node in restored]
    restored[0].did("db", "accept-restore")
    after = [is_ready(node) for node in restored]

    assert seen == [True, True]
    assert before == [False, False]
    assert after == [True, True]


def signing_key(node: Node) -> str:
    """Return the id of the key that *node* signs with."""
    keys = orjson.loads(node.did("keys", "list", "--json"))
    return next(str(key["id"]) for key in keys if key["state"] == "signing")


def is_ready(node: Node) -> bool:
    """Return whether `check` finds everything in place on *node*."""
    return CommandLine(node.home)("check", variables=variables(node.settings)).code == 0


def copy(server: PostgresServer, database: str, name: str) -> None:
    """Make *name* a copy of *database*, as a backup that is restored is one."""
    where = f"host={server.socket_folder} user=postgres dbname=postgres"
    with psycopg.connect(where, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{database}"'.encode())
