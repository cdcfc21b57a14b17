"""Where the time of one callback goes, in this process and without a network.

    python -m benchmarks.stages [--quick] [--json FILE]

The whole callback, with the default settings and nothing switched off, is called as a worker would call it,
and compared with a bare Flask application with a constant answer, in interleaved rounds. Then each stage is
called by itself with real arguments, one after the other as in a callback, so that it finds the processor's
caches as it does there; the remainder is reported as time between them.
The log goes to /dev/null; the database, the counters and the trail are in a temporary folder. All is on one
core.

The schema cannot be called by itself: it is the parsing of a body, less the reading of its JSON.
"""

import tempfile
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks import inside, reports, rounds
from benchmarks.machine import cores, machine, pinned
from benchmarks.population import Size
from benchmarks.rounds import Act, Timed
from benchmarks.traffic import Question, agents
from validator.audit.events import Event, EventName, Outcome
from validator.callbacks import wire
from validator.callbacks.validation import Verdict, limits_of_good
from validator.endpoints import Endpoint
from validator.exchange import current_exchange
from validator.metrics.instruments import REQUEST_SECONDS, child
from validator.services import Services
from validator.untrusted import read_object
from validator.web import forwarded, middleware
from validator.web.replies import CallbackReplies

SIZE = Size(accounts=1000, revoked=1000)
BARE, WHOLE, IN_TURN, PARSING = "bare Flask", "the whole callback", "the whole in turn", "parsing"
READING, SCHEMA, LOG = "reading the JSON", "schema", "log line"
_QUESTIONS = 1000
ENDPOINT = Endpoint.VALIDATE_AGENT


def main() -> int:
    """Measure, print the tables, and return 0."""
    parser = reports.options("stages", quick="some seconds; the figures are rough")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--calls", type=int, default=200, help="of each stage in each round")
    given = parser.parse_args()
    plan = {"rounds": 3, "calls": 20} if given.quick else {"rounds": given.rounds, "calls": given.calls}
    report = {"machine": machine(), "plan": plan, **figures(measure(plan))}
    reports.write(given.json, report)
    print(tables(report))  # noqa: T201
    return 0


def measure(plan: dict[str, int]) -> dict[str, Timed]:
    """Return the time of each stage in the rounds of *plan*."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, rounds.silenced() as stream:
        services = inside.opened(Path(folder) / "home", SIZE)
        try:
            app = inside.application(services)
            questions = agents(services, SIZE, _QUESTIONS)
            path = services.settings.callbacks.agent_path
            inside.check_answers(app, path, questions[:10])
            bare, whole = (inside.calling(each, path, questions) for each in (inside.bare(path), app))
            with pinned(cores()[-1:]):
                both = {BARE: bare, WHOLE: whole}
                timed = rounds.interleaved(both, told=stream.write, **plan)
                stream.write("the stages\n")
                parts = {**stages(services, questions), IN_TURN: whole}
                return timed | rounds.in_turn(parts, **plan)
        finally:
            services.close()


def stages(services: Services, questions: list[Question]) -> dict[str, Act]:
    """Return what does each stage alone, in the order of a callback."""
    presentations = [wire.parse_agent(question.body) for question in questions]
    policy, server = services.settings.callbacks, services.settings.server
    replies, path, environ = (
        CallbackReplies(always_200=policy.always_200, policy=server),
        policy.agent_path,
        inside.ENVIRON,
    )
    exchange = forwarded.exchange(server, environ)
    return {
        "request's id and source": lambda: current_exchange.set(forwarded.exchange(server, environ)),
        PARSING: over(wire.parse_agent, [question.body for question in questions]),
        READING: over(read_object, [question.body for question in questions]),
        "limits (counters)": over(
            lambda claims: services.rate_limits.hit_all(*limits_of_good(claims)),
            [question.claims for question in questions],
        ),
        "proof of the token": over(
            lambda each: services.verifier.verify(each.presented_token, each.audience), presentations
        ),
        "standing (database)": over(
            services.subject_states.check, [question.claims for question in questions]
        ),
        "entry in the trail": over(services.trail.append, [_verdict(each) for each in questions]),
        "answer and its headers": lambda: replies.verdict(Verdict()).with_headers(
            middleware.headers(exchange)
        ),
        LOG: _log_line(path),
        "time and count of the request": lambda: child(REQUEST_SECONDS, ENDPOINT, "200").observe(0.0004),
    }


def over(act: Callable[[Any], object], arguments: list[Any]) -> Act:
    """Return what does *act* with the next of *arguments*, round and round."""
    following = cycle(arguments)
    return lambda: act(next(following))


def _verdict(question: Question) -> Event:
    claims = question.claims
    subject = claims.subject
    told: dict[str, Any] = {"tenant": subject.tenant, "subject": subject.id, "audience": subject.audience}
    return Event(EventName.VERDICT, Outcome.ACCEPTED, jti=claims.jti, **told)


def _log_line(path: str) -> Act:
    log = middleware.log
    told = {"request_id": "0" * 32, "source": inside.SOURCE, "method": "POST", "path": path}
    return lambda: log.info("request", **told, status=200, milliseconds=0.42)


def figures(timed: dict[str, Timed]) -> dict[str, Any]:
    """Return the figures of the report: of the two applications, of each stage, and of what is between."""
    rows = {name: each.figures() for name, each in timed.items()}
    whole, bare = rows.pop(WHOLE), rows.pop(BARE)
    in_turn, parsing = rows.pop(IN_TURN), rows.pop(PARSING)
    schema = {SCHEMA: _less(parsing, rows[READING])}
    table = dict(
        item for row in rows.items() for item in (row, *(schema.items() if row[0] == READING else ()))
    )
    table["between the stages"] = _less(in_turn, *table.values())
    table[WHOLE] = in_turn
    ratio = timed[WHOLE].ratio(timed[BARE])
    return {
        "applications": {BARE: bare, WHOLE: whole},
        "stages": table,
        "ratio": {"median": round(ratio, 2), "least": round(whole["least"] / bare["least"], 2)},
    }


def _less(whole: dict[str, float], *parts: dict[str, float]) -> dict[str, float]:
    return {key: round(whole[key] - sum(part.get(key, 0) for part in parts), 2) for key in whole}


def tables(report: dict[str, Any]) -> str:
    """Return the report in Markdown, times in microseconds."""
    applications, stages, ratio = report["applications"], report["stages"], report["ratio"]
    whole = stages[WHOLE]["median"]
    rows = [
        [name, f"{each['median']:.0f}", f"{each['least']:.0f}", f"{each['median'] / whole:.0%}"]
        for name, each in stages.items()
    ]
    return (
        reports.markdown(["stage", "µs, median", "µs, least", "share"], rows)
        + f"\n\nThe whole callback takes {applications[WHOLE]['median']:.0f} µs, bare Flask"
        f" {applications[BARE]['median']:.0f} µs: {ratio['median']} times as long (of the least times"
        f" {ratio['least']})."
    )


if __name__ == "__main__":
    raise SystemExit(main())
