"""Canaries: secrets that are easy to recognise, planted in a server, and a search for whatever shows them."""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx2
import orjson

from tests.support.postgres_processes import family

# A part of a secret is a leak too: its end is searched for, since the beginning of a token is not secret.
_TAIL = 20


@dataclass
class Canaries:
    """Every secret there is, by what a test calls it, and the one answer, if any, that gives it."""

    secrets: dict[str, str] = field(default_factory=dict)
    given_in: dict[str, httpx2.Response] = field(default_factory=dict)

    def plant(self, **secrets: str) -> None:
        """Take note of secrets that may stand nowhere."""
        for name, secret in secrets.items():
            assert len(secret) >= 12, name
            self.secrets[name] = secret

    def receive(self, answer: httpx2.Response, **secrets: str) -> None:
        """Take note of secrets that *answer* gives, and nothing else may."""
        numbered = {f"{name}-{len(self.secrets)}": secret for name, secret in secrets.items()}
        self.plant(**numbered)
        self.given_in |= dict.fromkeys(numbered, answer)

    def plant_keys(self, folder: Path) -> None:
        """Take note of whatever the files of keys hold that looks like one; where the trail ends is none."""
        for file in folder.iterdir():
            if file.name.startswith("trail-"):
                continue
            for number, secret in enumerate(re.findall(r"[0-9a-f]{32,}", file.read_text())):
                self.plant(**{f"{file.name}-{number}": secret})

    def found_in(self, places: Mapping[str, bytes]) -> list[str]:
        """Return each secret that stands in one of *places*, with the place."""
        forms = [(name, form) for name, secret in self.secrets.items() for form in _forms(secret)]
        return sorted(
            {f"{name} in {where}" for where, text in places.items() for name, form in forms if form in text}
        )

    def found_in_answers(self, answers: list[httpx2.Response]) -> list[str]:
        """Return each secret that stands in an answer which does not give it."""
        found = []
        for answer in answers:
            given = {name for name, giver in self.given_in.items() if giver is answer}
            others = Canaries({name: text for name, text in self.secrets.items() if name not in given})
            request = f"{answer.request.method} {answer.request.url.path} {answer.status_code}"
            found += others.found_in({request: whole(answer)})
        return found


def whole(answer: httpx2.Response) -> bytes:
    """Return the headers and the body of an answer."""
    headers = b"\n".join(name + b": " + value for name, value in answer.headers.raw)
    return headers + b"\n\n" + answer.content


def processes(pid: int) -> dict[str, bytes]:
    """Return the arguments and the environment of the process *pid* and of all below it."""
    places = {}
    for one in family(pid):
        for name in ("cmdline", "environ"):
            places[f"/proc/{one}/{name}"] = Path(f"/proc/{one}/{name}").read_bytes()
    return places


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below *folder*."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _forms(secret: str) -> Iterator[bytes]:
    """Yield how *secret* may be spelt: as it is, in JSON, in a URL, in hexadecimal, in base64 anywhere."""
    secret = secret[-_TAIL:]
    plain = secret.encode()
    yield from {plain, orjson.dumps(secret)[1:-1], quote(secret, safe="").encode(), plain.hex().encode()}
    for shift in range(3):
        # Without what depends on the bytes before and after it.
        yield base64.b64encode(bytes(shift) + plain)[4 if shift else 0 : -4]
