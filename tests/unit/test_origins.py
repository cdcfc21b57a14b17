"""Web origins, and which requests with a cookie are allowed (CSRF)."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validator.origins import is_from_allowed_page, is_origin

PORTAL = "https://portal.example.com"
ALLOWED = (PORTAL, "http://localhost:8000")

ORIGINS = [
    PORTAL,
    "https://portal.example.com:8443",
    "http://localhost",
    "http://localhost:8000",
    "http://127.0.0.1:8000",
    "http://[::1]",
    "https://[2001:db8::1]:8443",
    "https://xn--fsqu00a.example",
    "https://a-b.c-d.example",
    "http://portal.example.com:443",
    "https://portal.example.com:80",
    "https://portal.example.com:65535",
    "https://10",
]
NO_ORIGINS = [
    *("", " ", "null", "*", "portal.example.com", "//portal.example.com", "https:", "https://", "http:///"),
    *(f"{PORTAL}/", f"{PORTAL}/path", f"{PORTAL}?", f"{PORTAL}?q", f"{PORTAL}#", f"{PORTAL}#f"),
    *("HTTPS://portal.example.com", "https://Portal.example.com", "https://PORTAL.EXAMPLE.COM"),
    *("https://portal.example.com:443", "http://localhost:80"),
    *("https://portal.example.com:", "https://portal.example.com:08443", "https://portal.example.com:65536"),
    *("https://portal.example.com:-1", "https://portal.example.com:+1", "https://portal.example.com:a"),
    *("https://portal.example.com:8 ", "https://portal.example.com:\uff18"),
    *("https://user@portal.example.com", "https://user:password@portal.example.com", "https://@portal"),
    *(
        f" {PORTAL}",
        f"{PORTAL} ",
        f"{PORTAL}\n",
        f"\t{PORTAL}",
        "https://portal.\nexample.com",
        f"{PORTAL}\x00",
    ),
    *(
        "https://portal_example.com",
        "https://*.example.com",
        "https://por tal.example.com",
        "https://例え.jp",
    ),
    *("https://portal%2eexample.com", "https:\\\\portal.example.com", "https:/portal.example.com"),
    *(
        "http://[::1",
        "http://::1",
        "http://[::1]x",
        "http://[fe80::1%25eth0]",
        "http://[::G]",
        "http://[1.2.3.4]",
    ),
    *("http://[::AB]", "http://[]", "http://[::1]:", "http://[::1]:80"),
    *("ftp://portal.example.com", "file://", "ws://localhost", "javascript:alert(1)", "data:text/html,x"),
    *(f"{PORTAL},{PORTAL}", f"{PORTAL} {PORTAL}", f"https://{'a' * 254}"),
]
OTHER = "https://evil.example"


@pytest.mark.parametrize("text", ORIGINS)
def test_origin(text: str) -> None:
    """A browser's origin has a scheme, a host, and a port unless it is the scheme's default."""
    assert is_origin(text)


@pytest.mark.parametrize("text", NO_ORIGINS)
def test_invalid_origin(text: str) -> None:
    """Text that no browser sends is not an origin, so that a useless setting is detected at once."""
    assert not is_origin(text)


@given(st.text(st.sampled_from("htps:/[]@.%?#-_a1:80\n \x00é*")) | st.text())
def test_arbitrary_text_has_a_result(text: str) -> None:
    """No text raises, and an origin never has a path, a user, a space or upper case."""
    for each in (text, f"https://{text}", f"http://[{text}]"):
        if is_origin(each):
            assert each == each.lower()
            assert not set(each.split("//", 1)[1]) & set("/@?#\\ \n\t\x00%")


OWN = "https://validator.example.com"
# origin, fetch site, is allowed
PAGES = [
    (PORTAL, None, True),
    (PORTAL, "same-origin", True),
    (PORTAL, "same-site", True),
    (PORTAL, "cross-site", True),
    (PORTAL, "none", True),
    ("http://localhost:8000", "cross-site", True),
    (None, None, True),
    (None, "same-origin", True),
    (None, "none", True),
    (None, "same-site", False),
    (None, "cross-site", False),
    (None, "", False),
    (None, "SAME-ORIGIN", False),
    (None, "same-origin, cross-site", False),
    (OTHER, None, False),
    (OTHER, "same-site", False),
    (OTHER, "cross-site", False),
    (OTHER, "same-origin", True),  # a page of this server, whatever its public name
    ("null", None, False),
    ("null", "cross-site", False),
    ("", None, False),
    (f"{PORTAL}/", None, False),
    (f"{PORTAL}:443", None, False),
    (PORTAL.upper(), None, False),
    (PORTAL.replace("https", "http"), None, False),
    (f"{PORTAL}.evil.example", None, False),
    (f"{PORTAL}, {OTHER}", None, False),
    (PORTAL[:-1], None, False),
    ("https://example.com", None, False),
    ("https://a.portal.example.com", None, False),
    (OWN, None, True),  # a browser from before 2023 sends only the origin
    (OWN, "same-origin", True),
    (OWN, "none", True),
    (OWN, "same-site", False),  # plain HTTP looks the same behind TLS: Sec-Fetch-Site takes precedence
    (OWN, "cross-site", False),
    (OWN, "", False),
    (f"{OWN}:443", None, False),
    (f"{OWN}/", None, False),
    (OWN.upper(), None, False),
    (OWN.replace("https", "http"), None, False),
    (f"{OWN}.evil.example", None, False),
]


@pytest.mark.parametrize(("origin", "fetch_site", "may_act"), PAGES)
def test_which_pages_are_allowed(origin: str | None, fetch_site: str | None, may_act: bool) -> None:
    """A page of an allowed origin or this server is allowed, others are not; texts must be equal."""
    assert is_from_allowed_page(origin, fetch_site, own=OWN, allowed=ALLOWED) is may_act


@pytest.mark.parametrize(
    ("origin", "fetch_site"), [*product((PORTAL, OTHER, "null"), (None, "same-site", "cross-site"))]
)
def test_nothing_is_allowed_by_default(origin: str, fetch_site: str | None) -> None:
    """Without allowed origins only this server's pages are allowed."""
    assert not is_from_allowed_page(origin, fetch_site, own=OWN, allowed=())
    assert is_from_allowed_page(OWN, None, own=OWN, allowed=())
