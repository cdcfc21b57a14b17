"""Which pages there are: as many as there are ids for."""

from dataclasses import replace

import pytest

from validator.web.portal.policy import PortalPolicy

POLICY = PortalPolicy(
    enabled=True,
    path="/portal",
    context_path="",
    channel="",
    tenant="",
    locale="zh",
    map_service="tencent",
    inline_styles=False,
)


@pytest.mark.parametrize(
    ("channel", "tenant", "pages"),
    [
        ("", "", ("agent",)),
        ("81", "", ("agent", "customer")),
        ("81", "2024", ("agent", "customer", "guest")),
        ("", "2024", ("agent",)),
    ],
)
def test_pages_are_what_there_are_ids_for(channel: str, tenant: str, pages: tuple[str, ...]) -> None:
    """The agent bar needs none, a customer's chat a channel, a guest's the tenant space as well."""
    assert replace(POLICY, channel=channel, tenant=tenant).pages == pages
