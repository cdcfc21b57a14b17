"""Has a caller verified, as an IVR flow of the cloud does: a step of a scenario at the enterprise's route."""

import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from validator.errors import ConfigurationError
from validator.files import read_private, secret_of, text_of
from validator.operations.http_client import NoResponse, Response, basic, send, written
from validator.operations.simulator.asking import Got, together
from validator.operations.simulator.keypad import Keyed, KeypadRecord, body_of, read
from validator.operations.simulator.registration import Flow
from validator.operations.simulator.scenario import Step
from validator.operations.simulator.target import Skipped, Target

_WRONG_SECRET = "0123456789-is-the-secret-of-no-client"  # noqa: S105
_RESULTS = {"passed": 1, "failed": 2, "exception": 3}
_OK = 200
_REFUSED, _MALFORMED = (401, 403), (200, 400, 405, 413, 415)  # 200: where every response has it
_KEYS = ("path", "user", "secret_file", "number", "answer")
_OPTIONAL = ("nobody", "customer", "customer_field", "work_no")


@dataclass(frozen=True, slots=True)
class FlowSide:
    """The flow, and a customer of the enterprise who is for tests, with the right answer.

    *nobody* is a number that nobody has; where the flow sends an id of the customer, an id.
    """

    flow: Flow
    number: str = field(repr=False)
    answer: str = field(repr=False)
    nobody: str = field(default="", repr=False)
    customer: str = field(default="", repr=False)
    work_no: str = ""

    def body(self, step: Step) -> bytes:
        """Return the body of a request of *step*."""
        if step.body is not None:
            return step.body.encode()
        answer = self.answer if step.answer == "right" else "".join(map(_other, self.answer))
        number, customer = self.number, self.customer
        if step.number == "none":
            if not self.nobody:
                raise Skipped("nobody's number is known: give one as nobody in the file of --flow")
            number, customer = (number, self.nobody) if self.flow.customer_field else (self.nobody, "")
        return body_of(self.flow, Keyed(number, answer, customer, shape=step.shape), self.work_no)


@dataclass(frozen=True, slots=True)
class Verifications:
    """The cloud that has callers verified by one enterprise; *side* is None where no flow is known."""

    target: Target
    side: FlowSide | None = None

    def ask(self, step: Step) -> Got:
        """Return the result of *step*; raises Skipped."""
        if self.side is None:
            raise Skipped("no flow is known: give --flow")
        try:
            answers = list(self._answers(self.side, step))
        except NoResponse as error:
            return Got(is_expected=False, words=str(error), milliseconds=0)
        return together([_judged(step, answer) for answer in answers])

    def _answers(self, side: FlowSide, step: Step) -> Iterator[Response]:
        secret = side.flow.secret if step.secret == "right" else _WRONG_SECRET  # noqa: S105
        headers = {"Content-Type": "application/json", **basic(side.flow.user, secret)}
        path, timeout = self.target.prefix + side.flow.url, self.target.timeout(step.within)
        pieces = written(self.target.place, path, side.body(step), headers, method=step.method)
        with ThreadPoolExecutor(step.at_once) as pool:
            for _ in range(step.times):
                yield from pool.map(
                    lambda _: send(self.target.place, pieces, give_up_after=timeout), range(step.at_once)
                )


def _judged(step: Step, answer: Response) -> Got:
    record = read(KeypadRecord("", "", "", step.shape), answer)
    words = record.problem or f"verifyResult {record.result}"
    milliseconds = round(answer.seconds * 1000)
    is_expected = record.problem is None and _fits(step.expect, answer, record.result)
    if milliseconds > step.within.total_seconds() * 1000:
        is_expected, words = False, f"{words}, too late"
    return Got(is_expected, f"{answer.status} {words}", milliseconds)


def _fits(expect: str, answer: Response, result: int) -> bool:
    is_challenge = "www-authenticate" in answer.headers
    if expect in _RESULTS:
        return answer.status == _OK and result == _RESULTS[expect] and not is_challenge
    is_undecided = result == _RESULTS["exception"]  # an error must never look like a customer who passed
    if expect == "refused":
        return is_undecided and (answer.status in _REFUSED or is_challenge)
    return is_undecided and answer.status in _MALFORMED and not is_challenge


def _other(digit: str) -> str:
    return "1" if digit == "0" else "0"


def load(path: Path) -> FlowSide:
    """Return the flow that the file *path* (TOML) describes.

    It has `path`, `user`, `secret_file`, `number` and `answer` of a customer who is for tests; optionally
    `nobody`, `customer` with `customer_field`, and `work_no`. Raises ConfigurationError.
    """
    try:
        content = tomllib.loads(text_of(path.read_bytes()))
        texts = {name: cast("str", content.get(name, "")) for name in (*_KEYS, *_OPTIONAL)}
        missing = [name for name in _KEYS if not texts[name]]
        unknown = sorted(content.keys() - texts.keys())
        if missing or unknown or not all(isinstance(text, str) for text in texts.values()):
            raise ValueError(f"it has texts: {', '.join(_KEYS)}, and optionally {', '.join(_OPTIONAL)}")
        secret_file = path.parent / texts["secret_file"]
        secret = secret_of(read_private(secret_file, (secret_file.stat().st_uid,)))
    except (OSError, ValueError) as error:
        raise ConfigurationError([f"{path}: cannot be used: {error}"]) from None
    flow = Flow("", "", texts["path"], texts["user"], secret, texts["customer_field"])
    others = (texts[name] for name in ("nobody", "customer", "work_no"))
    return FlowSide(flow, texts["number"], texts["answer"], *others)
