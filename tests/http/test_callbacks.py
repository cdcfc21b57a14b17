"""The two callbacks: every verdict, every refusal with the same bytes, and both fields in every answer."""

import string
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import breakage
from tests.support.answers import comparable, problem, ret_code
from tests.support.broken_verifier import SECRET, with_broken_verifier
from tests.support.callback_requests import CHAT_SIDE, SIDES, Side, issued, other_audience
from tests.support.fakes import AGENT, LOGIN, OTHER_TENANT, TENANT, Enterprise
from validator.app import create_app
from validator.audit.events import EventName
from validator.callbacks.validation import Validation
from validator.clock import to_milliseconds
from validator.errors import Reason
from validator.services import Services
from validator.tenants import RecordStatus
from validator.tokens.claims import Claims, Subject
from validator.tokens.principals import Operator

ACCEPTED = b'{"retCode":0,"message":"validate success"}'
REFUSED = b'{"retCode":2,"message":"validate failed"}'
TOLERATED = sorted((Path(__file__).parents[1] / "vectors" / "bodies" / "tolerated").glob("*.body"))
BASE64 = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
Change = Callable[[Enterprise, Side, str, Claims], dict[str, Any]]

both_sides = pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)


def is_accepted(answer: TestResponse) -> bool:
    return (answer.status_code, answer.data) == (200, ACCEPTED)


# What the cloud may present that is not so. Each returns the fields that differ from the right question.


def other_user(_e: Enterprise, side: Side, _t: str, _c: Claims) -> dict[str, Any]:
    return {side.subject_field: "somebody-else"}


def other_case(_e: Enterprise, side: Side, _t: str, _c: Claims) -> dict[str, Any]:
    return {side.subject_field: side.subject.id.upper()}


def blank_around(_e: Enterprise, side: Side, _t: str, _c: Claims) -> dict[str, Any]:
    return {side.subject_field: f"{side.subject.id} "}


def other_tenant(_e: Enterprise, _s: Side, _t: str, _c: Claims) -> dict[str, Any]:
    return {"tenantSpaceId": OTHER_TENANT}


def unknown_tenant(_e: Enterprise, _s: Side, _t: str, _c: Claims) -> dict[str, Any]:
    return {"tenantSpaceId": "999"}


def token_of_other_tenant(enterprise: Enterprise, side: Side, _t: str, _c: Claims) -> dict[str, Any]:
    return {side.token_field: issued(enterprise, replace(side.subject, tenant=OTHER_TENANT))[0]}


def token_of_other_audience(enterprise: Enterprise, side: Side, _t: str, _c: Claims) -> dict[str, Any]:
    # Not of the account here: its name would have to be that account's.
    return {side.token_field: issued(enterprise, other_audience(replace(side.subject, id="u1")))[0]}


def nonsense(_e: Enterprise, side: Side, _t: str, _c: Claims) -> dict[str, Any]:
    return {side.token_field: "x"}


def longest_nonsense(_e: Enterprise, side: Side, _t: str, _c: Claims) -> dict[str, Any]:
    return {side.token_field: "A" * 4052 + "." + "A" * 43}


def non_ascii(_e: Enterprise, side: Side, token: str, _c: Claims) -> dict[str, Any]:
    return {side.token_field: f"{token[:-1]}Å"}


def padded(_e: Enterprise, side: Side, token: str, _c: Claims) -> dict[str, Any]:
    return {side.token_field: f"{token}="}


def line_feed_after(_e: Enterprise, side: Side, token: str, _c: Claims) -> dict[str, Any]:
    return {side.token_field: f"{token}\n"}


def payload_alone(_e: Enterprise, side: Side, token: str, _c: Claims) -> dict[str, Any]:
    return {side.token_field: token.rpartition(".")[0]}


def signature_twice(_e: Enterprise, side: Side, token: str, _c: Claims) -> dict[str, Any]:
    return {side.token_field: token + token[token.rindex(".") :]}


# What may have happened since the token was issued.


