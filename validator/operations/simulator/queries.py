"""Asks the enterprise who is calling, as the cloud does: the route, and a step of a scenario at it."""

import tomllib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import cast

import orjson

from validator.clock import stopwatch
from validator.errors import ConfigurationError
from validator.files import read_private, text_of
from validator.operations.http_client import NoResponse, Response, basic, send, written
from validator.operations.simulator.asking import Got, together
from validator.operations.simulator.customeranswers import CustomerReply, read_answer
from validator.operations.simulator.scenario import NUMBERS, Step
from validator.operations.simulator.target import Skipped, Target
from validator.routeguard import PATH, PROOFS, newest_secrets

_JSON = "application/json; charset=UTF-8"
_WRONG_SECRET = "0123456789-is-the-secret-of-no-route"  # noqa: S105
_EXAMPLES = {"masked": "152****1028", "withheld": "anonymous"}
_TIMEOUT = timedelta(seconds=5)
_FOUND = {"none": range(1), "one": range(1, 2), "several": range(2, 100)}
_OK, _BUSY = 200, 503
_REFUSED, _MALFORMED = (401, 403), (200, 400, 405, 413)  # 200: where every response has it


@dataclass(frozen=True, slots=True)
class QuerySide:
    """The enterprise's route: its path, the proof (`PROOFS`), the secret, and numbers by `NUMBERS`."""

    tenant: str
    path: str
    proof: str
    secret: str = field(repr=False)
    numbers: Mapping[str, str] = field(repr=False)

    def place(self, secret: str) -> tuple[str, dict[str, str]]:
        """Return the path and the headers of a request with *secret*."""
        headers = {"Content-Type": _JSON, "Connection": "keep-alive"}
        if self.proof == PATH:
            return f"{self.path}/{secret}", headers
        return self.path, {**headers, **basic(self.tenant, secret)}

    def query(self, target: Target, number: str) -> CustomerReply:
        """Return the response of *target* to the query for *number*; raises NoResponse."""
        path, headers = self.place(self.secret)
        body = _body(number)
        pieces = written(target.place, target.prefix + path, body, {**headers, "Connection": "close"})
        return read_answer(send(target.place, pieces, give_up_after=target.timeout(_TIMEOUT)))


@dataclass(frozen=True, slots=True)
class Queries:
    """The cloud that asks one enterprise who is calling; *side* is None where no route is known."""

    target: Target
    side: QuerySide | None = None

    def ask(self, step: Step) -> Got:
        """Return the result of *step*; raises Skipped."""
        if self.side is None:
            raise Skipped("no route of queryCustomer is known: give --query")
        if step.number not in self.side.numbers and step.body is None:
            raise Skipped(f"no number is known: give one under numbers.{step.number} in the file of --query")
        try:
            answers = list(self._answers(self.side, step))
        except NoResponse as error:
            return Got(is_expected=False, words=str(error), milliseconds=0)
        return together([_judged(step, answer) for answer in answers])

    def _answers(self, side: QuerySide, step: Step) -> Iterator[Response]:
        """Yield the responses: over one connection, or each over another, as many at once as *step* has."""
        path, headers = side.place(side.secret if step.secret == "right" else _WRONG_SECRET)  # noqa: S105
        body = step.body.encode() if step.body is not None else _body(side.numbers[step.number])
        exchange = _Exchange(self.target, step, self.target.prefix + path, headers, body)
        if step.reuse:
            yield from exchange.over_one_connection()
            return
        with ThreadPoolExecutor(step.at_once) as pool:
            for _ in range(step.times):
                yield from pool.map(lambda _: exchange.alone(), range(step.at_once))


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A request that is sent again and again."""

    target: Target
    step: Step
    path: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def alone(self) -> Response:
        """Return the response over a dedicated connection; raises NoResponse."""
        headers = {**self.headers, "Connection": "close"}
        pieces = written(self.target.place, self.path, self.body, headers, method=self.step.method)
        return send(self.target.place, pieces, give_up_after=self.target.timeout(self.step.within))

    def over_one_connection(self) -> Iterator[Response]:
        """Yield the responses over one connection, which the server must leave open; raises NoResponse."""
        place, seconds = self.target.place, self.target.timeout(self.step.within).total_seconds()
        connection: HTTPConnection = HTTPConnection(place.host, place.port, timeout=seconds)
        if place.tls is not None:
            connection = HTTPSConnection(place.host, place.port, timeout=seconds, context=place.tls)
        try:
            for number in range(self.step.times):
                yield self._again(connection, is_last=number == self.step.times - 1)
        except (OSError, HTTPException) as error:
            raise NoResponse(f"the connection was lost ({type(error).__name__})") from None
        finally:
            connection.close()

    def _again(self, connection: HTTPConnection, *, is_last: bool) -> Response:
        began = stopwatch()
        connection.request(self.step.method, self.path, self.body, dict(self.headers))
        answer: HTTPResponse = connection.getresponse()
        body = answer.read()
        if answer.will_close and not is_last:
            raise NoResponse("the server closes the connection, which is to be used again")
        headers = {name.lower(): text for name, text in answer.getheaders()}
        return Response(answer.status, headers, body, stopwatch() - began)


def _body(number: str) -> bytes:
    return orjson.dumps({"param": number})


def _judged(step: Step, answer: Response) -> Got:
    reply = read_answer(answer)
    words = reply.problem or f"{len(reply.cards)} found"
    is_expected = reply.problem is None and _fits(step.expect, answer, len(reply.cards))
    milliseconds = round(answer.seconds * 1000)
    if milliseconds > step.within.total_seconds() * 1000:
        is_expected, words = False, f"{words}, too late"
    return Got(is_expected, f"{answer.status} {words}", milliseconds)


def _fits(expect: str, answer: Response, found: int) -> bool:
    is_challenge = "www-authenticate" in answer.headers
    if expect == "answered":  # also by "not known now", which a bulkhead says in a burst
        return (answer.status == _BUSY and found == 0) or (answer.status == _OK and not is_challenge)
    if expect == "refused":
        return found == 0 and (answer.status in _REFUSED or is_challenge)
    if expect == "malformed":
        return found == 0 and answer.status in _MALFORMED and not is_challenge
    return answer.status == _OK and found in _FOUND[expect] and not is_challenge


def load(path: Path) -> QuerySide:
    """Return the route that the file *path* (TOML) describes.

    It has `tenant`, `path`, `secrets_file` (like `query_customer.secrets_file`), optionally `proof`, and a
    table `numbers` with the numbers that scenarios ask for, by `NUMBERS`. Raises ConfigurationError.
    """
    try:
        content = tomllib.loads(text_of(path.read_bytes()))
        tenant, route, file = (cast("str", content[name]) for name in ("tenant", "path", "secrets_file"))
        secrets_file = path.parent / file
        secrets = newest_secrets(text_of(read_private(secrets_file, (secrets_file.stat().st_uid,))))
        numbers, proof = content.get("numbers", {}), content.get("proof", PATH)
        known = {"tenant", "path", "secrets_file", "proof", "numbers"}
        is_right = proof in PROOFS and route.startswith("/") and not content.keys() - known
        if not is_right or numbers.keys() - set(NUMBERS):
            raise ValueError(f"it has {', '.join(sorted(known))}; numbers has {', '.join(NUMBERS)}")
        texts = {name: str(number) for name, number in numbers.items()}
        return QuerySide(tenant, route.rstrip("/"), proof, secrets[tenant], _EXAMPLES | texts)
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        words = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ConfigurationError([f"{path}: cannot be used: {words}"]) from None
