"""The pages: filled in completely, each with a new nonce, values never as markup."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.web.portal.test_policy import POLICY
from validator.errors import Reason, Refusal
from validator.web.portal.pages import Page, Pages
from validator.web.portal.policy import DEMO_PLACES
from validator.web.portal.words import LANGUAGES, WORDS

WHOLE = replace(POLICY, channel="817854979183314945", tenant="202400000001")
OWN, WITH_CLOUD = ("home", "login"), ("agent", "customer", "guest")
STATIC = Path(__file__).parents[4] / "validator" / "web" / "portal" / "static"
every_page = pytest.mark.parametrize("name", [*OWN, *WITH_CLOUD])


def filled(name: str, language: str = "en", policy: object = WHOLE) -> Page:
    """Return the page *name*."""
    pages = Pages(policy)  # type: ignore[arg-type]
    return pages.own(name, language) if name in OWN else pages.with_cloud(name, language)


def directives(page: Page) -> dict[str, list[str]]:
    """Return the sources of each directive of the page's policy."""
    parts = (part.split() for part in page.content_security_policy.split(";"))
    return {name: sources for name, *sources in parts}


@every_page
@pytest.mark.parametrize("language", LANGUAGES)
def test_page_is_whole_in_both_languages(name: str, language: str) -> None:
    """Every word and value that a template names is there; the page says which language it is in."""
    page = filled(name, language)

    assert f'<html lang="{language}">' in page.html
    assert page.language == language
    assert "{{" not in page.html
    assert "{%" not in page.html


@every_page
def test_nonce_is_of_this_answer_only(name: str) -> None:
    """Each answer has 144 random bits that its scripts carry, and that no other answer has."""
    pages = [filled(name) for _ in range(3)]
    nonces = [re.findall(r"'nonce-([^']+)'", page.content_security_policy)[0] for page in pages]

    assert len(set(nonces)) == len(pages)
    for page, nonce in zip(pages, nonces, strict=True):
        assert len(nonce) == 24
        assert all(f'nonce="{nonce}"' in tag for tag in re.findall(r"<script[^>]*>", page.html))


@every_page
def test_policy_lets_nothing_in_that_was_not_said(name: str) -> None:
    """Nothing by default; scripts by nonce only, no eval, no other origin, no frame around it."""
    policy = directives(filled(name))

    assert policy["default-src"] == ["'none'"]
    assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert policy["script-src"][0].startswith("'nonce-")
    assert set(policy["script-src"][1:]) <= {"'strict-dynamic'"}
    named = {source for sources in policy.values() for source in sources if source[0] != "'"}
    assert named <= {"data:", "blob:"}
    assert not {"'unsafe-eval'", "'unsafe-hashes'"} & {one for sources in policy.values() for one in sources}


@pytest.mark.parametrize("name", OWN)
def test_own_pages_run_no_script_of_the_cloud(name: str) -> None:
    """Where the password is typed in, nothing but this server's script runs, and nothing is framed."""
    policy = directives(filled(name))

    assert len(policy["script-src"]) == 1
    assert "style-src-attr" not in policy
    assert "frame-src" not in policy


@pytest.mark.parametrize("name", WITH_CLOUD)
def test_style_elements_of_the_cloud_are_a_setting(name: str) -> None:
    """They are refused until the operator allows them; scripts stay as strict."""
    strict = directives(filled(name))
    weaker = directives(filled(name, policy=replace(WHOLE, inline_styles=True)))

    assert "'unsafe-inline'" not in strict["style-src"]
    assert weaker["style-src"] == ["'self'", "'unsafe-inline'"]
    assert "'unsafe-inline'" not in weaker["script-src"]


def test_values_are_never_markup() -> None:
    """Whatever a setting could be made to hold, it is text in an attribute."""
    page = filled("guest", policy=replace(WHOLE, context_path='/"><script>alert(1)</script>'))

    assert "<script>alert" not in page.html
    assert "&#34;&gt;&lt;script&gt;" in page.html


@pytest.mark.parametrize("language", LANGUAGES)
def test_first_page_of_a_demonstration_links_to_the_rest(language: str) -> None:
    """Each place has a link without a referrer, and its words; other first pages have none of them."""
    links = tuple((name, f"https://localhost:9443/{name}") for name in DEMO_PLACES)
    page = filled("home", language, replace(WHOLE, demo_links=links)).html

    found = re.findall(r'<a href="(https:[^"]*)" rel="noreferrer">([^<]+)</a>', page)
    assert [url for url, _ in found] == [url for _, url in links]
    assert WORDS[language]["demo"] in page
    assert "https:" not in filled("home", language).html
    assert WORDS[language]["demo"] not in filled("home", language).html


@pytest.mark.parametrize("name", ["customer", "guest"])
def test_page_without_its_ids_is_not_there(name: str) -> None:
    """A chat without a channel is answered like any other route there is not."""
    with pytest.raises(Refusal) as refused:
        filled(name, policy=POLICY)

    assert refused.value.reason is Reason.ROUTE_UNKNOWN


def test_assets_are_the_files() -> None:
    """Every script, style and picture is there as it is, and nothing else of the folder."""
    pages = Pages(WHOLE)
    served = {path for path in STATIC.iterdir() if path.suffix in (".js", ".css", ".svg")}

    assert served
    assert {path.name: pages.asset(path.name).content for path in served} == {
        path.name: path.read_bytes() for path in served
    }
    for name in ("package.json", "../pages.py", "..", ""):
        with pytest.raises(Refusal):
            pages.asset(name)


def test_asset_of_the_version_may_be_kept() -> None:
    """Below the version's own path a file never changes; by any other it is asked for again."""
    pages = Pages(WHOLE)
    (version,) = set(re.findall(r"/portal/static/(\w+)/", pages.own("login", "en").html))

    assert "immutable" in pages.asset("cloud.js", version).cache_control
    assert (
        pages.asset("cloud.js", "older").cache_control == pages.asset("cloud.js").cache_control == "no-cache"
    )


def test_scripts_import_only_what_is_beside_them() -> None:
    """A module's imports are files of the same folder, by relative paths that hold wherever it is copied."""
    imports = [
        (path.name, name)
        for path in STATIC.glob("*.js")
        for name in re.findall(r'(?:from|import)\s*\(?"([^"]+)"', path.read_text("utf-8"))
    ]

    assert imports
    assert [one for one in imports if not (one[1].startswith("./") and (STATIC / one[1]).is_file())] == []
