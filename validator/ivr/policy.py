"""The settings of what IVR flows may fetch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from validator.networks import Network

PATH = "/rest/v1/ivr"
_QUERY = re.compile(
    r"([A-Za-z0-9_-]{1,64})=([A-Za-z][A-Za-z0-9_]{0,63}(?:\+[A-Za-z][A-Za-z0-9_]{0,63})*)", re.ASCII
)


def parse_query(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the name and the fields that *text* spells, such as `level=level+since`; raises ValueError."""
    match = _QUERY.fullmatch(text)
    if match is None:
        raise ValueError("not a name and its fields")
    return match[1], tuple(match[2].split("+"))


@dataclass(frozen=True, slots=True)
class IvrPolicy:
    """The fields that each query gives, by its name, and who may ask in addition to being a client."""

    queries: Mapping[str, tuple[str, ...]]
    networks: tuple[Network, ...]
    client_certificate: bool

    @property
    def paths(self) -> dict[str, str]:
        """The path of each query, by its name."""
        return {name: f"{PATH}/{name}" for name in self.queries}
