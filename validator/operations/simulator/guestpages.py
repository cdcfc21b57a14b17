"""Runs a step as a guest's page: requests a guest id and a signature.

The signature is then verified as the cloud would, when the channel's key is known here. A step that alters a
part of it expects the cloud to refuse at the stage of that part.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from validator.clock import Clock
from validator.errors import Refusal
from validator.operations.http_client import NoResponse, Response
from validator.operations.simulator.asking import Got
from validator.operations.simulator.guests import verify_guest
from validator.operations.simulator.registration import Channel
from validator.operations.simulator.scenario import Step
from validator.operations.simulator.signatures import Line, SignatureRefused, Stage, parse
from validator.operations.simulator.target import Skipped, Target
from validator.untrusted import read_object

_SKEW = timedelta(minutes=5)
_NAME = "Guest"
_THROTTLED = 429
# The stage at which the cloud must notice each alteration.
_NOTICED = {
    "form": Stage.FORM,
    "scheme": Stage.SCHEME,
    "access key": Stage.ACCESS_KEY,
    "timestamp": Stage.SIGNATURE,
    "clock skew": Stage.SKEW,
    "signed headers": Stage.SIGNED_HEADERS,
    "secret key": Stage.SIGNATURE,
    "signature": Stage.SIGNATURE,
    "thirdUserName": Stage.SIGNATURE,
    "thirdUserId": Stage.SIGNATURE,
}


@dataclass(frozen=True, slots=True)
class GuestPages:
    """The pages of one channel, and the cloud behind them."""

    target: Target
    channel: Channel | None
    clock: Clock

    def ask(self, step: Step) -> Got:
        """Return the result of *step*; raises Skipped."""
        known = self.target.known
        if known.channel is None or known.origin is None:
            raise Skipped("no channel is known: give --channel and --origin")
        if step.alter is not None and self.channel is None:
            raise Skipped("the channel's key is not known here: give --registration, or --home on its host")
        try:
            values, cookie = self._page(step)
            answer = self.target.post("/webchat/authorizationService", values, self._headers(step, cookie))
        except NoResponse as error:
            return Got(is_expected=False, words=str(error), milliseconds=0)
        return self._judged(step, values, answer)

    def _page(self, step: Step) -> tuple[dict[str, Any], str]:
        """Return the values that the page posts and the browser's cookie."""
        guest_id, cookie = self._guest() if step.guest != "none" else ("guest-of-nobody", "")
        if step.guest == "stranger":
            guest_id, _ = self._guest()
        values = {
            "thirdUserName": _NAME,
            "thirdUserId": guest_id,
            "tenantSpaceId": self.target.known.tenant,
            "channelConfigId": self.target.known.channel,
            **step.fields,
        }
        return {name: value for name, value in values.items() if name not in step.without}, cookie

    def _guest(self) -> tuple[str, str]:
        answer = self.target.post("/webchat/guest", {}, {"Origin": self.target.known.origin or ""})
        try:
            guest_id = str(read_object(answer.body)["thirdUserId"])
        except (Refusal, KeyError):
            raise NoResponse(f"/webchat/guest: status {answer.status} without thirdUserId") from None
        return guest_id, answer.headers.get("set-cookie", "").partition(";")[0]

    def _headers(self, step: Step, cookie: str) -> dict[str, str]:
        headers = {"Origin": step.origin or self.target.known.origin or "", "Content-Type": step.content_type}
        return {**headers, "Cookie": cookie} if cookie else headers

    def _judged(self, step: Step, values: Mapping[str, Any], answer: Response) -> Got:
        milliseconds = round(answer.seconds * 1000)
        text = answer.body.decode("utf-8", "replace")
        try:
            line = parse(text)
        except SignatureRefused:
            is_told = step.expect == "refused" or (step.expect == "disclosed" and "secretKey" in text)
            is_client_error = 400 <= answer.status < 500 and answer.status != _THROTTLED
            is_expected = is_told and is_client_error and step.alter is None
            return Got(is_expected, f"{answer.status}, no signature", milliseconds)
        is_signed = answer.status == 200 and answer.headers.get("content-type", "").startswith("text/plain")
        if step.alter is not None and self.channel is not None:
            return replace(self._altered(step.alter, values, line, self.channel), milliseconds=milliseconds)
        words = self._verified(values, text)
        is_expected = is_signed and step.expect == "signed" and "refuses" not in words
        return Got(is_expected, f"{answer.status}, a signature that {words}", milliseconds)

    def _verified(self, values: Mapping[str, Any], text: str) -> str:
        if self.channel is None:
            return "has the right form (the channel's key is not known here)"
        try:
            verify_guest(values, text, self.channel, now=self.clock.now(), skew=_SKEW)
        except SignatureRefused as refused:
            return f"the cloud refuses at its {refused.stage}: {refused}"
        return "the cloud takes"

    def _altered(self, what: str, values: Mapping[str, Any], line: Line, channel: Channel) -> Got:
        now = self.clock.now()
        changed, text, channel, now = altered(what, values, line, channel, now)
        try:
            verify_guest(changed, text, channel, now=now, skew=_SKEW)
        except SignatureRefused as refused:
            return Got(refused.stage is _NOTICED[what], f"the cloud refuses at its {refused.stage}", 0)
        return Got(is_expected=False, words="the cloud takes it", milliseconds=0)


def altered(
    what: str, values: Mapping[str, Any], line: Line, channel: Channel, now: datetime
) -> tuple[Mapping[str, Any], str, Channel, datetime]:
    """Return the cloud's values, line, channel and clock, with *what* altered."""
    if what in values:
        return {**values, what: f"{values[what]}x"}, _joined(line), channel, now
    if what == "secret key":
        return values, _joined(line), replace(channel, secret_key=channel.secret_key.swapcase()), now
    if what == "clock skew":
        return values, _joined(line), channel, now + 2 * _SKEW
    if what == "form":
        return values, _joined(line).rpartition("/")[0], channel, now
    return values, _joined(_changed(what, line)), channel, now


def _changed(what: str, line: Line) -> Line:
    if what == "scheme":
        return replace(line, scheme="auth-v1")
    if what == "access key":
        return replace(line, access_key=f"{line.access_key}0")
    if what == "timestamp":
        digit = "0" if line.stamp[-2] != "0" else "1"
        return replace(line, stamp=f"{line.stamp[:-2]}{digit}Z")
    if what == "signed headers":
        return replace(line, names=":".join(line.names.split(";")))
    first = "0" if line.signature[0] != "0" else "1"
    return replace(line, signature=first + line.signature[1:])


def _joined(line: Line) -> str:
    return "/".join((line.scheme, line.access_key, line.stamp, line.names, line.signature))