def expired(enterprise: Enterprise, _s: Side, _t: str, claims: Claims) -> dict[str, Any]:
    enterprise.clock.instant = claims.expires_at + timedelta(days=1)
    return {}


def not_yet_issued(enterprise: Enterprise, _s: Side, _t: str, claims: Claims) -> dict[str, Any]:
    enterprise.clock.instant = claims.issued_at - timedelta(days=1)
    return {}


def revoked_by_jti(enterprise: Enterprise, side: Side, _t: str, claims: Claims) -> dict[str, Any]:
    enterprise.services.introspection.revoke_token(Operator(), side.subject.tenant, claims.jti)
    return {}


def revoked_as_presented(enterprise: Enterprise, _s: Side, token: str, _c: Claims) -> dict[str, Any]:
    enterprise.services.introspection.revoke_presented(Operator(), token)
    return {}


def revoked_by_subject(enterprise: Enterprise, side: Side, _t: str, _c: Claims) -> dict[str, Any]:
    subject = side.subject
    introspection = enterprise.services.introspection
    introspection.revoke_subject(Operator(), subject.audience, subject.tenant, subject.id)
    return {}


def revoked_by_tenant(enterprise: Enterprise, side: Side, _t: str, _c: Claims) -> dict[str, Any]:
    enterprise.services.introspection.revoke_tenant(Operator(), side.subject.tenant)
    return {}


def everything_revoked(enterprise: Enterprise, _s: Side, _t: str, _c: Claims) -> dict[str, Any]:
    enterprise.services.introspection.revoke_everything(Operator())
    return {}


def account_disabled(enterprise: Enterprise, _s: Side, _t: str, _c: Claims) -> dict[str, Any]:
    enterprise.services.accounts.set_status(LOGIN, RecordStatus.DISABLED)
    return {}


def account_disabled_for_a_while(enterprise: Enterprise, _s: Side, _t: str, _c: Claims) -> dict[str, Any]:
    enterprise.services.accounts.set_status(LOGIN, RecordStatus.DISABLED)
    enterprise.services.accounts.set_status(LOGIN, RecordStatus.ACTIVE)
    return {}


def tenant_disabled(enterprise: Enterprise, side: Side, _t: str, _c: Claims) -> dict[str, Any]:
    enterprise.services.tenants.set_status(side.subject.tenant, RecordStatus.DISABLED)
    return {}


def password_changed(enterprise: Enterprise, _s: Side, _t: str, _c: Claims) -> dict[str, Any]:
    services = enterprise.services
    account = services.accounts.require(LOGIN)
    services.accounts.set_password(account, services.passwords.hash("nine loud deserts of tin"))
    return {}


def key_revoked(enterprise: Enterprise, _s: Side, _t: str, _c: Claims) -> dict[str, Any]:
    keyring = enterprise.services.keyring
    oldest = keyring.list()[0].id
    keyring.rotate()
    keyring.revoke(oldest)
    return {}


REFUSALS: dict[Change, Reason] = {
    other_user: Reason.SUBJECT_MISMATCH,
    other_case: Reason.SUBJECT_MISMATCH,
    blank_around: Reason.SUBJECT_MISMATCH,
    other_tenant: Reason.TENANT_MISMATCH,
    unknown_tenant: Reason.TENANT_MISMATCH,
    token_of_other_tenant: Reason.TENANT_MISMATCH,
    token_of_other_audience: Reason.TOKEN_FORGED,
    nonsense: Reason.TOKEN_FORGED,
    longest_nonsense: Reason.TOKEN_FORGED,
    non_ascii: Reason.TOKEN_FORGED,
    padded: Reason.TOKEN_FORGED,
    line_feed_after: Reason.TOKEN_FORGED,
    payload_alone: Reason.TOKEN_FORGED,
    signature_twice: Reason.TOKEN_FORGED,
    expired: Reason.TOKEN_EXPIRED,
    not_yet_issued: Reason.TOKEN_NOT_YET_VALID,
    revoked_by_jti: Reason.TOKEN_REVOKED,
    revoked_as_presented: Reason.TOKEN_REVOKED,
    revoked_by_subject: Reason.TOKEN_REVOKED,
    revoked_by_tenant: Reason.TOKEN_REVOKED,
    everything_revoked: Reason.TOKEN_REVOKED,
    account_disabled: Reason.ACCOUNT_DISABLED,
    account_disabled_for_a_while: Reason.TOKEN_STALE,
    tenant_disabled: Reason.TENANT_DISABLED,
    password_changed: Reason.TOKEN_STALE,
    key_revoked: Reason.TOKEN_FORGED,
}


