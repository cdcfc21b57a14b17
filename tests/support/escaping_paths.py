"""Paths that may lead out of /service-cloud/, and every way in which a server may read one."""

import re
from itertools import permutations
from urllib.parse import unquote_to_bytes

from tests.support.strict_cloud import CHAT_SCRIPT, LOGIN

INSIDE = "/service-cloud"
OUT = LOGIN.lstrip("/")  # what nobody may reach through the portal
# One step up, in every spelling that some server takes for one.
STEPS_UP = (
    *("..", ".%2e", "%2e.", "%2e%2e", "%2E%2e"),
    *("%252e%252e", "%25%32%65%25%32%65", "..%00", "%2e%2e%00", "..%20", "..%09", "%00.."),
    *("..;", "..;a=b", "%2e%2e;", ".%2e;a", "..%3b", "..%3Ba=b", "..;%2f", ";a/..", ";/.."),
    *("%c0%ae%c0%ae", "%C0%AE.", "%e0%80%ae%e0%80%ae", "%f0%80%80%ae.", "%c0%2e%c0%2e"),
    *("%u002e%u002e", "%uff0e%uff0e", "%ef%bc%8e%ef%bc%8e", "..%ef%bc%8f", "%e2%80%a5"),
    *("...", "....", "..%c0%af", "..%c1%9c", "..%bg", "..%", "..%2"),
)
# What stands between two segments, in every spelling that some server takes for a slash.
SLASHES = (
    *("%2f", "%2F", "%252f", "%5c", "%5C", "%255c", "\\", "\\\\", "/\\", "//", "///", "/./", "/.//"),
    *(
        "%c0%af",
        "%C0%AF",
        "%e0%80%af",
        "%c1%9c",
        "%u2215",
        "%ef%bc%8f",
        "/;/",
        "/;a=b/",
        "/.;/",
        "/%2e/",
        "/%2f/",
    ),
)
# What is not made of the two.
OTHERS = (
    f"{INSIDE}",
    f"{INSIDE}?/../../{OUT}",
    f"{INSIDE}..",
    f"{INSIDE}../{OUT}",
    f"{INSIDE}.;/{OUT}",
    f"{INSIDE};/../{OUT}",
    f"{INSIDE};a=b/{OUT}",
    f"{INSIDE}%3f/../{OUT}",
    f"{INSIDE}%00/../{OUT}",
    f"{INSIDE}x/../{OUT}",
    f"{INSIDE}-two/{OUT}",
    f"/Service-Cloud/{OUT}",
    f"/SERVICE-CLOUD/../{OUT}",
    f"/service%2dcloud/../{OUT}",
    f"/%73ervice-cloud/{OUT}",
    f"/%73ervice-cloud/..;/{OUT}",
    f"/service-clou%64/%2e%2e/{OUT}",
    f"/x/..{INSIDE}/../{OUT}",
    f"/x/..;{INSIDE}/{OUT}",
    f"/./{INSIDE}/..//{OUT}",
    f"//{OUT}",
    f"//other.example.com{INSIDE}/{OUT}",
    f"//other.example.com/..{INSIDE}/{OUT}",
    f"\\{INSIDE}\\..\\{OUT}",
    f"{INSIDE}/\x00../{OUT}",
    f"{INSIDE}/..\x00/{OUT}",
    f"{INSIDE}/a\tb/../../{OUT}",
    f"{INSIDE}/..\t/{OUT}",
    f"{INSIDE}/#/../../{OUT}",
    f"{INSIDE}/..#/{OUT}",
    f"{INSIDE}/%23/../../{OUT}",
    f"{INSIDE}/%0d%0aX-Note:%20a/../../{OUT}",
    f"{INSIDE}/%0a/..;/{OUT}",
    f"{INSIDE}/a%3f/../../{OUT}",
    f"{INSIDE}/?/../../{OUT}",
    f"{INSIDE}/?a=/../../{OUT}&b=%2e%2e%2f",
    f"{INSIDE}/a/b/../../../{OUT}",
    f"{INSIDE}/a/../../{OUT}",
    f"{INSIDE}/a/%2e%2e/%2e%2e/{OUT}",
    f"{INSIDE}/a%2f..%2f..%2f{OUT}",
    f"{INSIDE}/a;/..;/..;/{OUT}",
    f"{INSIDE}/@other.example.com/..;/{OUT}",
    f"{INSIDE}/{'a/' * 40}{'..%2f' * 41}{OUT}",
    f"{INSIDE}/~/..;x/{OUT}",
    f"{INSIDE}/\xc3\xa9/../../{OUT}",
    f"{INSIDE}/\xc0\xae\xc0\xae/{OUT}",
    f"https://other.example.com{INSIDE}/../{OUT}",
    f"https://portal.example.com{INSIDE}/..;/{OUT}",
    f"https://portal.example.com/..{INSIDE}/%2e%2e/{OUT}",
    f"https:/{INSIDE}/../{OUT}",
)
EVERY = (
    *(f"{INSIDE}/{step}/{OUT}" for step in STEPS_UP),
    *(f"{INSIDE}/webclient/{step}/{step}/{OUT}" for step in STEPS_UP[:24]),
    *(f"{INSIDE}{slash}..{slash}{OUT}" for slash in SLASHES),
    *(f"{INSIDE}/webclient{slash}..{slash}..{slash}{OUT}" for slash in SLASHES),
    *OTHERS,
)
# Unusual, and harmless: these must arrive, or nothing would be proven of the others.
HARMLESS = (
    CHAT_SCRIPT,
    f"{CHAT_SCRIPT}?&t=17",
    f"{CHAT_SCRIPT}?next=/../{OUT}",
    f"/{CHAT_SCRIPT}",
    f"{INSIDE}//webclient///a",
    f"{INSIDE}/a%20b/%E4%BD%A0%E5%A5%BD.js",
    f"{INSIDE}/a;jsessionid=1/b..c/...",
    f"{INSIDE}/.well-known/x",
)

