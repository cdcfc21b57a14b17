"""A status as text for people, 80 columns wide and two dozen lines long, and as an object for programs.

A line that begins with "!" shows a problem that stops the node's work. Lists are shortened to what fits; the
object has them complete.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, TypeVar

from validator.callcentre.condition import Summary as CallRecords
from validator.clock import iso_milliseconds
from validator.operations.monitoring.counted import Latency, Limited
from validator.operations.monitoring.node import Disk, Ending, Fullness, KeyAge, Pool, Storage, Trail
from validator.operations.monitoring.recent import Recent, Window
from validator.operations.monitoring.status import NodeStatus, Unavailable
from validator.operations.monitoring.wording import age, folded, mebibytes, shortened, some, time_of_day
from validator.web.health import PartState, State
from validator.webhooks.messages import Summary

_NAME_WIDTH = 14
_MAX_FULL = 4
_MAX_REASONS = 4
_MAX_KEYS = 4
_MAX_LIMITED = 3
_MAX_SIZES = 4
_NEAR = 0.5  # of a limit; a key below is not shown

Part = TypeVar("Part")


def to_object(status: NodeStatus) -> dict[str, Any]:
    """Return *status* as an object, with its readiness, problems and notices."""
    summary = {"ready": not status.problems, "problems": status.problems, "notices": status.notices}
    checks = {part: str(found) for part, found in status.checks.items()}
    return {**summary, **asdict(status), "checks": checks}


def lines(status: NodeStatus) -> list[str]:
    """Return the lines of the screen."""
    rows = (
        _row("can answer", status.checks, _checks),
        _row("workers", status.pools, lambda pools: _pools(pools, status.at)),
        _row("verdicts", status.verdicts, _verdicts),
        _row("latency", status.latencies, _latencies),
        _row("nearest limit", status.fullest, _fullest),
        _row("limited", status.limited, _limited),
        _row("sources", status.unreadable_sources, _sources),
        _row("locked now", status.locks, _locks),
        _row("keys", status.keys, _keys),
        _row("certificates", status.certificates, _certificates),
        _row("database", status.database, _storage),
        _row("counters", status.counters, _storage),
        _row("trail", status.trail, lambda trail: _trail(trail, status)),
        _row("disk", status.disk, _disk),
        _row("call records", status.call_records, lambda found: _call_records(found, status.at)),
        _row("webhooks", status.webhooks, lambda webhooks: _webhooks(webhooks, status.at)),
        [_line("notice" if number == 0 else "", words) for number, words in enumerate(status.notices)],
    )
    return [_head(status), "", *chain.from_iterable(rows)]


def _head(status: NodeStatus) -> str:
    word = "! validator is NOT READY" if status.problems else "  validator is ready"
    return f"{word:<40}{iso_milliseconds(status.at)}"


def _row(name: str, part: Part | Unavailable, shown: Callable[[Part], Iterable[str]]) -> Iterator[str]:
    """Yield the lines of a part, the first with its name; a problem begins with "!"."""
    texts = (f"!{part.unavailable}",) if isinstance(part, Unavailable) else shown(part)
    for number, text in enumerate(texts):
        yield _line("" if number else name, text)


def _line(name: str, text: str) -> str:
    mark, words = ("!", text[1:]) if text.startswith("!") else (" ", text)
    return f"{mark} {name:<{_NAME_WIDTH}}{words}"


def _checks(checks: Mapping[str, PartState]) -> Iterator[str]:
    """Yield the parts by their state, the worst first; a degraded part is not a problem."""
    by_state = {state: [part for part, found in checks.items() if found.state is state] for state in State}
    yield from (f"!{part}: {checks[part].told}" for part in by_state[State.UNAVAILABLE])
    yield from (f"{part}: {checks[part].told}" for part in by_state[State.DEGRADED])
    if by_state[State.OK]:
        yield f"ok: {', '.join(by_state[State.OK])}"


def _pools(pools: tuple[Pool, ...], at: datetime) -> Iterator[str]:
    if not pools:
        yield "!none is alive: no request is served"
    for pool in pools:
        began = [process.began for process in pool.workers]
        oldest, newest = age(at - min(began)), age(at - max(began))
        lasting = f"alive for {oldest}" + ("" if newest == oldest else f", the newest {newest}")
        yield f"{pool.role:<10}{len(began):>3} {lasting}; MiB: {_sizes(pool)}"


def _sizes(pool: Pool) -> str:
    """Return the resident memory of each worker, or for many that of the smallest and the largest."""
    if len(pool.workers) <= _MAX_SIZES:
        return " ".join(mebibytes(process.resident) for process in pool.workers)
    known = [process.resident for process in pool.workers if process.resident is not None]
    return f"{mebibytes(min(known))} to {mebibytes(max(known))}" if known else "?"


def _verdicts(verdicts: Recent) -> Iterator[str]:
    heads = [f"{f'{window.minutes} min: accepted':>18}{'refused':>9}" for window in verdicts.windows]
    yield f"{'':<8}{''.join(heads)}"
    for callback in verdicts.windows[0].accepted:
        yield f"{callback:<8}{''.join(_counts(window, callback) for window in verdicts.windows)}"
    longest = verdicts.windows[-1]
    reasons = [f"{name} {count:,}" for name, count in longest.reasons.items()]
    if reasons:
        yield from folded("refused for ", shortened(reasons, _MAX_REASONS, "reasons"))
    if verdicts.known_since is not None:
        yield f"(only since {time_of_day(verdicts.known_since)}: the trail before is not read)"


def _counts(window: Window, callback: str) -> str:
    return f"{window.accepted[callback]:>18,}{window.refused[callback]:>9,}"


def _latencies(latencies: tuple[Latency, ...]) -> Iterator[str]:
    for each in latencies:
        bounds = f"p50 {_bound(each.p50)}, p99 {_bound(each.p99)}"
        yield f"{each.callback:<8}{bounds} in {each.answers:,} answers"
    if not latencies:
        yield "no callback was called yet"


def _fullest(keys: tuple[Fullness, ...] | None) -> Iterator[str]:
    if keys is None:
        yield "not listed: with Redis that would be a scan of all of its keys"
        return
    near = [each for each in keys if each.counted >= _NEAR * each.amount]
    for each in near[:_MAX_FULL]:
        period = age(timedelta(seconds=each.period_seconds))
        yield f"{each.limit:<19} {each.key:<18} {each.counted}/{each.amount} in {period}"
    if not near:
        yield "none is half used up"


def _limited(limits: tuple[Limited, ...]) -> Iterator[str]:
    counts = [f"{each.limit} {_limited_counts(each)}" for each in limits]
    yield from folded("", shortened(counts, _MAX_LIMITED, "limits") or ["no limit was reached"])


def _sources(unreadable: int) -> Iterator[str]:
    if unreadable:
        yield f"{unreadable:,} requests without a readable address"


def _limited_counts(each: Limited) -> str:
    shadow = f"{each.shadow:,} in shadow" if each.shadow else ""
    return " and ".join(filter(None, [f"{each.refused:,}" if each.refused else "", shadow]))


def _locks(locks: Mapping[str, int]) -> Iterator[str]:
    counts = {"account": locks["account"], "device": locks["device"]}
    counts["source"] = locks["address"] + locks["prefix"]
    yield ", ".join(some(count, kind, f"{kind}s") for kind, count in counts.items())


def _keys(keys: tuple[KeyAge, ...]) -> Iterator[str]:
    ages = [f"{key.state} {key.id} ({key.days} d)" for key in reversed(keys)]
    yield from folded("", shortened(ages, _MAX_KEYS, "keys"))


def _certificates(endings: tuple[Ending, ...]) -> Iterator[str]:
    for ending in endings:
        if ending.days_left < 0:
            yield f"!{ending.server}: ended {iso_milliseconds(ending.ends_at)[:10]}"
        else:
            yield f"{ending.server}: {ending.days_left} days left"
    if not endings:
        yield "none in [proxy]"


def _storage(storage: Storage) -> Iterator[str]:
    size = "" if storage.size is None else f", {mebibytes(storage.size)} MiB"
    time = storage.answer_milliseconds
    yield f"{storage.kind}{size}, " + ("no answer" if time is None else f"one answer in {time:.3f} ms")


def _trail(trail: Trail, status: NodeStatus) -> Iterator[str]:
    last = status.verdicts.last if isinstance(status.verdicts, Recent) else None
    ago = "no entry" if last is None else f"the last entry {age(status.at - last)} ago"
    yield f"{some(trail.files, 'file', 'files')}, {mebibytes(trail.size)} MiB, {ago}"


def _disk(disk: Disk) -> Iterator[str]:
    share = disk.free / disk.size if disk.size else 0
    yield f"{mebibytes(disk.free)} of {mebibytes(disk.size)} MiB free ({share:.0%})"


def _call_records(found: CallRecords | None, at: datetime) -> Iterator[str]:
    if found is None:
        return
    last = "none yet" if found.last is None else f"the last {age(at - found.last)} ago"
    yield f"{found.recent:,} in 24 h, {last}; {found.unreadable:,} unreadable, {found.missing:,} missing"


def _webhooks(webhooks: Summary | None, at: datetime) -> Iterator[str]:
    if webhooks is None:
        return
    oldest = "" if webhooks.oldest is None else f", the oldest for {age(at - webhooks.oldest)}"
    yield f"{webhooks.waiting:,} wait{oldest}; {some(webhooks.dead, 'dead letter', 'dead letters')}"


def _bound(milliseconds: float | None) -> str:
    return "unbounded" if milliseconds is None else f"≤ {milliseconds:g} ms"