# Verdicts


@both_sides
@pytest.mark.parametrize("change", REFUSALS, ids=lambda change: change.__name__)
def test_refusal_is_the_same_for_every_reason(enterprise: Enterprise, side: Side, change: Change) -> None:
    """A right question is accepted; changed in one thing it is refused, and only the trail says why."""
    cloud = enterprise.visitor()
    token, claims = issued(enterprise, side.subject)
    question = side.question(token)
    assert is_accepted(side.ask(cloud, question))
    refusal = comparable(side.ask(cloud, {**question, side.token_field: "nonsense"}))

    answer = side.ask(cloud, {**question, **change(enterprise, side, token, claims)})

    assert (answer.status_code, answer.data) == (200, REFUSED)
    assert comparable(answer) == refusal
    entry = enterprise.trail()[-1]
    assert (entry["event"], entry["outcome"], entry["reason"]) == (
        EventName.VERDICT,
        "refused",
        REFUSALS[change],
    )


@pytest.mark.parametrize("name", ["Ann", "李 伟", "李伟 ", "李伟\u200b", "李"])
def test_wrong_name_of_a_customer_is_refused(enterprise: Enterprise, name: str) -> None:
    """A customer's userName must be the token's to the character; any other gets the one refusal."""
    cloud = enterprise.visitor()
    question = CHAT_SIDE.question(issued(enterprise, CHAT_SIDE.subject)[0])
    assert is_accepted(CHAT_SIDE.ask(cloud, question))
    refusal = comparable(CHAT_SIDE.ask(cloud, {**question, "Token": "nonsense"}))

    answer = CHAT_SIDE.ask(cloud, {**question, "userName": name})

    assert comparable(answer) == refusal
    assert enterprise.trail()[-1]["reason"] == Reason.NAME_MISMATCH


def test_both_sides_refuse_alike(lasting_enterprise: Enterprise) -> None:
    """The two callbacks refuse with the same status, bytes and headers."""
    cloud = lasting_enterprise.visitor()

    answers = [comparable(side.ask(cloud, side.question("nonsense"))) for side in SIDES.values()]

    assert answers[0] == answers[1]


@both_sides
def test_every_changed_character_of_a_token_counts(lasting_enterprise: Enterprise, side: Side) -> None:
    """A token with any one character replaced or left out is refused, with the same bytes."""
    cloud = lasting_enterprise.visitor()
    token = issued(lasting_enterprise, side.subject)[0]
    refusal = comparable(side.ask(cloud, side.question("nonsense")))
    assert len(token) > 100

    for at, character in enumerate(token):
        for instead in ("", "A" if character != "A" else "B"):
            damaged = token[:at] + instead + token[at + 1 :]
            assert comparable(side.ask(cloud, side.question(damaged))) == refusal, (at, instead)

    assert is_accepted(side.ask(cloud, side.question(token)))


@both_sides
def test_last_character_has_one_spelling(lasting_enterprise: Enterprise, side: Side) -> None:
    """Four last characters decode to the same signature, and only the issued one is accepted."""
    cloud = lasting_enterprise.visitor()
    token = issued(lasting_enterprise, side.subject)[0]

    accepted = [last for last in BASE64 if is_accepted(side.ask(cloud, side.question(token[:-1] + last)))]

    assert accepted == [token[-1]]