# Of two, three and four bytes for what one byte says; careless readers take any last byte.
_OVERLONG = re.compile(rb"(?:[\xc0\xc1]|\xe0[\x80\x81]|\xf0\x80[\x80\x81])[\x00-\xff]", re.DOTALL)


def is_inside(line: str) -> bool:
    """Return whether the request line is one of HTTP/1.1 and every reader of its path stays inside."""
    words = line.split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.0", "HTTP/1.1") or not words[1].startswith(f"{INSIDE}/"):
        return False
    return all(_stays(reading) for reading in readings(words[1].partition("?")[0]))


def readings(path: str) -> set[str]:
    """Return *path* as servers may understand it: decoded at most twice, and cleaned, in every order."""
    found = {path}
    for order in permutations((_decoded, _decoded, _without_parameters, _with_slashes, _until_nul)):
        text = path
        for step in order:
            text = step(text)
            found.add(text)
    return found


def _stays(path: str) -> bool:
    """Return whether walking along *path* begins in /service-cloud/ and never leaves it."""
    names = [name.strip() for name in path.split("/") if name.strip() not in ("", ".")]
    depth = 0
    for name in names[1:]:
        depth += -1 if name == ".." else 1
        if depth < 0:
            return False
    return names[:1] == [INSIDE.lstrip("/")]


def _decoded(text: str) -> str:
    """Return *text* with its %-sequences read, overlong UTF-8 and the %uXXXX of one vendor included."""
    text = re.sub("%u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    data = unquote_to_bytes(text.encode("latin-1", "replace"))
    return _OVERLONG.sub(_short, data).decode("latin-1")


def _short(found: re.Match[bytes]) -> bytes:
    """Return the ASCII character that overlong UTF-8 spells: its upper bit is the lowest but one byte's."""
    return bytes([(found[0][-2] & 1) << 6 | found[0][-1] & 0x3F])


def _without_parameters(text: str) -> str:
    return re.sub(";[^/]*", "", text)


def _with_slashes(text: str) -> str:
    return text.replace("\\", "/")


def _until_nul(text: str) -> str:
    return re.sub("\x00[^/]*", "", text)
