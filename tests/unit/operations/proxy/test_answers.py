"""What nginx answers by itself: one answer for each of its errors, in the application's shapes."""

from typing import Any

import orjson
import pytest

from tests.support.fakes import FLOWS
from tests.support.nginx_directives import Directive, parse, servers
from tests.support.nginx_renderings import EVERYTHING, WITH_CALLBACKS, rendered
from validator.errors import PublicError, RetCode
from validator.operations.proxy.answers import nginx_answers
from validator.web.openapi import Problem
from validator.web.replies import problem

# Every status that nginx 1.22 to 1.30 makes itself; 444 and 499 have no answer, 3xx are no errors here.
OF_NGINX = "400 403 404 405 408 411 413 414 415 416 421 429 494 495 496 497 500 501 502 503 504 505 507"
NOT_FROM_US = {"415", "507"}  # of WebDAV and image filters, which are not used


def read(quoted: str) -> Any:
    """Return what nginx sends for the *quoted* text in its configuration."""
    assert quoted[0] + quoted[-1] == "''"
    return orjson.loads(str(quoted[1:-1]))


def test_every_error_of_nginx_has_one_answer() -> None:
    """No error is answered with nginx's own page, and none is answered in two ways."""
    statuses = [status for answer in nginx_answers() for status in map(str, answer.statuses)]

    assert len(statuses) == len(set(statuses))
    assert set(OF_NGINX.split()) - set(statuses) - NOT_FROM_US == set()


def test_answers_are_the_applications() -> None:
    """Each body has the words and codes of the catalogue, and the members that the application's have.

    A problem has the callbacks' two fields only where the path could not be read.
    """
    for answer in nginx_answers():
        shape = answer.kind.value
        callback, own, unread = read(answer.callback), read(answer.problem), read(answer.unread)

        assert callback["retCode"] == int(shape.ret_code)
        assert callback["message"].startswith(shape.title)
        assert own == problem(answer.kind, answer.status, "$request_id", detail=answer.hint)
        assert set(own) <= set(Problem().fields)
        assert unread["retCode"] == int(shape.ret_code)
        assert {name: unread[name] for name in own if name != "detail"} == {
            name: own[name] for name in own if name != "detail"
        }


def test_no_answer_is_a_yes() -> None:
    """Whatever happens at the door, the cloud never reads it as an accepted token."""
    every = nginx_answers()

    assert RetCode.ACCEPTED not in {answer.kind.value.ret_code for answer in every}
    assert {answer.kind for answer in every} >= {
        PublicError.THROTTLED,
        PublicError.UNAVAILABLE,
        PublicError.FAULTY,
    }


def test_statuses_are_what_is_answered() -> None:
    """The status of an answer is the catalogue's where nginx's error means the same."""
    of_kind = {answer.kind: answer.status for answer in nginx_answers()}

    for kind in (
        PublicError.NOT_FOUND,
        PublicError.METHOD_NOT_ALLOWED,
        PublicError.TOO_LARGE,
        PublicError.THROTTLED,
        PublicError.UNAVAILABLE,
    ):
        assert of_kind[kind] == kind.value.status


@pytest.mark.parametrize("settings", [EVERYTHING, WITH_CALLBACKS, {}], ids=["everything", "apart", "least"])
def test_every_server_has_every_answer(settings: dict[str, str]) -> None:
    """Each server sends all of nginx's errors to a separate internal location."""
    text = rendered(settings)
    expected = {status for answer in nginx_answers() for status in map(str, answer.statuses)}
    answering = [one for one in servers(text) if not one.own("ssl_reject_handshake")]

    for server in answering:
        pages = server.own("error_page")
        internal = [
            one.arguments[-1] for one in server.inside if one.name == "location" and one.own("internal")
        ]
        assert {status for *statuses, _, _ in pages for status in statuses} == expected
        assert all(any(page[-1].startswith(place[:11]) for place in internal) for page in pages)


@pytest.mark.parametrize("always_200", ["true", "false"])
def test_every_page_has_its_body(always_200: str) -> None:
    """The two maps of bodies name exactly the pages that errors are sent to, and are never empty."""
    tree = parse(rendered({**EVERYTHING, "callbacks.always_200": always_200}))
    bodies = {
        one.name
        for item in tree.inside
        if item.name == "map" and item.arguments[1] in ("$validator_problem", "$validator_answer")
        for one in item.inside
        if one.arguments != [""]
    }

    assert {place for page in tree.all("error_page") for place in places(page.arguments[-1])} | {
        "default"
    } == bodies


def places(page: str) -> set[str]:
    """Return the paths that the variable in *page* makes of it."""
    shapes = {
        "$validator_shape": ("problem", "unread", "callback"),
        "$validator_callback": ("callback", "precondition"),
    }
    for variable, words in shapes.items():
        if variable in page:
            return {page.replace(variable, word) for word in words}
    return {page}


@pytest.mark.parametrize("always_200", ["false", "true"])
def test_flows_get_bodies_that_they_can_read(always_200: str) -> None:
    """What nginx answers a flow itself is the result 3, or `failed`; for a fault of ours with status 200."""
    text = rendered({**FLOWS, "callbacks.always_200": always_200})
    (server,) = (one for one in servers(text) if any("/rest/v1/ivr/level" in each for each in paths_of(one)))
    bodies = {each.arguments[-1]: each.own("return") for each in server.all("location")}
    pages = {each.arguments[-1]: each.own("error_page") for each in server.all("location")}

    ((_, verification),) = bodies["/door-error/verification/"]
    ((_, query),) = bodies["/door-error/ivr/"]
    assert orjson.loads(verification)["data"]["verifyResult"] == 3
    assert orjson.loads(query) == {"found": "failed", "fields": {}}
    sent = {page[-1]: page[-2] for page in pages["/rest/v1/verification/PIN"]}
    assert {sent[f"/door-error/verification/{status}"] for status in (500, 503)} == {"=200"}
    assert sent["/door-error/verification/429"] == ("=200" if always_200 == "true" else "=429")
    sent = {page[-1]: page[-2] for page in pages["/rest/v1/ivr/level"]}
    assert sent["/door-error/ivr/503"] == ("=200" if always_200 == "true" else "=503")


def test_pages_are_on_the_portals_server_only() -> None:
    """With a separate server for the cloud, flows ask there, and an agent's page on the portal's own."""
    portal, cloud = (
        {path for one in found for path in paths_of(one)}
        for found in (
            [one for one in servers(text_apart()) if "portal" in str(one.own("server_name"))],
            [one for one in servers(text_apart()) if "callbacks" in str(one.own("server_name"))],
        )
    )

    assert "/api/v1/verifications/latest" in portal - cloud
    assert {"/rest/v1/verification/PIN", "/rest/v1/ivr/level"} <= cloud - portal


def text_apart() -> str:
    """Return validator.conf with the callbacks on a separate server, and the flows."""
    return rendered({**WITH_CALLBACKS, **FLOWS})


def paths_of(server: Directive) -> set[str]:
    """Return the path of each location of *server*."""
    return {location.arguments[-1] for location in server.all("location")}