@both_sides
@pytest.mark.parametrize("edge", ["issued", "expires"])
def test_lifetime_ends_exactly_at_the_leeway(enterprise: Enterprise, side: Side, edge: str) -> None:
    """A token is good from its issue less the leeway until its end plus the leeway, to the millisecond."""
    cloud = enterprise.visitor()
    leeway, moment = enterprise.services.settings.tokens.leeway, timedelta(milliseconds=1)
    token, claims = issued(enterprise, side.subject)
    first, end = claims.issued_at - leeway, claims.expires_at + leeway
    within, outside = (first, first - moment) if edge == "issued" else (end - moment, end)

    enterprise.clock.instant = within
    assert is_accepted(side.ask(cloud, side.question(token)))
    enterprise.clock.instant = outside
    assert side.ask(cloud, side.question(token)).data == REFUSED


@both_sides
def test_token_issued_after_a_revocation_is_accepted(enterprise: Enterprise, side: Side) -> None:
    """Revoking a subject, its tenant or everything ends what was issued until then and nothing after."""
    cloud = enterprise.visitor()
    for change in (revoked_by_subject, revoked_by_tenant, everything_revoked):
        token, claims = issued(enterprise, side.subject)
        change(enterprise, side, token, claims)

        assert side.ask(cloud, side.question(token)).data == REFUSED
        assert is_accepted(side.ask(cloud, side.question(issued(enterprise, side.subject)[0])))


@both_sides
def test_revocation_of_one_token_leaves_the_others(enterprise: Enterprise, side: Side) -> None:
    """A token issued in the same millisecond as a revoked one lives on."""
    cloud = enterprise.visitor()
    revoked, claims = issued(enterprise, side.subject)
    other = issued(enterprise, side.subject)[0]

    revoked_by_jti(enterprise, side, revoked, claims)

    assert side.ask(cloud, side.question(revoked)).data == REFUSED
    assert is_accepted(side.ask(cloud, side.question(other)))


@both_sides
def test_rotated_key_verifies_on(enterprise: Enterprise, side: Side) -> None:
    """Until its key is revoked, a token outlives any number of rotations."""
    cloud = enterprise.visitor()
    token = issued(enterprise, side.subject)[0]

    enterprise.services.keyring.rotate()
    enterprise.services.keyring.rotate()

    assert is_accepted(side.ask(cloud, side.question(token)))


@both_sides
def test_asking_again_gives_the_same_answer(lasting_enterprise: Enterprise, side: Side) -> None:
    """The cloud may ask about one token as often as it likes."""
    cloud = lasting_enterprise.visitor()
    question = side.question(issued(lasting_enterprise, side.subject)[0])

    answers = [comparable(side.ask(cloud, question)) for _ in range(5)]

    assert answers == [answers[0]] * 5
    assert answers[0][:2] == (200, ACCEPTED)


# Tolerance


@both_sides
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded; charset=UTF-8",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "image/png",
        "/",
        "a" * 500,
    ],
)
def test_content_type_does_not_matter(
    lasting_enterprise: Enterprise, side: Side, content_type: str | None
) -> None:
    """The body is read as JSON whatever the Content-Type says, or when there is none."""
    cloud = lasting_enterprise.visitor()
    body = orjson.dumps(side.question(issued(lasting_enterprise, side.subject)[0]))

    assert is_accepted(cloud.post(side.path, data=body, content_type=content_type))


@both_sides
def test_byte_order_mark_is_tolerated(lasting_enterprise: Enterprise, side: Side) -> None:
    """A UTF-8 byte-order mark before the object changes nothing."""
    cloud = lasting_enterprise.visitor()
    body = orjson.dumps(side.question(issued(lasting_enterprise, side.subject)[0]))

    assert is_accepted(cloud.post(side.path, data=b"\xef\xbb\xbf" + body))


@both_sides
def test_unknown_fields_are_ignored(lasting_enterprise: Enterprise, side: Side) -> None:
    """Fields that the protocol does not know, the other side's among them, change nothing."""
    cloud = lasting_enterprise.visitor()
    other = next(other for other in SIDES.values() if other is not side)
    extra = {**other.question("nonsense"), "retCode": 1, "nested": {"deep": [1, None, True]}}

    answer = side.ask(cloud, {**extra, **side.question(issued(lasting_enterprise, side.subject)[0])})

    assert is_accepted(answer)


