"""The settings of the ready pages: off, safe, and refused when they could not work."""

from pathlib import Path

import pytest

from validator.errors import ConfigurationError
from validator.settings.loading import load
from validator.settings.sources import environment_variable
from validator.web.portal.policy import LOCALES, MAP_SERVICES, PortalPolicy


def loaded(home: Path, **values: str) -> PortalPolicy:
    """Return the policy that `[portal]` with *values* makes."""
    environment = {environment_variable(f"portal.{key}"): value for key, value in values.items()}
    return load(home, environment=environment).portal


def problem(home: Path, **values: str) -> str:
    """Return the one problem that *values* are."""
    with pytest.raises(ConfigurationError) as refused:
        loaded(home, **values)
    (told,) = refused.value.problems
    return told


def test_pages_are_off_and_strict_by_default(tmp_path: Path) -> None:
    """Who installs the server serves no page, and the pages that come later are as strict as can be."""
    policy = loaded(tmp_path)

    assert policy == PortalPolicy(
        enabled=False,
        path="/portal",
        context_path="",
        channel="",
        tenant="",
        locale="zh",
        map_service="tencent",
        inline_styles=False,
    )


@pytest.mark.parametrize("locale", LOCALES)
def test_locale_is_one_of_the_clouds(tmp_path: Path, locale: str) -> None:
    """Each language that the cloud has may be set."""
    assert loaded(tmp_path, locale=locale).locale == locale


@pytest.mark.parametrize("service", MAP_SERVICES)
def test_map_service_is_one_of_the_clouds(tmp_path: Path, service: str) -> None:
    """Each of the two may be set."""
    assert loaded(tmp_path, map_service=service).map_service == service


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("enabled", "maybe"),
        ("locale", "de"),
        ("locale", "zh-CN"),
        ("map_service", "baidu"),
        ("path", "/"),
        ("path", "/portal/"),
        ("path", "portal"),
        ("context_path", "/"),
        ("context_path", "/demo/"),
        ("context_path", "//evil.example"),
        ("context_path", "/../x"),
        ("context_path", "https://cloud.example.com"),
        ("channel", "81 7"),
        ("channel", "8" * 65),
        ("tenant", "<2024>"),
        ("demo_links", "status=http://localhost:9443/status"),
        ("demo_links", "status=javascript:alert(1)"),
        ("demo_links", "status=https://user@localhost/"),
        ("demo_links", "elsewhere=https://localhost/status"),
        ("demo_links", "https://localhost/status"),
    ],
)
def test_value_of_another_form_is_a_problem(tmp_path: Path, key: str, value: str) -> None:
    """Nothing that is no path, id or word of the cloud gets into a page."""
    assert f"portal.{key}: " in problem(tmp_path, **{key: value})


@pytest.mark.parametrize(
    "path", ["/api", "/api/v1", "/webchat", "/service-cloud", "/healthz", "/openapi.json"]
)
def test_pages_take_no_route_of_others(tmp_path: Path, path: str) -> None:
    """The pages stand beside the other routes, not in front of them."""
    assert "portal.path: is another route's" in problem(tmp_path, path=path)


@pytest.mark.parametrize("path", ["/rest", "/rest/cc-management/v1/thirdparty/thirdPartyValidate/pages"])
def test_pages_stay_away_from_the_callbacks(tmp_path: Path, path: str) -> None:
    """No page lies above or below a route of the cloud, whose responses have a different shape."""
    assert "portal.path: is a callback's too" in problem(tmp_path, path=path)


def test_prefix_may_be_a_path_or_nothing(tmp_path: Path) -> None:
    """The cloud may be at the root of the proxy, or below a path."""
    assert loaded(tmp_path, context_path="").context_path == ""
    assert loaded(tmp_path, context_path="/a/demo").context_path == "/a/demo"


def test_guests_need_a_channel(tmp_path: Path) -> None:
    """A tenant space without a channel is reported, instead of a missing page."""
    assert "portal.channel: is missing" in problem(tmp_path, tenant="2024")
    assert loaded(tmp_path, channel="81", tenant="2024").pages == ("agent", "customer", "guest")


def test_sharing_needs_a_cloud_to_name(tmp_path: Path) -> None:
    """The question before a page is shared names the cloud, so one must be configured."""
    assert "portal.cobrowse: needs proxy.cloud_host" in problem(tmp_path, cobrowse="true")
    assert loaded(tmp_path).cobrowse_cloud == ""


def test_links_of_a_demonstration_have_an_order(tmp_path: Path) -> None:
    """However they are written, the links stand in the order of the first page."""
    links = "centre=https://localhost:9543/control,status=https://localhost:9443/status"

    assert loaded(tmp_path, demo_links=links).demo_links == (
        ("status", "https://localhost:9443/status"),
        ("centre", "https://localhost:9543/control"),
    )
