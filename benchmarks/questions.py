"""What each contender is asked: about tokens that are good, and once about one that is not."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks import enterprise, wrk
from benchmarks.load import ask, post
from benchmarks.servers import Server

_OURS = "ours.requests"
_WRITTEN = "questions.json"  # by a peer: path, headers, bodies, forged, right


@dataclass(frozen=True)
class Questions:
    """Questions about good tokens, and one about a forged one; *right* is in every right answer."""

    good: list[bytes]
    forged: bytes | None  # None: the contender says the same to everybody
    right: bytes
    file: Path  # the good ones, for wrk

    def is_right(self, answer: bytes) -> bool:
        """Return whether *answer* says that a token is good."""
        return answer.startswith(b"HTTP/1.1 200") and self.right in answer

    def check(self, server: Server) -> None:
        """Raise RuntimeError unless *server* accepts a valid token and refuses a forged one."""
        answer = ask(server.address, self.good[0])
        if not self.is_right(answer):
            raise RuntimeError(f"refuses a good token: {answer!r}")
        if self.forged and self.is_right(ask(server.address, self.forged)):
            raise RuntimeError("takes a forged token for a good one")


def of_ours(good: list[bytes], folder: Path, *, is_constant: bool) -> Questions:
    """Return the cloud's questions, for the validator or for who answers a constant."""
    file = folder / _OURS
    wrk.write_requests(file, good)
    return Questions(good, None if is_constant else _forge(good[0]), enterprise.RIGHT, file)


def of_peer(state: Path) -> Questions:
    """Return the requests that a peer wrote into its folder *state*."""
    told = orjson.loads((state / _WRITTEN).read_bytes())
    good = [_post(told["path"], told["headers"], body) for body in told["bodies"]]
    file = state / "requests"
    wrk.write_requests(file, good)
    return Questions(good, _post(told["path"], told["headers"], told["forged"]), told["right"].encode(), file)


def _post(path: str, headers: Mapping[str, str], body: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", *(f"{name}: {headers[name]}" for name in headers)]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


def _forge(question: bytes) -> bytes:
    """Return *question* with another signature of its token."""
    body = orjson.loads(question.partition(b"\r\n\r\n")[2])
    token = body["access_token"]
    body["access_token"] = token[:-5] + ("A" if token[-5] != "A" else "B") + token[-4:]
    return post(enterprise.AGENT_PATH, body, X_Forwarded_For="203.0.113.1")
