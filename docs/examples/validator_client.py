"""Gets agents' tokens and guests' signatures from the validator (Python 3.11, standard library only)."""

import json
import os
import ssl
import sys
import time
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from socket import SHUT_RDWR, socket
from threading import Timer
from urllib.parse import urlsplit

USAGE = "usage: validator_client.py tokens TENANT USER... | revoke | guest ORIGIN TENANT CHANNEL NAME"
REQUEST_TIMEOUT, DEADLINE, MAX_WAIT = 10, 30, 10  # seconds: one request; all of them; one Retry-After
MARGIN = timedelta(seconds=60)  # what a cached token has left at least


class ValidatorError(Exception):
    """The validator refused, or there is no usable response."""


class Validator:
    """Share one instance in your server; *end* is the deadline of one of its requests (`time.monotonic`)."""

    def __init__(self, url: str, ca_file: str, client: str, secret_file: str) -> None:
        self._address = urlsplit(url)
        self._tls = ssl.create_default_context(cafile=ca_file or None)
        self._client, self._secret_file = client, secret_file
        self._cache: dict[tuple[str, str], dict] = {}

    def agent_token(self, tenant: str, user: str, end: float) -> dict:
        cached = self._cache.get((tenant, user))
        if cached and datetime.fromisoformat(cached["expiresAt"]) - datetime.now(UTC) > MARGIN:
            return cached
        wanted = {"tenantSpaceId": tenant, "userAccount": user}
        _, content = self._post("/api/v1/tokens/agent", wanted, end, "application/json")
        token = self._cache[tenant, user] = json.loads(content)
        return token

    def revoke(self, token: str, end: float) -> None:
        self._post("/api/v1/tokens/revoke", {"token": token}, end, None)

    def guest(self, origin: str, tenant: str, channel: str, name: str, end: float) -> dict:
        page = {"Origin": origin}
        response, content = self._post("/webchat/guest", {}, end, "application/json", page)
        # Keep this cookie in the visitor's session: without it, every page load makes a new guest.
        page["Cookie"] = response.getheader("Set-Cookie", "").partition(";")[0]
        guest_id = json.loads(content)["thirdUserId"]
        guest = {"thirdUserName": name, "thirdUserId": guest_id, "tenantSpaceId": tenant}
        signed = guest | {"channelConfigId": channel}
        _, line = self._post("/webchat/authorizationService", signed, end, "text/plain", page)
        return guest | {"thirdPartAuthorization": line.decode()}

    def _post(
        self, path: str, body: dict, end: float, expected: str | None, page: dict | None = None
    ) -> tuple[HTTPResponse, bytes]:
        """Return a response of the *expected* type, or an empty one; *page* replaces the client's header."""
        response, content = self._send(path, body, end, page or self._authorization())
        if response.status in (401, 429, 503):
            if response.status != 401:
                wait(response, content, end)
            response, content = self._send(path, body, end, page or self._authorization())
        if response.status != 200:
            raise ValidatorError(described(response, content))
        if media_type(response) != expected if expected else content:
            raise ValidatorError("HTTP 200 with unexpected content: not from the validator")
        return response, content

    def _send(self, path: str, body: dict, end: float, headers: dict) -> tuple[HTTPResponse, bytes]:
        host, port = self._address.hostname or "", self._address.port
        timeout = min(REQUEST_TIMEOUT, max(0.001, end - time.monotonic()))
        connection = HTTPSConnection(host, port, timeout=timeout, context=self._tls)
        # The timeout of a socket bounds each read; this timer bounds the whole request.
        timer = Timer(timeout, end_reading, [connection])
        timer.start()
        try:
            headers = {"Content-Type": "application/json", **headers}
            connection.request("POST", path, json.dumps(body), headers)
            response = connection.getresponse()
            return response, response.read()
        except (OSError, HTTPException) as error:
            raise ValidatorError(f"{self._address.netloc}: {error}") from error
        finally:
            timer.cancel()
            connection.close()

    def _authorization(self) -> dict:
        """Read the secret for each request: after a rotation, the second try has the new one."""
        secret = Path(self._secret_file).read_text("utf-8").strip()
        return {"Authorization": "Basic " + b64encode(f"{self._client}:{secret}".encode()).decode()}


def end_reading(connection: HTTPSConnection) -> None:
    with suppress(OSError):
        if connection.sock:
            socket.shutdown(connection.sock, SHUT_RDWR)


def wait(response: HTTPResponse, content: bytes, end: float) -> None:
    text = response.getheader("Retry-After", "")
    seconds = int(text) if text.isdecimal() else 1
    if seconds > min(MAX_WAIT, end - time.monotonic()):
        raise ValidatorError(f"{described(response, content)}: try again in {seconds} s")
    time.sleep(seconds)


def media_type(response: HTTPResponse) -> str:
    return response.getheader("Content-Type", "").partition(";")[0]


def described(response: HTTPResponse, content: bytes) -> str:
    """Return the problem (RFC 9457) in words; of any other content, nothing."""
    if media_type(response) != "application/problem+json":
        return f"HTTP {response.status} without a problem document: not from the validator"
    problem = json.loads(content)
    words = ": ".join(problem[name] for name in ("title", "detail") if name in problem)
    return f"HTTP {response.status} {words} ({problem['instance']})"


def main(arguments: list[str]) -> int:
    end = time.monotonic() + DEADLINE
    names = ("URL", "CA_FILE", "CLIENT", "CLIENT_SECRET_FILE")
    url, *others = (os.environ.get(f"VALIDATOR_{name}", "") for name in names)
    try:
        validator = Validator(url, *others)
        match arguments if url.startswith("https://") else []:
            case ["tokens", tenant, first, *more]:
                for user in (first, *more):
                    print(json.dumps(validator.agent_token(tenant, user, end)), flush=True)
            case ["revoke"]:
                validator.revoke(sys.stdin.read().strip(), end)
            case ["guest", origin, tenant, channel, name]:
                print(json.dumps(validator.guest(origin, tenant, channel, name, end)))
            case _:
                print(USAGE, file=sys.stderr)
                return 2
    except (ValidatorError, OSError, ValueError, LookupError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