@both_sides
def test_integer_tenant_is_its_digits(lasting_enterprise: Enterprise, side: Side) -> None:
    """A tenantSpaceId that is written as a JSON integer is its decimal text."""
    cloud = lasting_enterprise.visitor()
    question = side.question(issued(lasting_enterprise, side.subject)[0])

    assert is_accepted(side.ask(cloud, {**question, "tenantSpaceId": int(TENANT)}))


def test_integer_user_is_its_digits(lasting_enterprise: Enterprise) -> None:
    """A userId that is written as a JSON integer is its decimal text; a userAccount is text only."""
    cloud = lasting_enterprise.visitor()
    side = replace(CHAT_SIDE, subject=replace(CHAT_SIDE.subject, id="4711"))
    question = side.question(issued(lasting_enterprise, side.subject)[0])

    assert is_accepted(side.ask(cloud, {**question, "userId": 4711}))
    agent = SIDES["agent"].question("x")
    assert ret_code(SIDES["agent"].ask(cloud, {**agent, "userAccount": 4711})) == 1


@pytest.mark.parametrize("path", TOLERATED, ids=lambda path: path.name)
def test_tolerated_body_gets_a_verdict(lasting_enterprise: Enterprise, path: Path) -> None:
    """An unusual body that can be read is judged, not called malformed."""
    answer = lasting_enterprise.visitor().post(SIDES["agent"].path, data=path.read_bytes())

    assert (answer.status_code, answer.data) == (200, REFUSED)


def test_tolerated_bodies_are_there() -> None:
    """The folder of tolerated bodies is not empty."""
    assert len(TOLERATED) >= 10


# Invalid requests


def wrong_bodies(side: Side) -> Iterator[bytes]:
    """Yield bodies that are not the question: nothing, not an object, a field missing or of a wrong kind."""
    yield from (b"", b" ", b"null", b"[]", b'"x"', b"{", b"{}", b"{}{}", b"\xff", b"access_token=x&userId=1")
    right = side.question("x")
    for name in right:
        yield orjson.dumps({key: value for key, value in right.items() if key != name})
        for value in (None, "", True, 1.5, [], ["x"], {}, {"x": "x"}, "a\x00b", "x" * 5000):
            yield orjson.dumps({**right, name: value})
        yield orjson.dumps(right)[:-1] + b',"' + name.encode() + b'":"x"}'
        yield orjson.dumps(right).replace(name.encode(), name.swapcase().encode())


@both_sides
def test_malformed_body_is_400_with_both_fields(lasting_enterprise: Enterprise, side: Side) -> None:
    """A malformed request gets 400 and retCode 1, and is recorded."""
    cloud = lasting_enterprise.visitor()

    for body in wrong_bodies(side):
        answer = cloud.post(side.path, data=body, content_type="application/json")

        assert (answer.status_code, ret_code(answer)) == (400, 1), body
        entry = lasting_enterprise.trail()[-1]
        assert (entry["outcome"], entry["request_id"]) == ("refused", answer.headers["X-Request-ID"])


@both_sides
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"])
def test_other_method_is_405_with_both_fields(
    lasting_enterprise: Enterprise, side: Side, method: str
) -> None:
    """Nothing but POST is served there, and even that answer has both fields; to a HEAD, without a body."""
    answer = lasting_enterprise.visitor().open(side.path, method=method)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    if method == "HEAD":
        assert (answer.content_type, answer.data) == ("application/json", b"")
    else:
        assert ret_code(answer) == 1


@both_sides
@pytest.mark.parametrize("after", ["/", "/x", "/x/y", "/%00", "//", "/%2e%2e"])
def test_path_below_a_callback_is_404_with_both_fields(
    lasting_enterprise: Enterprise, side: Side, after: str
) -> None:
    """A callback registered with something behind its path gets an answer that the cloud can show."""
    answer = lasting_enterprise.visitor().post(side.path + after, json=side.question("x"))

    assert (answer.status_code, ret_code(answer)) == (404, 1)


