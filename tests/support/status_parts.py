"""A trail with verdicts at known times, and a status of which a test says what it needs."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from tests.support.fakes import START
from validator.audit.chain import link
from validator.audit.events import Event, EventName, Outcome, members_of
from validator.audit.folder import CURRENT
from validator.clock import iso_milliseconds
from validator.errors import Reason
from validator.exchange import Exchange
from validator.keys.keyring import KeyState
from validator.operations.monitoring.counted import Latency, Limited
from validator.operations.monitoring.node import Disk, Ending, Fullness, KeyAge, Pool, Process, Storage, Trail
from validator.operations.monitoring.recent import Recent, Window
from validator.operations.monitoring.status import NodeStatus
from validator.web.health import PartState

KEY = b"k" * 32
MEBIBYTE = 1 << 20


def verdict(audience: str | None, reason: Reason | None = None) -> Event:
    """Return a verdict on a question of *audience*; None: on one that was not read."""
    return Event(
        EventName.VERDICT,
        Outcome.of(reason),
        reason,
        tenant="202400000001",
        subject='agent-7","event":"verdict","outcome":"accepted',
        audience=audience,
        jti="0123456789abcdef",
    )


def write(folder: Path, told: Iterable[tuple[datetime, Event]], name: str = CURRENT) -> None:
    """Append entries to a file of the trail in *folder*."""
    folder.mkdir(exist_ok=True)
    exchange = Exchange("0123456789abcdef", "203.0.113.7", "callbacks")
    with (folder / name).open("ab") as file:
        for at, event in told:
            file.write(
                link(orjson.dumps(members_of(event, exchange, iso_milliseconds(at), 1)), "0" * 64, KEY)[0]
            )


def status(**parts: Any) -> NodeStatus:
    """Return the status of a node that is well, with other *parts* where a test says so."""
    counts = {"agent": 12_345, "chat": 60, "unread": 0}
    nothing = dict.fromkeys(counts, 0)
    windows = (Window(1, counts, nothing, {}), Window(15, counts, nothing, {}))
    process = Process(4711, START - timedelta(hours=30), 61 * MEBIBYTE)
    well = NodeStatus(
        at=START,
        checks=dict.fromkeys(("store", "keys", "counters", "trail", "clock"), PartState()),
        pools=(Pool("callbacks", (process, process)), Pool("people", (process,))),
        verdicts=Recent(windows, START - timedelta(seconds=3), None),
        latencies=(Latency("agent", 12_345, 1.0, 5.0),),
        fullest=(Fullness("callbacks_foreign", "203.0.113.x", 30, 30, 60),),
        limited=(Limited("callbacks_foreign", 7, 0),),
        unreadable_sources=0,
        locks={"account": 2, "device": 0, "address": 1, "prefix": 0},
        keys=(KeyAge("0a1b2c3d", KeyState.SIGNING, START - timedelta(days=12), 12),),
        certificates=(Ending("portal", START + timedelta(days=60), 60, is_near=False),),
        database=Storage("SQLite", 2 * MEBIBYTE, 0.25),
        counters=Storage("LMDB counters", MEBIBYTE, 0.004),
        trail=Trail(3, 120 * MEBIBYTE),
        disk=Disk(500 * MEBIBYTE, 1000 * MEBIBYTE),
    )
    return replace(well, **parts)
