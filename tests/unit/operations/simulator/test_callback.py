"""The enterprise's answer as the cloud reads it, and the question as it is sent."""

import json
import socket
import ssl
from datetime import timedelta
from threading import Thread

import pytest
import trustme

from validator.operations.http_client import Response
from validator.operations.simulator.callback import Callback, read_reply
from validator.operations.simulator.registration import Enterprise


def answer(body: bytes, status: int = 200) -> Response:
    """Return an answer with *body*."""
    return Response(status, {}, body, 0.0124)


def test_yes_is_accepted() -> None:
    """Exactly status 200, an integer 0 and a text are a yes; more fields do not matter."""
    reply = read_reply(answer(b'{"retCode": 0, "message": "validate success", "more": [1]}'))

    assert (reply.is_accepted, reply.ret_code, reply.problem) == (True, 0, None)
    assert (reply.message, reply.milliseconds) == ("validate success", 12)


def test_no_is_a_message() -> None:
    """Another code is a refusal, whose message is kept; nothing is wrong with it."""
    reply = read_reply(answer(b'{"retCode": 2, "message": "validate failed"}'))

    assert (reply.is_accepted, reply.ret_code) == (False, 2)
    assert (reply.message, reply.problem) == ("validate failed", None)


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        (b'{"retCode": "0", "message": "yes"}', 200, "retCode is a str, not an int"),
        (b'{"retCode": false, "message": "yes"}', 200, "retCode is a bool, not an int"),
        (b'{"retCode": 0.0, "message": "yes"}', 200, "retCode is a float, not an int"),
        (b'{"message": "yes"}', 200, "retCode is missing"),
        (b'{"retCode": 0}', 200, "message is missing or no text"),
        (b'{"retCode": 0, "message": ""}', 200, "message is missing or no text"),
        (b'{"retCode": 0, "message": null}', 200, "message is missing or no text"),
        (b'{"retCode": 0, "message": "yes"}', 302, "retCode 0 with status 302"),
        (b"[]", 200, "status 200: the body is not a JSON object"),
        (b"<html>", 502, "status 502: the body is not JSON"),
    ],
)
def test_everything_else_is_no_yes(body: bytes, status: int, problem: str) -> None:
    """Whatever is wrong with an answer, it is not a yes, and the problem is named."""
    reply = read_reply(answer(body, status))

    assert (reply.is_accepted, reply.problem) == (False, problem)


def asked_over_tls(url_path: str = "/validate?x=1") -> tuple[bytes, bool]:
    """Return what an enterprise hears of a question about an agent, and whether its yes was taken."""
    certificate = trustme.CA().issue_cert("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    heard: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with context.wrap_socket(connection, server_side=True) as tls:
            while b"}" not in b"".join(heard):
                heard.append(tls.recv(65536))
            content = b'{"retCode": 0, "message": "yes"}'
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(content), content))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}{url_path}"
        der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
        reply = Callback(Enterprise(url, url, der, timedelta(seconds=10))).ask_agent("t", "1", "李")
        thread.join(10)
    return b"".join(heard), reply.is_accepted


def test_question_has_the_documented_form() -> None:
    """The agent side is asked with a POST of three texts, over TLS, at the registered URL."""
    heard, is_accepted = asked_over_tls()

    head, _, body = heard.partition(b"\r\n\r\n")
    assert is_accepted
    assert head.startswith(b"POST /validate?x=1 HTTP/1.1\r\n")
    assert b"Content-Type: application/json;charset=UTF-8" in head
    assert json.loads(body) == {"access_token": "t", "tenantSpaceId": "1", "userAccount": "李"}


def test_nobody_there_is_a_problem() -> None:
    """An enterprise that cannot be reached has no message, and the problem is named."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/validate"
    der = ssl.PEM_cert_to_DER_cert(trustme.CA().cert_pem.bytes().decode())

    reply = Callback(Enterprise(url, url, der, timedelta(seconds=10))).ask_chat("t", "1", "u", "n")

    assert (reply.is_accepted, reply.message) == (False, None)
    assert reply.problem is not None
    assert reply.problem.startswith("no connection")


def test_cloud_gives_up() -> None:
    """An enterprise that takes the connection and says nothing is given up on, in the time that was set."""
    der = ssl.PEM_cert_to_DER_cert(trustme.CA().cert_pem.bytes().decode())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/validate"

        reply = Callback(Enterprise(url, url, der, timedelta(milliseconds=200))).ask_agent("t", "1", "a")

    assert (reply.is_accepted, reply.message) == (False, None)
    assert reply.problem == "no whole answer within 0.2 s"
