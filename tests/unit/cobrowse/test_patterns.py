"""Which patterns name the pages of an extension."""

import pytest

from validator.cobrowse.patterns import Places, read_places, with_query
from validator.errors import OperatorError

CLOUD = "https://cloud.example.net"
SHOP = "https://shop.example.com/*"


@pytest.mark.parametrize(
    "pattern",
    [
        SHOP,
        "https://shop.example.com/help/index.html",
        "https://*.example.com/*",
        "https://intranet/help/*",
        "https://shop.example.com/%E5%B8%AE%E5%8A%A9/*",
    ],
)
def test_pattern_of_named_hosts_is_taken(pattern: str) -> None:
    """One host, or those below a domain, with a path."""
    assert read_places([pattern], [], CLOUD).sites == (pattern,)


@pytest.mark.parametrize(
    "pattern",
    [
        "<all_urls>",
        "*://*/*",
        "https://*/*",
        "https://*.com/*",
        "http://shop.example.com/*",
        "*://shop.example.com/*",
        "file:///*",
        "https://shop.example.com",
        "https://shop.example.com:8443/*",
        "https://Shop.example.com/*",
        "https://shop.*/*",
        "https://user@shop.example.com/*",
        "https://shop.example.com/?*",
        "https://shop.example.com/#a",
        "https://shop.example.com/ä",
        "https://shop.example.com/%zz",
        "https://shop.example.com/*\n",
        "https://shop..example.com/*",
        f"https://shop.example.com/{'a' * 500}",
        "",
    ],
)
def test_other_pattern_is_refused(pattern: str) -> None:
    """Nothing names every host, another scheme, a port, a query, or what a browser would not take."""
    for sites, private in (([pattern], []), ([SHOP], [pattern])):
        with pytest.raises(OperatorError, match="is not a pattern such as"):
            read_places(sites, private, CLOUD)


@pytest.mark.parametrize("pattern", ["https://cloud.example.net/*", "https://*.example.net/help/*"])
def test_clouds_own_pages_are_no_site(pattern: str) -> None:
    """The agent's own page is never shared."""
    with pytest.raises(OperatorError, match="has the cloud's own pages"):
        read_places([SHOP, pattern], [], f"{CLOUD}:8443")


def test_private_page_of_no_site_is_a_slip() -> None:
    """A typing error in --private would leave a page unprotected."""
    with pytest.raises(OperatorError, match=r"^https://shop\.example\.org/pay: is on no site$"):
        read_places([SHOP], ["https://shop.example.com/pay", "https://shop.example.org/pay"], CLOUD)


def test_private_pages_may_be_narrower_or_wider_than_the_site() -> None:
    """A pattern below a domain covers a site, and the other way round."""
    below = "https://*.example.com/login"

    assert read_places([SHOP], [below, below], CLOUD) == Places((SHOP,), (below,))
    assert read_places([below], [SHOP], CLOUD).private == (SHOP,)


def test_every_problem_is_listed() -> None:
    """An operator sees all of them at once."""
    with pytest.raises(OperatorError) as refused:
        read_places(["nonsense", SHOP], ["http://shop.example.com/"], CLOUD)

    assert [line.partition(": ")[0] for line in refused.value.lines] == [
        "nonsense",
        "http://shop.example.com/",
    ]


def test_pattern_matches_the_address_with_a_share_link_too() -> None:
    """Browsers compare a pattern with path and query: `/login` alone would miss `/login?…`."""
    assert with_query("https://a.example/login") == ("https://a.example/login", "https://a.example/login?*")
    assert with_query(SHOP) == (SHOP,)
