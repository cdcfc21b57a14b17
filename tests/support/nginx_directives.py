"""nginx's configuration as a tree of directives, read as nginx reads it, for tests that hold it to facts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""\s+ | \#[^\n]* | (?P<mark>[;{}])
      | "(?P<double>(?:[^"\\]|\\.)*)" | '(?P<single>(?:[^'\\]|\\.)*)'
      | (?P<plain>(?:[^\s;{}"'#\\]|\\.)(?:[^\s;{}\\]|\\.)*)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(slots=True)
class Directive:
    """One directive: its name, its arguments without their quotes, and what stands in its braces."""

    name: str
    arguments: list[str]
    inside: list["Directive"] = field(default_factory=list)

    def all(self, *names: str) -> Iterator["Directive"]:
        """Yield every directive below this one, those of *names* only when there are any."""
        for one in self.inside:
            if not names or one.name in names:
                yield one
            yield from one.all(*names)

    def own(self, name: str) -> list[list[str]]:
        """Return the arguments of each directive *name* directly in here."""
        return [one.arguments for one in self.inside if one.name == name]

    def value(self, name: str) -> str:
        """Return the only argument of the only directive *name* directly in here."""
        ((only,),) = self.own(name)
        return only

    @property
    def outline(self) -> tuple[object, ...]:
        """The shape without the values: which directives stand where, each with how many arguments."""
        return (self.name, len(self.arguments), tuple(one.outline for one in self.inside))


def parse(text: str) -> Directive:
    """Return the tree of *text*, under a directive without a name; fails where nginx would."""
    top = Directive("", [])
    opened, words, at = [top], list[str](), 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match is not None, f"no token of nginx: {text[at : at + 40]!r}"
        at = match.end()
        if match["mark"] is None:
            words += [part for part in match.group("double", "single", "plain") if part is not None]
            continue
        _close(opened, words, match["mark"])
        words = []
    assert opened == [top], "a brace stays open"
    assert not words, f"the end is missing: {words}"
    return top


def _close(opened: list[Directive], words: list[str], mark: str) -> None:
    if mark == "}":
        assert not words, f"no semicolon after {words}"
        opened.pop()
        return
    assert words, f"nothing before {mark!r}"
    directive = Directive(words[0], words[1:])
    opened[-1].inside.append(directive)
    if mark == "{":
        opened.append(directive)


def servers(text: str) -> list[Directive]:
    """Return the servers of *text*, from top to bottom."""
    return [one for one in parse(text).inside if one.name == "server"]


def server_of(text: str, name: str, *, tls: bool = True) -> Directive:
    """Return the server of *text* that answers for *name*, over TLS or over plain HTTP."""
    (found,) = [
        one
        for one in servers(text)
        if one.own("server_name") == [[name]] and any("ssl" in words for words in one.own("listen")) is tls
    ]
    return found


def location_of(server: Directive, *arguments: str) -> Directive:
    """Return the location of *server* that is written with *arguments*."""
    (found,) = [one for one in server.inside if one.name == "location" and one.arguments == [*arguments]]
    return found
