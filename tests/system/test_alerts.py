"""The alerts fire when they should and are silent else; the dashboard asks for what there is."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml  # type: ignore[import-untyped, unused-ignore]

from tests.architecture.source import CHECKOUT
from tests.support.prometheus_process import EXAMPLE, RULES, promtool
from validator.metrics.instruments import REGISTRY
from validator.operations.monitoring.gauges import GAUGES, PREFIX

CASES = CHECKOUT / "tests" / "system" / "alerts.yml"
DASHBOARD = CHECKOUT / "deploy" / "grafana" / "validator.json"
PAGE = CHECKOUT / "docs" / "monitoring.md"
PARTS = ("_bucket", "_sum", "_count")  # of a histogram


def alerts() -> list[dict[str, Any]]:
    """Return every alert."""
    return [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]


def cases() -> list[dict[str, Any]]:
    """Return every case that an alert is tried on."""
    found: list[dict[str, Any]] = yaml.safe_load(CASES.read_text("utf-8"))["tests"]
    return found


def shown() -> set[str]:
    """Return the name of every series that is shown."""
    names = {PREFIX + name for name in GAUGES}
    for collector in REGISTRY._collector_to_names:
        (metric,) = collector.describe()  # type: ignore[attr-defined]
        ends = PARTS if metric.type == "histogram" else ("_total",)
        names |= {metric.name + end for end in ends}
    return names


def labels_of(name: str) -> set[str]:
    """Return the labels that the series *name* may be asked by."""
    if name.removeprefix(PREFIX) in GAUGES:
        return set(GAUGES[name.removeprefix(PREFIX)].labels)
    for collector in REGISTRY._collector_to_names:
        (metric,) = collector.describe()  # type: ignore[attr-defined]
        if re.fullmatch(rf"{metric.name}(_total|{'|'.join(PARTS)})", name):
            return {*collector._labelnames, "le"}  # type: ignore[attr-defined]
    raise AssertionError(f"there is no {name}")


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    content: dict[str, Any] = orjson.loads(DASHBOARD.read_bytes())
    return content


def asked() -> Iterator[tuple[str, str]]:
    """Yield the title of each panel with each expression that it asks for."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$__rate_interval", "5m")


def every_expression() -> list[tuple[str, str]]:
    """Return every expression of the dashboard and of the alerts, each with whose it is."""
    return [*asked(), *((alert["alert"], alert["expr"]) for alert in alerts())]


def test_rules_and_example_have_no_mistake() -> None:
    """Prometheus' own tool takes the rules, and the example with them."""
    for words in (("check", "rules", str(RULES)), ("check", "config", str(EXAMPLE))):
        done = promtool(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "SUCCESS" in done.stdout


def test_alerts_fire_when_they_should() -> None:
    """Each alert fires on its bad case, not too early, and never on its good one."""
    done = promtool("test", "rules", str(CASES))

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", [alert["alert"] for alert in alerts()])
def test_every_alert_is_tried(alert: str, tmp_path: Path) -> None:
    """Each alert has a case with its name, with a good instance; without the alert the case fails."""
    (case,) = [case for case in cases() if case["name"] == alert]
    rules = yaml.safe_load(RULES.read_text("utf-8"))
    for group in rules["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule["alert"] != alert]
    (tmp_path / "rules.yml").write_text(
        yaml.safe_dump({"groups": [g for g in rules["groups"] if g["rules"]]})
    )
    (tmp_path / "case.yml").write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "tests": [case]}))

    assert any('instance="good"' in series["series"] for series in case["input_series"])
    assert f'alertname="{alert}"' in case["promql_expr_test"][0]["expr"]
    assert promtool("test", "rules", str(tmp_path / "case.yml")).returncode != 0


def test_every_alert_says_what_to_do() -> None:
    """Each alert has a severity, a summary, and a section of the page, which has no other section."""
    page = PAGE.read_text("utf-8")
    headings = re.findall(r"^### (Validator\w+)$", page, re.MULTILINE)

    assert [alert["alert"] for alert in alerts()] == headings
    for alert in alerts():
        name = alert["alert"]
        assert alert["labels"]["severity"] in ("critical", "warning"), name
        assert "{{ $labels.instance }}" in alert["annotations"]["summary"], name
        assert alert["annotations"]["runbook"] == f"docs/monitoring.md#{name.lower()}"


def test_links_of_the_page_lead_somewhere() -> None:
    """Each section of another page that the page sends one to is there."""
    for target, anchor in re.findall(r"\]\(([\w./]+\.md)#([\w-]+)\)", PAGE.read_text("utf-8")):
        text = (PAGE.parent / target).resolve().read_text("utf-8")
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert anchor in anchors, (target, anchor)


def test_everything_that_is_asked_for_is_shown() -> None:
    """No alert and no panel asks for a metric that there is not, or by a label that it has not."""
    for owner, expression in every_expression():
        names = set(re.findall(r"\bvalidator_\w+", expression))
        assert names <= shown(), owner
        assert names or expression == 'up{job="validator"} == 0', owner
        for name, matchers in re.findall(r"(validator_\w+)\s*\{([^}]*)\}", expression):
            asked_by = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)) - {"instance", "job"}
            assert asked_by <= labels_of(name), (owner, name)


def test_every_metric_is_on_the_dashboard() -> None:
    """Whatever is measured can be seen."""
    drawn = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for _, text in asked()
        for name in re.findall(r"validator_\w+", text)
    }

    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown()} - drawn == set()


def test_expressions_of_the_dashboard_are_promql(tmp_path: Path) -> None:
    """Prometheus' own tool can read each expression; it would not read a broken one."""
    rules = [{"record": f"panel:{number}", "expr": text} for number, (_, text) in enumerate(asked())]
    files = {"good": rules, "broken": [*rules, {"record": "panel:broken", "expr": "sum(rate(up)"}]}
    for name, content in files.items():
        groups = {"groups": [{"name": "dashboard", "rules": content}]}
        (tmp_path / name).write_text(yaml.safe_dump(groups))

    done = {name: promtool("check", "rules", str(tmp_path / name)) for name in files}

    assert done["good"].returncode == 0, done["good"].stdout + done["good"].stderr
    assert done["broken"].returncode != 0


def test_panels_have_places_of_their_own() -> None:
    """No two panels have one number, or lie on each other, or beyond the edge."""
    panels = dashboard()["panels"]
    places = [panel["gridPos"] for panel in panels]

    assert [number for number, times in Counter(panel["id"] for panel in panels).items() if times > 1] == []
    assert [place for place in places if place["x"] + place["w"] > 24] == []
    assert [pair for pair in combinations(places, 2) if _overlap(*pair)] == []


def test_dashboard_fits_any_grafana() -> None:
    """Which Prometheus is asked is a variable, and nothing names one of somebody's."""
    content = dashboard()
    (source, *_) = content["templating"]["list"]
    used = {
        thing["datasource"]["uid"]
        for panel in content["panels"]
        for thing in (panel, *panel.get("targets", []))
        if "datasource" in thing
    }

    assert (source["name"], source["type"]) == ("datasource", "datasource")
    assert used == {"${datasource}"}
    assert content["schemaVersion"] >= 38  # Grafana 10
    assert content.get("id") is None


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    def meet(start: str, length: str) -> bool:
        return one[start] < other[start] + other[length] and other[start] < one[start] + one[length]

    return meet("x", "w") and meet("y", "h")