@both_sides
def test_path_beside_a_callback_is_a_problem(lasting_enterprise: Enterprise, side: Side) -> None:
    """Only the two routes and what lies below have the cloud's shape."""
    answer = lasting_enterprise.visitor().post(side.path + "x", json=side.question("x"))

    problem(answer, 404)


def padded_to(body: bytes, size: int) -> bytes:
    return body + b" " * (size - len(body))


def chunked(cloud: FlaskClient, path: str, body: bytes) -> TestResponse:
    """Post *body* without saying how long it is, as gunicorn hands a chunked body on."""
    ended_by_the_server: dict[str, Any] = {"wsgi.input_terminated": True}
    return cloud.post(
        path,
        input_stream=BytesIO(body),
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides=ended_by_the_server,
    )


@both_sides
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
def test_body_over_the_cap_is_413_with_both_fields(
    lasting_enterprise: Enterprise, side: Side, is_chunked: bool
) -> None:
    """A body of exactly the cap is read, one byte more is 413 and retCode 1, chunked or not."""
    cloud = lasting_enterprise.visitor()
    cap = lasting_enterprise.services.settings.server.max_body
    body = orjson.dumps(side.question(issued(lasting_enterprise, side.subject)[0]))

    def post(content: bytes) -> TestResponse:
        return chunked(cloud, side.path, content) if is_chunked else cloud.post(side.path, data=content)

    assert is_accepted(post(padded_to(body, cap)))
    answer = post(padded_to(body, cap + 1))
    assert (answer.status_code, ret_code(answer)) == (413, 1)


@both_sides
@pytest.mark.parametrize("length", ["1000000000000", "100", "-1", "abc", "1e3", "٣"])
def test_wrong_content_length_is_refused(lasting_enterprise: Enterprise, side: Side, length: str) -> None:
    """A Content-Length that is too large, wrong or no number gets both fields, and never a 5xx."""
    question = BytesIO(orjson.dumps(side.question("x"))[:50])

    answer = lasting_enterprise.visitor().post(
        side.path, input_stream=question, environ_overrides={"CONTENT_LENGTH": length}
    )

    assert (answer.status_code, ret_code(answer)) in ((400, 1), (413, 1))


# Something is broken


def with_fake(enterprise: Enterprise, **fakes: Any) -> FlaskClient:
    """Return the cloud, talking to a server one part of which is a fake."""
    services: Services = replace(enterprise.services, **fakes)
    return create_app(services).test_client()


def broken_validation(enterprise: Enterprise) -> Validation:
    return with_broken_verifier(enterprise).services.validation


@both_sides
def test_unforeseen_error_is_500_with_both_fields(
    enterprise: Enterprise, side: Side, capfd: pytest.CaptureFixture[str]
) -> None:
    """An error nobody foresaw is 500 and retCode 4; its message is neither answered nor logged."""
    cloud = with_fake(enterprise, validation=broken_validation(enterprise))

    answer = side.ask(cloud, side.question("the-presented-token"))

    assert (answer.status_code, ret_code(answer)) == (500, 4)
    logged = "".join(capfd.readouterr())
    assert "RuntimeError" in logged
    for words in (SECRET, "the-presented-token"):
        assert words not in answer.text
        assert words not in logged


@both_sides
@pytest.mark.parametrize("broken", breakage.EVERY.values(), ids=breakage.EVERY)
def test_something_away_is_503_with_both_fields(
    enterprise: Enterprise, side: Side, broken: breakage.Breakage
) -> None:
    """Without store, keys or trail the answer is 503 and retCode 4, never yes; mended, it is yes again."""
    cloud = enterprise.visitor()
    question = side.question(issued(enterprise, side.subject)[0])

    with broken(enterprise):
        answer = side.ask(cloud, question)

    assert (answer.status_code, ret_code(answer)) == (503, 4)
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json == {"retCode": 4, "message": "temporarily unavailable"}
    assert is_accepted(side.ask(cloud, question))


