"""What each contender is asked: about 10,000 tokens and more, of which 5 % have to be refused."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import orjson

from benchmarks import traffic, wrk
from benchmarks.enterprise import AGENT_PATH, RIGHT
from benchmarks.load import ask, post, source
from benchmarks.population import Size
from benchmarks.servers import Server
from benchmarks.steady import Asked
from benchmarks.traffic import Question
from validator.services import Services

SIZE = Size(accounts=40_000, revoked=10_000)
NUMBER = 40_000  # of different questions: a refused token comes back too seldom to reach its limit
REFUSED_SHARE = 0.05
_EVERY = round(1 / REFUSED_SHARE)
_SOURCES = 256  # the cloud's; the limit on forged tokens is one on their source, and none reaches it
_WRITTEN = "questions.json"  # by a peer: path, headers, bodies, refused (by kind), right, refusal


@dataclass(frozen=True)
class Questions:
    """Requests in the order in which they are sent, each with its right response, and one of each kind."""

    asked: Sequence[Asked]
    kinds: Mapping[str, Asked]
    file: Path  # the same, for wrk

    def check(self, server: Server) -> None:
        """Raise RuntimeError unless *server* gives the right response to one request of each kind."""
        for kind, asked in self.kinds.items():
            answer = ask(server.address, asked.request)
            if not answer.startswith(b"HTTP/1.1 200") or asked.expected not in answer:
                raise RuntimeError(f"wrong about a {kind} token: {answer!r}")


def of_ours(services: Services, folder: Path) -> Questions:
    """Return the cloud's questions about the tokens of *services*, which has the population of `SIZE`."""
    refused = NUMBER // _EVERY // len(traffic.REFUSED)
    good = traffic.agents(services, SIZE, NUMBER - refused * len(traffic.REFUSED))
    bad = {kind: make(services, SIZE, refused) for kind, make in traffic.REFUSED.items()}
    sources = _sources()

    def asked(question: Question) -> Asked:
        request = post(AGENT_PATH, orjson.loads(question.body), X_Forwarded_For=next(sources))
        return Asked(request, b'"retCode":%d,' % question.code)

    return _mixed(
        [asked(each) for each in good],
        {kind: [asked(each) for each in questions] for kind, questions in bad.items()},
        folder / "requests",
    )


def of_constant(ours: Questions, folder: Path) -> Questions:
    """Return the requests of *ours* for a server that gives one response to all."""
    return _mixed([Asked(each.request, RIGHT) for each in ours.asked], {}, folder / "requests")


def of_peer(state: Path) -> Questions:
    """Return the requests that a peer wrote into its folder *state*."""
    told = orjson.loads((state / _WRITTEN).read_bytes())
    sources = _sources()

    def asked(body: str, expected: str) -> Asked:
        headers = told["headers"] | {"X-Forwarded-For": next(sources)}
        return Asked(_post(told["path"], headers, body), expected.encode())

    refused = {
        kind: [asked(body, told["refusal"]) for body in bodies] for kind, bodies in told["refused"].items()
    }
    return _mixed([asked(body, told["right"]) for body in told["bodies"]], refused, state / "requests")


def _sources() -> Iterator[str]:
    return cycle([source(number) for number in range(_SOURCES)])


def _mixed(good: Sequence[Asked], refused: Mapping[str, Sequence[Asked]], file: Path) -> Questions:
    """Put one refused question, of each kind in turn, after 19 good ones; the first one is good."""
    kinds = cycle([iter(cycle(questions)) for questions in refused.values()])
    asked: list[Asked] = []
    for each in good:
        asked.append(each)
        if refused and len(asked) % _EVERY == _EVERY - 1:
            asked.append(next(next(kinds)))
    wrk.write_requests(file, asked)
    return Questions(
        asked, {"good": good[0], **{kind: questions[0] for kind, questions in refused.items()}}, file
    )


def _post(path: str, headers: Mapping[str, str], body: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", *(f"{name}: {headers[name]}" for name in headers)]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()
