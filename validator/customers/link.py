"""The link from a customer's card into the enterprise's CRM: one https origin, and places for values.

The template is written as `https://crm.example.com/customers/{id}`. A place has the name of a field of the
catalogue, `id`, or `number`. The origin has no place, so that no value can lead to another site; a value is
percent-encoded, so that it cannot begin another segment or parameter.
"""

import re
from collections.abc import Collection, Mapping
from urllib.parse import quote

from validator.origins import is_origin

_PLACE = re.compile(r"\{([A-Za-z0-9_]{1,64})\}", re.ASCII)
_TEMPLATE = re.compile(r"(https://[^/?#{}]+)(/[A-Za-z0-9._~/?&=#:@!$()*+,;%{}-]*)", re.ASCII)
_NO_SEGMENT = ("", ".", "..")  # browsers would resolve the dots: the link would lead elsewhere
MAX_TEMPLATE = 1024


class LinkTemplate:
    """A template of links."""

    def __init__(self, text: str) -> None:
        """Read the template *text*; raises ValueError, in words, for another form."""
        found = _TEMPLATE.fullmatch(text)
        if len(text) > MAX_TEMPLATE or found is None or not is_origin(found[1]):
            raise ValueError("is not https://HOST/… with places such as {id} after the host")
        if {"{", "}"} & set(_PLACE.sub("", found[2])):
            raise ValueError("has a brace that is not of a place such as {id}")
        self._text, self.names = text, tuple(_PLACE.findall(text))

    def unknown(self, allowed: Collection[str]) -> list[str]:
        """Return the names of places that are not in *allowed*."""
        return [name for name in dict.fromkeys(self.names) if name not in allowed]

    def url(self, values: Mapping[str, str]) -> str | None:
        """Return the link with *values* by their names; None when a place would have no value to lead to."""
        if any(values.get(name, "") in _NO_SEGMENT for name in self.names):
            return None
        return _PLACE.sub(lambda place: quote(values[place[1]], safe="", errors="replace"), self._text)