@both_sides
@pytest.mark.parametrize("broken", breakage.TRAIL_AWAY.values(), ids=breakage.TRAIL_AWAY)
def test_malformed_body_without_a_trail_is_503(
    enterprise: Enterprise, side: Side, broken: breakage.Breakage
) -> None:
    """A malformed request that cannot be recorded gets 503 and retCode 4."""
    cloud = enterprise.visitor()

    with broken(enterprise):
        answer = cloud.post(side.path, data=b"{")

    assert (answer.status_code, ret_code(answer)) == (503, 4)
    assert "Retry-After" in answer.headers


# Settings


OUTCOMES: dict[str, tuple[int, int, Callable[[FlaskClient, Side], TestResponse]]] = {
    "refused": (200, 2, lambda cloud, side: side.ask(cloud, side.question("x"))),
    "malformed": (400, 1, lambda cloud, side: cloud.post(side.path, data=b"{")),
    "unknown path": (404, 1, lambda cloud, side: cloud.post(side.path + "/x")),
    "other method": (405, 1, lambda cloud, side: cloud.get(side.path)),
    "too large": (413, 1, lambda cloud, side: cloud.post(side.path, data=b" " * 20_000)),
}


def always_200(enterprise: Enterprise) -> FlaskClient:
    """Return the cloud, talking to the same server set to answer everything with 200."""
    settings = enterprise.services.settings
    callbacks = replace(settings.callbacks, always_200=True)
    return with_fake(enterprise, settings=replace(settings, callbacks=callbacks))


def without_status(answer: TestResponse) -> tuple[bytes, list[tuple[str, str]]]:
    return comparable(answer)[1:]


@both_sides
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_always_200_changes_the_status_only(lasting_enterprise: Enterprise, side: Side, outcome: str) -> None:
    """With `always_200` each answer has status 200 and otherwise the same bytes and headers."""
    status, code, ask = OUTCOMES[outcome]

    usual, always = (
        ask(cloud, side) for cloud in (lasting_enterprise.visitor(), always_200(lasting_enterprise))
    )

    assert (usual.status_code, ret_code(usual)) == (status, code)
    assert always.status_code == 200
    assert without_status(always) == without_status(usual)


@both_sides
@pytest.mark.parametrize("broken", ["store deleted", "keyring deleted", "trail a folder"])
def test_always_200_holds_when_something_is_away(enterprise: Enterprise, side: Side, broken: str) -> None:
    """With `always_200` an answer that cannot be known is 200 with the usual body, and retCode 4."""
    cloud, usual_cloud = always_200(enterprise), enterprise.visitor()
    question = side.question(issued(enterprise, side.subject)[0])

    with breakage.EVERY[broken](enterprise):
        usual, always = side.ask(usual_cloud, question), side.ask(cloud, question)

    assert (usual.status_code, always.status_code, ret_code(always)) == (503, 200, 4)
    assert always.data == usual.data


@both_sides
def test_always_200_holds_for_an_unforeseen_error(enterprise: Enterprise, side: Side) -> None:
    """With `always_200` even an error nobody foresaw is 200 with retCode 4."""
    settings = enterprise.services.settings
    callbacks = replace(settings.callbacks, always_200=True)
    cloud = with_fake(
        enterprise,
        settings=replace(settings, callbacks=callbacks),
        validation=broken_validation(enterprise),
    )

    answer = side.ask(cloud, side.question("x"))

    assert (answer.status_code, ret_code(answer)) == (200, 4)


def test_callbacks_are_where_they_are_configured(found_enterprise: Callable[..., Enterprise]) -> None:
    """The enterprise may choose both paths; the default ones are then nobody's."""
    enterprise = found_enterprise({"callbacks.agent_path": "/v/agent", "callbacks.chat_path": "/v/chat"})
    cloud = enterprise.visitor()

    for side, path in zip(SIDES.values(), ("/v/agent", "/v/chat"), strict=True):
        question = side.question(issued(enterprise, side.subject)[0])
        assert is_accepted(cloud.post(path, json=question))
        assert ret_code(cloud.post(path + "/", json=question)) == 1
        problem(cloud.post(side.path, json=question), 404)


