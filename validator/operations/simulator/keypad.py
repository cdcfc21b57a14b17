"""An IVR flow of the simulated cloud: a caller keys in an answer, and the enterprise verifies it.

Both published shapes of the request can be sent: `verifyServiceNo` and `verifyWorkNo` beside `calldata`, or
in it. Both readings of the response are tried: `data` beside `calldata`, and in it. A page in the cloud's
frame gets the result by `getVerifyResult(code)`: a text, "" without one. What was keyed in is not recorded.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson

from validator.clock import Clock, iso_milliseconds
from validator.errors import Refusal
from validator.operations.http_client import NoResponse, Place, Response, basic, send, written
from validator.operations.simulator.certificate import trusting
from validator.operations.simulator.registration import Flow, Registration
from validator.operations.simulator.scenario import SHAPES
from validator.untrusted import read_object

BESIDE, INSIDE = SHAPES
RESULTS = range(4)  # not returned, passed, failed, exception
_SERVICE_NO = "88880011"
_TIMEOUT = timedelta(seconds=3)
_MAX_RECORDS = 20


@dataclass(frozen=True, slots=True)
class Keyed:
    """What a caller does: the calling number, the customer's id (if the flow asks), the answer, the call."""

    number: str = field(repr=False)
    answer: str = field(repr=False)
    customer: str = field(default="", repr=False)
    call: str = ""
    shape: str = BESIDE


@dataclass(frozen=True, slots=True)
class KeypadRecord:
    """How a verification ended: the result by each reading, None where the response has none there."""

    time: str
    code: str
    call: str
    shape: str
    beside: int | None = None
    inside: int | None = None
    status: int | None = None
    request_id: str | None = None
    problem: str | None = None

    @property
    def result(self) -> int:
        """The result that the flow goes on with; 0, not returned, where the readings give none or differ."""
        found = {each for each in (self.beside, self.inside) if each is not None}
        return found.pop() if len(found) == 1 and not self.problem else 0


class Keypad:
    """The flows of one registration, and what came of them, newest first."""

    def __init__(self, registration: Registration, clock: Clock) -> None:
        self._flows, self._clock = registration.flows, clock
        self._certificate = registration.enterprise.certificate
        self._work_numbers = {agent.tenant: str(agent.work_no) for agent in reversed(registration.agents)}
        self._records: deque[KeypadRecord] = deque(maxlen=_MAX_RECORDS)

    @property
    def records(self) -> list[KeypadRecord]:
        """The last verifications, newest first."""
        return list(self._records)

    def key_in(self, code: str, keyed: Keyed) -> KeypadRecord:
        """Have *keyed* verified as *code*, one of the registration; return and record how that ended."""
        flow = self._flows[code]
        begun = KeypadRecord(iso_milliseconds(self._clock.now()), code, keyed.call, keyed.shape)
        record = self._ended(begun, flow, body_of(flow, keyed, self._work_numbers.get(flow.tenant, "")))
        self._records.appendleft(record)
        return record

    def verify_result(self, code: str) -> str:
        """Return what `getVerifyResult(code)` gives a page: the last result as a text, "" without one."""
        return next((str(each.result) for each in self._records if each.code == code), "")

    def _ended(self, begun: KeypadRecord, flow: Flow, body: bytes) -> KeypadRecord:
        try:
            return read(begun, response_to(flow, body, self._certificate))
        except NoResponse as error:
            return replace(begun, problem=str(error))


def response_to(flow: Flow, body: bytes, certificate: bytes) -> Response:
    """Return the response to *body* of the enterprise, whose *certificate* is trusted; raises NoResponse."""
    place = Place.at(flow.url, trusting(certificate))
    headers = {"Content-Type": "application/json", **basic(flow.user, flow.secret)}
    pieces = written(place, urlsplit(flow.url).path, body, headers)
    return send(place, pieces, give_up_after=_TIMEOUT)


def body_of(flow: Flow, keyed: Keyed, work_no: str) -> bytes:
    """Return the body of the request in the shape that *keyed* names."""
    call_data = {"callerNum": keyed.number, "answer": keyed.answer, "callid": keyed.call}
    if flow.customer_field:
        call_data[flow.customer_field] = keyed.customer
    numbers = {"verifyServiceNo": _SERVICE_NO, "verifyWorkNo": work_no}
    if keyed.shape == INSIDE:
        return orjson.dumps({"calldata": {**call_data, **numbers}})
    return orjson.dumps({"calldata": call_data, **numbers})


def read(begun: KeypadRecord, answer: Response) -> KeypadRecord:
    """Return the record of *answer*, by both readings, with everything that is wrong with its form."""
    beside = inside = problem = None
    try:
        content = read_object(answer.body)
        beside, inside = _result(content), _result(content.get("calldata"))
        problem = _problem(beside, inside)
    except Refusal as refusal:
        problem = refusal.detail or str(refusal.reason)
    except ValueError as error:
        problem = str(error)
    request_id = answer.headers.get("x-request-id")
    return replace(
        begun, beside=beside, inside=inside, status=answer.status, request_id=request_id, problem=problem
    )


def _problem(beside: int | None, inside: int | None) -> str | None:
    if beside is None and inside is None:
        return "there is no data.verifyResult"
    if None not in (beside, inside) and beside != inside:
        return "the two readings differ"
    return None


def _result(container: Any) -> int | None:
    """Return the result in the member `data` of *container*, None without that member; raises ValueError."""
    if not isinstance(container, Mapping) or "data" not in container:
        return None
    data = container["data"]
    result = data.get("verifyResult") if isinstance(data, Mapping) else None
    if type(result) is not int or result not in RESULTS:
        raise ValueError("verifyResult is not an integer from 0 to 3")
    texts = [data.get(f"verifyReturn{at}") for at in (1, 2, 3)]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("verifyReturn1 to 3 are not all texts")
    return result
