"""Runs a step at one of the two callbacks, as the cloud would, and returns its result."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from validator.errors import RetCode
from validator.operations.http_client import NoResponse, Response, hang_up, send
from validator.operations.simulator.callback import Reply, read_reply
from validator.operations.simulator.scenario import Step
from validator.operations.simulator.target import Skipped, Target
from validator.operations.simulator.tokens import Presented, others_fields, subject_fields

_VERDICT = (200,)
_UNREAD = (200, 400)
# Not verdicts against a token: accepted, throttled, unavailable.
_NO_REFUSALS = (RetCode.ACCEPTED, RetCode.THROTTLED, RetCode.UNAVAILABLE)
_IDS = ("tenantSpaceId", "userId")


@dataclass(frozen=True, slots=True)
class Got:
    """The result of a step: whether it is as expected, in words, and the slowest response's time."""

    is_expected: bool
    words: str
    milliseconds: int


def ask(step: Step, target: Target, tokens: Presented) -> Got:
    """Return the result of *step*; raises Skipped, and what getting a token raises."""
    pieces = question(step, target, tokens)
    if step.hang_up:
        return _left_alone(step, target, pieces)
    with ThreadPoolExecutor(step.at_once) as pool:
        answers = [
            answer
            for _ in range(step.times)
            for answer in pool.map(lambda _: _sent(step, target, pieces), range(step.at_once))
        ]
    got = together([_judged(step, answer) for answer in answers])
    return replace(got, words=tokens.hidden(got.words))


def question(step: Step, target: Target, tokens: Presented) -> Sequence[bytes]:
    """Return the bytes of the request, in the pieces that are sent one by one."""
    body = _body(step, target, tokens)
    path = target.agent_path if step.ask == "agent" else target.chat_path
    head, body = target.written(path, body, {"Content-Type": step.content_type}, version=step.http)
    if step.pieces == 1:
        return [head + body]
    size = -(-len(body) // step.pieces)
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return [head + parts[0], *parts[1:]]


def together(gots: Sequence[Got]) -> Got:
    """Return one result for many: each wording once, with its number."""
    slowest = max(got.milliseconds for got in gots)
    counted = Counter(got.words for got in gots)
    words = "; ".join(words if len(gots) == 1 else f"{count} x {words}" for words, count in counted.items())
    return Got(all(got.is_expected for got in gots), words, slowest)


def _body(step: Step, target: Target, tokens: Presented) -> bytes:
    if step.body is not None:
        text = step.body
    else:
        text = json.dumps(_members(step, target, tokens), ensure_ascii=False)
    return (b"\xef\xbb\xbf" if step.bom else b"") + text.encode()


def _members(step: Step, target: Target, tokens: Presented) -> Mapping[str, Any]:
    if step.whose == "own":
        members: dict[str, Any] = dict(subject_fields(step.ask, target.known))
    else:
        members = dict(others_fields(step.ask, step.whose, target.known, target.others))
    members["access_token" if step.ask == "agent" else "Token"] = tokens.token(step.ask, step.token)
    if step.integers:
        whole = {name: int(members[name]) for name in _IDS if _is_whole(members.get(name, ""))}
        if not whole:
            raise Skipped("no id of the target's is a number")
        members |= whole
    members |= step.fields
    return {name: value for name, value in members.items() if name not in step.without}


def _is_whole(text: str) -> bool:
    """Return whether *text* is a number's canonical form, without a leading zero."""
    return text.isascii() and text.isdigit() and str(int(text)) == text


def _left_alone(step: Step, target: Target, pieces: Sequence[bytes]) -> Got:
    try:
        message, timeout = b"".join(pieces), target.timeout(step.within)
        hang_up(target.place, message, after=step.pause, give_up_after=timeout)
    except NoResponse as error:
        return Got(is_expected=False, words=str(error), milliseconds=0)
    return Got(step.expect == "nothing", "no answer was waited for", 0)


def _sent(step: Step, target: Target, pieces: Sequence[bytes]) -> Response | NoResponse:
    try:
        return send(target.place, pieces, give_up_after=target.timeout(step.within), pause=step.pause)
    except NoResponse as error:
        return error


def _judged(step: Step, answer: Response | NoResponse) -> Got:
    if isinstance(answer, NoResponse):
        return Got(is_expected=False, words=str(answer), milliseconds=0)
    reply = read_reply(answer)
    words = reply.problem or f"retCode {reply.ret_code} {json.dumps(reply.message, ensure_ascii=False)}"
    return Got(_fits(step.expect, answer.status, reply), f"{answer.status} {words}", reply.milliseconds or 0)


def _fits(expect: str, status: int, reply: Reply) -> bool:
    if expect == "accepted":
        return reply.is_accepted
    is_refusal = reply.problem is None and reply.ret_code not in _NO_REFUSALS
    return is_refusal and status in (_VERDICT if expect == "refused" else _UNREAD)
