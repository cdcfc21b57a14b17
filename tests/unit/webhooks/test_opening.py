"""Which workers deliver: those that serve the role `integrations`, once they begin, while there is a URL."""

from collections.abc import Callable

import pytest

from tests.support.fakes import Enterprise

URL = "https://crm.example.com/hooks"


@pytest.mark.parametrize(
    ("role", "url", "delivers"),
    [
        ("integrations", URL, True),
        ("all", URL, True),
        ("people", URL, False),
        ("callbacks", URL, False),
        ("all", "", False),
    ],
)
def test_worker_that_begins_delivers_in_its_role(
    found_enterprise: Callable[..., Enterprise], role: str, url: str, delivers: bool
) -> None:
    """Opening the parts starts nothing: only a worker that serves does, after the fork."""
    services = found_enterprise({"server.role": role, "webhooks.url": url}).services
    assert services.webhooks.delivery._thread is None

    services.begin()

    assert (services.webhooks.delivery._thread is not None) is delivers