def test_callbacks_are_not_served_to_people(found_enterprise: Callable[..., Enterprise]) -> None:
    """A server of the role `people` has no callbacks, and says so in the cloud's shape."""
    cloud = found_enterprise({"server.role": "people"}).visitor()

    for side in SIDES.values():
        answer = side.ask(cloud, side.question("x"))
        assert (answer.status_code, ret_code(answer)) == (404, 1)


# What is recorded


@both_sides
def test_verdict_is_written_down_without_the_token(enterprise: Enterprise, side: Side) -> None:
    """Each verdict leaves one entry with tenant, subject, audience and jti, and never the token."""
    cloud = enterprise.visitor()
    token, claims = issued(enterprise, side.subject)

    answer = side.ask(cloud, side.question(token))

    entry = enterprise.trail()[-1]
    assert entry["time"] == "2026-11-04T03:45:52.263Z"
    assert entry["request_id"] == answer.headers["X-Request-ID"]
    assert (entry["event"], entry["outcome"], entry["jti"]) == ("verdict", "accepted", claims.jti)
    assert (entry["tenant"], entry["subject"]) == (side.subject.tenant, side.subject.id)
    assert token not in str(enterprise.trail())


def test_claims_cannot_be_forged_with_another_servers_keys(
    found_enterprise: Callable[..., Enterprise],
) -> None:
    """A token whose claims are right but which another keyring signed is refused."""
    ours, theirs = found_enterprise(), found_enterprise()
    keyring = theirs.services.keyring
    oldest = keyring.list()[0].id
    keyring.rotate()
    keyring.revoke(oldest)
    side = SIDES["agent"]
    token = issued(theirs, side.subject)[0]

    assert is_accepted(side.ask(theirs.visitor(), side.question(token)))
    assert side.ask(ours.visitor(), side.question(token)).data == REFUSED


def test_token_shows_its_times_as_the_route_says(lasting_enterprise: Enterprise) -> None:
    """A token's end is its issue plus the lifetime of its audience, in whole milliseconds."""
    tokens = lasting_enterprise.services.settings.tokens
    for side in SIDES.values():
        claims = issued(lasting_enterprise, side.subject)[1]
        assert claims.expires_at - claims.issued_at == tokens.lifetime(side.subject.audience)
        assert to_milliseconds(claims.issued_at) == to_milliseconds(lasting_enterprise.clock.now())


def test_subject_without_an_account_may_be_asserted(lasting_enterprise: Enterprise) -> None:
    """A token for somebody this server has no account of is accepted, for exactly that somebody."""
    cloud, side = lasting_enterprise.visitor(), SIDES["agent"]
    stranger = Subject(AGENT.audience, TENANT, "nobody-here")
    question = side.question(issued(lasting_enterprise, stranger)[0])

    assert is_accepted(side.ask(cloud, {**question, "userAccount": stranger.id}))
    assert side.ask(cloud, question).data == REFUSED


# A base URL that ends with a slash, before a path that begins with one


@both_sides
@pytest.mark.parametrize("slashes", ["//", "///"])
def test_doubled_slashes_mean_the_callback(lasting_enterprise: Enterprise, side: Side, slashes: str) -> None:
    """A good request is accepted on the fast path, and a wrong one gets its shape from Flask."""
    token, _ = issued(lasting_enterprise, side.subject)
    path = side.path.replace("/v1/", f"{slashes}v1{slashes}")
    cloud = lasting_enterprise.visitor()

    right = cloud.post(path, json=side.question(token))
    wrong_method, below = cloud.get(path), cloud.post(f"{path}/x", json={})

    assert is_accepted(right)
    assert (wrong_method.status_code, ret_code(wrong_method)) == (405, 1)
    assert (below.status_code, ret_code(below)) == (404, 1)
