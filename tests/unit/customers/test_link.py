"""The link from a card into the CRM: no value leads to another place than the template says."""

import pytest

from validator.customers.link import LinkTemplate

CRM = "https://crm.example.com"
HOSTILE = "/../admin?x=1&y=2#z:@%2f\\ 李"


@pytest.mark.parametrize(
    "text",
    [
        f"{CRM}/customers/{{id}}",
        f"{CRM}/search?q={{name}}&level={{level}}#top",
        f"{CRM}:8443/{{id}}",
        f"{CRM}/",
        "https://[2001:db8::7]/{id}",
    ],
)
def test_templates_are_read(text: str) -> None:
    """A path, a query and a fragment may have places, or none."""
    assert LinkTemplate(text).url({"id": "7", "name": "x", "level": "y"}) == text.format(
        id="7", name="x", level="y"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        CRM,
        "http://crm.example.com/{id}",
        "https://{id}.example.com/",
        "https://crm.example.com{id}/",
        "https://CRM.example.com/",
        f"{CRM}:443/",
        "https://a@crm.example.com/",
        f"{CRM}/{{id",
        f"{CRM}/id}}",
        f"{CRM}/{{}}",
        f"{CRM}/{{a.b}}",
        f"{CRM}/ {{id}}",
        f"{CRM}/\n",
        f"{CRM}/李",
        f"{CRM}/{'x' * 1024}",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    """What has another scheme, no origin, a place in it or an open brace is an error in words."""
    with pytest.raises(ValueError, match=r"^(is not|has a brace)"):
        LinkTemplate(text)


def test_value_is_one_part() -> None:
    """No character of a value ends the segment or the parameter that it stands in."""
    link = LinkTemplate(f"{CRM}/a/{{id}}/b?q={{id}}").url({"id": HOSTILE})

    encoded = "%2F..%2Fadmin%3Fx%3D1%26y%3D2%23z%3A%40%252f%5C%20%E6%9D%8E"
    assert link == f"{CRM}/a/{encoded}/b?q={encoded}"


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_value_that_leads_elsewhere_has_no_link(value: str) -> None:
    """Nothing, and dots that a browser resolves, give no link; three dots are a name."""
    template = LinkTemplate(f"{CRM}/customers/{{id}}")

    assert template.url({"id": value}) is None
    assert template.url({}) is None
    assert template.url({"id": "..."}) == f"{CRM}/customers/..."


def test_unknown_places_are_named_once() -> None:
    """Each place that is not allowed is named, in the order of the template."""
    template = LinkTemplate(f"{CRM}/{{b}}/{{id}}/{{a}}/{{b}}")

    assert template.unknown({"id"}) == ["b", "a"]
