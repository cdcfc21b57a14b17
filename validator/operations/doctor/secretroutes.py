"""What the checks of routes with a secret have in common: the request, a refusal, and secrets in logs.

The right secret is sent only if it was given, and only to a server whose certificate is verified in the same
connection, since a client that has it can use the route.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from validator.operations.certificates.judging import Finding
from validator.operations.doctor.asking import Request, printable
from validator.operations.doctor.results import Checked, Sound, problem, warning
from validator.operations.http_client import Response, basic
from validator.routeguard import BASIC

SERVE = "switch the route on, and serve it (`serve --role integrations`)"
_CHUNK = 1 << 20
OK = 200
_UNAUTHORISED, _NOT_LET_IN, _THROTTLED = 401, 403, 429

Ask = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class SecretRoute:
    """A route: its name, its path, where its secret is (`PROOFS`), and the secret if known."""

    name: str
    path: str
    proof: str
    secret: str | None = field(default=None, repr=False)

    def with_secret(self, request: Request, secret: str) -> Request:
        """Return *request* at this route with *secret*."""
        if self.proof == BASIC:
            return replace(request, path=self.path, authorization=basic(self.name, secret)["Authorization"])
        return replace(request, path=f"{self.path}/{quote(secret)}")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of such routes: how the codes of findings begin, its words, and its section of the settings."""

    code: str
    words: str
    section: str

    def otherwise(self, code: str, path: str, response: Response) -> Finding:
        """Return the finding about a *response* that neither refuses a secret nor accepts it."""
        words = f"{path} responds with {response.status}"
        if response.status == _NOT_LET_IN:
            where = f"run this from a network in {self.section}.networks"
            return warning(
                code,
                f"{words}, so this machine has no access: {where}, with --client-certificate if required",
            )
        if response.status == _THROTTLED:
            return warning(code, f"{words}: a limit is reached; retry in a minute")
        return problem(code, f"{words}: {SERVE}")

    def refused(self, code: str, path: str, response: Response, otherwise: str) -> Checked:
        """Return whether the *response* refuses a wrong secret; *otherwise* is the problem if it is 200."""
        if is_challenge(response):
            return Sound(code, f"{path} refuses a wrong secret ({response.status})")
        if response.status == OK:
            return problem(code, f"{path} {otherwise}")
        return self.otherwise(code, path, response)

    def accepted(self, code: str, path: str, response: Response, words: str) -> Checked:
        """Return whether the *response* accepts the right secret; *words* are about it if it does."""
        if is_challenge(response):
            words = f"{path} refuses the secret in the file ({response.status})"
            return problem(code, f"{words}: restart the pool after the file of secrets was changed")
        if response.status == OK:
            return Sound(code, f"{path} accepts the secret{words}")
        return self.otherwise(code, path, response)

    def logs(self, logs: Sequence[Path], wrong: str, routes: Sequence[SecretRoute]) -> Iterator[Checked]:
        """Yield for each of *logs* whether it has the *wrong* secret, which was sent, or a right one.

        The wrong one was sent first: a log that has secrets has this one, even if it is written late.
        """
        known = [wrong, *(route.secret for route in routes if route.secret is not None)]
        yield from (self._log(path, [each.encode() for each in known]) for path in logs)

    def _log(self, path: Path, secrets: Sequence[bytes]) -> Checked:
        code, name = f"{self.code}-log", printable(str(path))
        try:
            found = _is_in(path, secrets)
        except OSError as error:
            return warning(code, f"{name} cannot be read: {error.strerror}")
        if found:
            words = f"{name} has a secret of {self.words}"
            return problem(code, f"{words}: render nginx's files again, and change the secret")
        return Sound(code, f"{name} has no secret of {self.words}")


def is_challenge(response: Response) -> bool:
    """Return whether *response* refuses a secret; the challenge shows it where every status is 200."""
    return response.status == _UNAUTHORISED or "www-authenticate" in response.headers


def _is_in(path: Path, secrets: Sequence[bytes]) -> bool:
    kept, overlap = b"", max(map(len, secrets)) - 1
    with path.open("rb") as log:
        while chunk := log.read(_CHUNK):
            text = kept + chunk
            if any(each in text for each in secrets):
                return True
            kept = text[-overlap:]
    return False
