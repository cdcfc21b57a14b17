"""The proxy's limits: never tighter than the application's, and told in the table of limits."""

from datetime import timedelta
from fractions import Fraction

import pytest

from tests.support.nginx_renderings import EVERYTHING, WITH_CLOUD, settings_of
from validator.limits.policy import PURPOSES, Mode, Rate, parse_rates
from validator.operations.proxy.zones import NOT_POST, PROBE, ROUTES, Zone, rows, zones

RATES = [
    "1/1s",
    "7/1h",
    "60/1m",
    "61/1m",
    "600/1m",
    "1/1d",
    "999999999/1s",
    "10/5m 50/1h 200/1d",
    "5/2s 7/1m",
    "1/90s",
]


def zone_for(rates: str, *, is_shadow: bool = False) -> Zone:
    """Return the zone of a limit of *rates*."""
    shadow = '["other_address"]' if is_shadow else "[]"
    return zones(settings_of({"limits.other_address": rates, "limits.shadow": shadow}).limits)[
        "other_address"
    ]


def leak(zone: Zone) -> Fraction:
    """Return how many requests a second the bucket of *zone* lets go."""
    number, _, unit = zone.rate.partition("r/")
    return Fraction(int(number), {"s": 1, "m": 60}[unit])


def longest_run(rate: Rate) -> list[Fraction]:
    """Return the times of requests that *rate* lets through in a burst, then as often as it ever will."""
    window = Fraction(int(rate.period / timedelta(seconds=1)))
    return [window * turn for turn in range(4) for _ in range(min(rate.amount, 50))]


@pytest.mark.parametrize("text", RATES)
def test_bucket_leaks_as_fast_as_the_limit(text: str) -> None:
    """The bucket holds the limit's amount and leaks no slower than the limit, in whole ones a minute."""
    zone, rates = zone_for(text), parse_rates(text)

    slowest = max(Fraction(rate.amount, rate.seconds) for rate in rates)
    assert slowest <= leak(zone) < slowest + Fraction(1, 60)
    assert zone.burst == max(rate.amount for rate in rates) - 1
    assert zone.rate.endswith("r/m")


@pytest.mark.parametrize("text", ["7/1h", "5/2s 7/1m", "60/1m", "3/1d", "1/90s"])
def test_what_the_application_lets_through_the_proxy_does(text: str) -> None:
    """A client that repeatedly uses the whole sliding window is never refused by the bucket."""
    zone = zone_for(text)
    for rate in parse_rates(text):
        level, before = Fraction(0), Fraction(0)
        for instant in longest_run(rate):
            level = max(Fraction(0), level - leak(zone) * (instant - before)) + 1
            before = instant
            # nginx refuses when what is in the bucket, without the request itself, is more than the burst.
            assert level - 1 <= zone.burst


def test_modes_are_the_limits_own() -> None:
    """A limit that is off has no zone, one in shadow only counts, every other one refuses."""
    enforced, shadow, off = zone_for("60/1m"), zone_for("60/1m", is_shadow=True), zone_for("off")

    assert (enforced.is_counted, enforced.is_dry) == (True, False)
    assert (shadow.is_counted, shadow.is_dry) == (True, True)
    assert (off.is_counted, off.is_dry, off.mode) == (False, False, Mode.OFF)


def test_there_is_a_zone_for_each_limit_on_addresses() -> None:
    """Each limit that nginx counts has its zone, and the callbacks one for other methods than POST."""
    names = {name for name, purpose in PURPOSES.items() if purpose.at_route or purpose.at_proxy}
    made = zones(settings_of().limits)

    assert set(made) == names | {NOT_POST, PROBE}
    assert not made[PROBE].is_counted
    assert all(zone.name == name for name, zone in made.items())
    assert made[NOT_POST].rate == made["other_address"].rate


def test_callbacks_questions_have_no_zone() -> None:
    """No limit on the cloud's questions is held at the proxy: they all come from a few addresses."""
    paths = {path for path, _ in ROUTES}
    callbacks = settings_of().callbacks

    assert {name for _, name in ROUTES} <= set(zones(settings_of().limits))
    assert paths.isdisjoint((callbacks.agent_path, callbacks.chat_path))
    assert not [name for name in zones(settings_of().limits) if name.startswith("callbacks")]


def test_table_names_every_place() -> None:
    """The table has each route, the callbacks, the cloud's paths and the rest, with their rates and modes."""
    settings = settings_of(
        {**EVERYTHING, "limits.login_address": "off", "limits.shadow": '["cloud_address"]'}
    )

    table = list(rows(settings.proxy, settings.callbacks, settings.limits))

    of_route = {row["route"]: row for row in table if row["counted"] == "requests"}
    assert {path for path, _ in ROUTES} < set(of_route)
    assert {"/service-cloud/", "/demo/service-cloud/", "(everything else)"} < set(of_route)
    assert of_route[settings.callbacks.agent_path]["method"] == "all but POST"
    assert (of_route["/api/v1/login"]["rate"], of_route["/api/v1/login"]["mode"]) == ("unlimited", Mode.OFF)
    assert of_route["/service-cloud/"]["mode"] is Mode.SHADOW
    assert of_route["/healthz"]["rate"] == "unlimited"
    assert of_route["/api/v1/session"]["rate"] == "600r/m burst 599"
    assert [row["rate"] for row in table if row["strategy"] == "concurrency"] == ["500", "500", "100"]
    assert {frozenset(row) for row in table} == {frozenset(table[0])}


def test_table_is_silent_about_a_cloud_that_is_not_there() -> None:
    """Without a cloud there is no row for its paths; without a prefix there is one."""

    def clouds(settings: dict[str, str]) -> list[str]:
        own = settings_of(settings)
        return [row["route"] for row in rows(own.proxy, own.callbacks, own.limits) if "cloud" in row["route"]]

    assert clouds({}) == []
    assert clouds(WITH_CLOUD) == ["/service-cloud/"]
