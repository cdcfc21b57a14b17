"""Checks one callback against the cloud's contract: every response has `retCode` and `message`.

1 a request with an invalid token is answered without a redirect, in JSON, with an int `retCode`, a string
`message` and HTTP 200 · 2 `retCode` and message refuse the token: with `callbacks.always_200` the status
would not show another reason · 3 a malformed body, 4 another Content-Type, 5 GET and 6 a body over the cap
get the same fields. A response without them ends the examination, because the next ones would only repeat it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from validator.errors import PublicError, Refusal, RetCode
from validator.operations.certificates.judging import Finding, Severity
from validator.operations.doctor.asking import Request, printable
from validator.operations.doctor.results import Checked, Sound, problem, warning
from validator.operations.http_client import NoResponse, Response
from validator.tokens.claims import Audience
from validator.untrusted import read_object

NONSENSE = "validator-doctor-has-no-token"
_NOBODY = "validator-doctor"
_QUESTIONS = {
    Audience.AGENT: {"access_token": NONSENSE, "tenantSpaceId": _NOBODY, "userAccount": _NOBODY},
    Audience.CHAT: {"Token": NONSENSE, "userName": _NOBODY, "userId": _NOBODY, "tenantSpaceId": _NOBODY},
}
_TOKEN_FIELDS = {Audience.AGENT: "access_token", Audience.CHAT: "Token"}
_PROMISES = {
    "redirect": "the POST is answered at the URL itself",
    "body": "the answer is a JSON object",
    "retCode": "retCode is an int",
    "message": "message is a text that is not empty",
}
_VERDICT, _NOT_LET_IN, _THROTTLED = 200, (401, 403), 429
_REFUSED_WORDS = PublicError.VALIDATION_REFUSED.value.title

Ask = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class Breach:
    """A promise that a response breaks, with words about what is wrong and what to do."""

    promise: str
    words: str


@dataclass(frozen=True, slots=True)
class Callback:
    """One of the two callbacks: its audience and its path."""

    audience: Audience
    path: str

    def question(self, content_type: str = "application/json", *, padding: int = 0) -> Request:
        """Return a well-formed request with an invalid token, which *padding* bytes make longer."""
        content = dict(_QUESTIONS[self.audience])
        content[_TOKEN_FIELDS[self.audience]] += "x" * padding
        return Request("POST", self.path, orjson.dumps(content), content_type)


def examine(callback: Callback, ask: Ask, *, cap: int) -> Iterator[Checked]:
    """Yield the findings about *callback*; a body of more than *cap* bytes is too large for it."""
    side = callback.audience.value
    try:
        reply = ask(callback.question())
    except NoResponse as nothing:
        yield problem(f"{side}-answer", f"the question is not answered: {nothing}. {_SEE_LOG}")
        return
    fault = broken_promise(reply)
    for promise, words in _PROMISES.items():
        if fault is not None and fault.promise == promise:
            yield problem(f"{side}-{promise}", fault.words)
            return
        yield Sound(f"{side}-{promise}", words)
    yield from _verdict(side, reply)
    yield from _variants(callback, ask, ret_code(reply), cap)


def broken_promise(reply: Response) -> Breach | None:
    """Return the first promise that *reply* breaks, or None."""
    if reply.is_redirect:
        place = printable(reply.headers.get("location", "nowhere"))
        return Breach(
            "redirect", f"is sent on to {place} ({reply.status}), and the cloud follows none: {_REDIRECT}"
        )
    content = _content(reply)
    if content is None and reply.is_html:
        return Breach("body", f"the answer is HTML ({reply.status}), as proxies make it: {_HTML}")
    if content is None:
        return Breach("body", f"the answer is no JSON object ({reply.status}). {_SEE_LOG}")
    code, message = content.get("retCode"), content.get("message")
    if type(code) is not int:  # a bool is an int in Python, but not for the cloud
        return Breach("retCode", f"retCode is {_kind(code)}, not an int: {_SHAPE}")
    if not isinstance(message, str) or not message:
        words = "empty" if message == "" else _kind(message)
        return Breach("message", f"message is {words}, and the cloud shows null in its place: {_SHAPE}")
    return None


def ret_code(reply: Response) -> int:
    """Return the `retCode` of a response that breaks no promise."""
    return int((_content(reply) or {})["retCode"])


def _variants(callback: Callback, ask: Ask, code: int, cap: int) -> Iterator[Checked]:
    side, path = callback.audience.value, callback.path
    variants = {
        "malformed-body": Request("POST", path, b'{"access_token": '),
        "text-plain": callback.question("text/plain"),
        "get": Request("GET", path),
        "oversized-body": callback.question(padding=cap),
    }
    for name, request in variants.items():
        wanted = code if name == "text-plain" else None
        yield _variant(f"{side}-{name}", ask, request, wanted)


def _variant(check: str, ask: Ask, request: Request, wanted: int | None) -> Checked:
    """Return the finding about *request*: *wanted* is the expected `retCode`, None for any refusal."""
    try:
        reply = ask(request)
    except NoResponse as nothing:
        return problem(check, f"is not answered ({nothing}): {_EVERYWHERE}")
    fault = broken_promise(reply)
    if fault is not None:
        return problem(check, f"{fault.words}; {_EVERYWHERE}")
    code = ret_code(reply)
    if wanted is None and code == RetCode.ACCEPTED:
        return problem(check, f"is ACCEPTED (retCode 0): {_ACCEPTED}")
    if wanted is not None and code != wanted:
        words = f"retCode {code} instead of {wanted}, because of the Content-Type"
        return problem(check, f"{words}: read the body as JSON, whatever its Content-Type")
    return Sound(check, f"has the promised shape (HTTP {reply.status}, retCode {code})")


def _verdict(side: str, reply: Response) -> Iterator[Checked]:
    """Yield the finding about the status, and the one about the fields where it says more."""
    status = _status(f"{side}-status", reply.status)
    fields = _refusal(f"{side}-nonsense-token", ret_code(reply), _message(reply))
    yield status
    is_covered = not isinstance(status, Sound) and _badness(fields) <= _badness(status)
    if not is_covered or ret_code(reply) == RetCode.ACCEPTED:
        yield fields


def _status(check: str, status: int) -> Checked:
    if status == _VERDICT:
        return Sound(check, "a verdict is HTTP 200")
    if status in _NOT_LET_IN:
        return _not_let_in(check, str(status))
    if status == _THROTTLED:
        return _limited(check, str(status))
    return problem(check, f"a verdict is HTTP {status} instead of 200. {_SEE_LOG}")


def _refusal(check: str, code: int, message: str) -> Checked:
    response = f'retCode {code}, "{printable(message)}"'
    if code == RetCode.ACCEPTED:
        return problem(check, f"an invalid token is ACCEPTED (retCode 0): {_ACCEPTED}")
    if code == RetCode.THROTTLED:
        return _limited(check, response)
    if code != RetCode.REFUSED:
        words = f"an invalid token gets no verdict but {response}; expected is retCode {RetCode.REFUSED:d}"
        return problem(check, f'{words}, "{_REFUSED_WORDS}". {_SEE_LOG}')
    if message != _REFUSED_WORDS:
        return _not_let_in(check, response)
    return Sound(check, f"an invalid token is refused ({response})")


def _not_let_in(check: str, response: str) -> Finding:
    return warning(check, f"this machine has no access ({response}), so the verdict was not seen: {_LET_IN}")


def _limited(check: str, response: str) -> Finding:
    return warning(check, f"a limit is reached ({response}), so the verdict was not seen: retry in a minute")


def _badness(checked: Checked) -> int:
    if isinstance(checked, Sound):
        return 0
    return 2 if checked.severity is Severity.PROBLEM else 1


def _message(reply: Response) -> str:
    return str((_content(reply) or {})["message"])


def _content(reply: Response) -> dict[str, Any] | None:
    try:
        return read_object(reply.body)
    except Refusal:
        return None


def _kind(value: object) -> str:
    if value is None:
        return "missing"
    names = {str: "a string", bool: "a bool", float: "a fraction", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")


_SEE_LOG = "Compare the path with the one that is registered, and see the logs of the proxy and the server"
_REDIRECT = "register the URL that answers itself, and take the redirect off the callbacks"
_HTML = "let the proxy pass the server's answer on, and give its own errors as JSON with retCode and message"
_SHAPE = 'answer {"retCode": 2, "message": "…"}, an int and a text'
_EVERYWHERE = "every response of this route needs retCode and message, also the proxy's own"
_ACCEPTED = "remove this URL from the cloud at once, anybody can log in as anybody"
_LET_IN = "run this from a network in callbacks.networks, with --client-certificate where one is required"
