"""The door's policy: the names in it."""

from dataclasses import FrozenInstanceError, replace

import pytest

from tests.support.nginx_renderings import CLOUD, EVERYTHING, settings_of
from validator.origins import host_of


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://portal.example.com", "portal.example.com"),
        ("https://portal.example.com:8443", "portal.example.com"),
        ("https://192.0.2.7:8443", "192.0.2.7"),
        ("https://[2001:db8::7]:8443", "2001:db8::7"),
        ("", ""),
    ],
)
def test_host_is_told_without_brackets_and_port(origin: str, host: str) -> None:
    """The host of an origin is what a certificate names."""
    assert host_of(origin) == host


def test_names_are_those_of_the_origins() -> None:
    """The portal and the callbacks are named as their origins are; without one there is no name."""
    door = settings_of(EVERYTHING).proxy

    assert (door.name, door.callbacks_name) == ("portal.example.com", "callbacks.example.com")
    assert settings_of().proxy.callbacks_name == ""


def test_cloud_is_named_with_its_port_only_where_it_is_not_the_usual_one() -> None:
    """A virtual host is asked by its name alone on HTTPS's own port, else with the port (RFC 9110, 7.2)."""
    door = settings_of(EVERYTHING).proxy

    assert door.cloud_authority == CLOUD
    assert replace(door, cloud_port=8443).cloud_authority == f"{CLOUD}:8443"


def test_policy_is_frozen() -> None:
    """What was checked at the start cannot be changed afterwards."""
    with pytest.raises(FrozenInstanceError):
        settings_of().proxy.origin = "https://evil.example.com"  # type: ignore[misc]


def test_upstreams_are_where_the_server_listens() -> None:
    """Without a word about the pools all are the one server; each may be named for itself."""
    together = settings_of({"server.bind": "unix:/run/validator.sock"}).proxy
    apart = settings_of({"proxy.people_upstream": "127.0.0.1:8001"}).proxy

    every = {together.people_upstream, together.callbacks_upstream, together.integrations_upstream}
    assert every == {("unix:/run/validator.sock",)}
    assert (apart.people_upstream, apart.callbacks_upstream) == (("127.0.0.1:8001",), ("127.0.0.1:8000",))
