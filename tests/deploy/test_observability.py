"""Alerts and dashboards: they ask for what the processes tell, and each alert has a test and a runbook."""

import importlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from tests.deploy.test_operation import compose

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/observability"
ALERTS = yaml.safe_load((FOLDER / "alerts.yaml").read_text())
TESTS = ROOT / "tests/deploy/alerts_test.yaml"
RUNBOOKS = "docs/operations/alerts.md"
DASHBOARDS = {file.name: json.loads(file.read_text()) for file in sorted((FOLDER / "dashboards").iterdir())}
# What Prometheus itself adds to every series, or makes of a histogram.
ADDED = {"job", "instance", "namespace", "le"}
# In every selector of the alerts.
NAMESPACE = 'namespace=~".*"'
PROMETHEUS_OWN = {"up": set[str]()}
WORDS = {"by", "without", "on", "ignoring", "and", "or", "unless", "offset", "group_left", "group_right"}
METRIC = re.compile(r"\b([a-z_:][a-z0-9_:]*)\b(?!\s*\()(?:\{([^}]*)\})?", re.IGNORECASE)
MEASURES = re.compile(r"^from prometheus_client import .*(Counter|Gauge|Histogram)", re.MULTILINE)
GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")


def rules() -> list[dict[str, Any]]:
    return [rule for group in ALERTS["groups"] for rule in group["rules"]]


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, dashboard in DASHBOARDS.items():
        for panel in dashboard["panels"]:
            yield f"{name}: {panel['title']}", panel


def expressions() -> dict[str, str]:
    """Return every expression by where it stands; Grafana's own variable stands for five minutes."""
    found = {rule["alert"]: rule["expr"] for rule in rules()}
    for name, panel in panels():
        for target in panel["targets"]:
            found[f"{name} {target['refId']}"] = target["expr"].replace("$__rate_interval", "5m")
    return found


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    """Return the names of all series that the processes have, with their labels."""
    for folder in ("chassis", "services", "gateway"):
        for file in (ROOT / folder).rglob("*.py"):
            if "node_modules" not in file.parts and MEASURES.search(file.read_text()):
                importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    series = dict(PROMETHEUS_OWN)
    for collector, names in REGISTRY._collector_to_names.items():
        for name in names:
            series[name] = set(getattr(collector, "_labelnames", ()))
    return series


def read_series(expression: str) -> list[tuple[str, set[str]]]:
    """Return the series that an expression names, each with the labels that it is chosen by."""
    plain = re.sub(r"\[[^\]]*\]", "", GROUPING.sub("", re.sub(r'"[^"]*"', '""', expression)))
    return [
        (name, set(re.findall(r"(\w+)\s*[=!]", labels or "")))
        for name, labels in METRIC.findall(re.sub(r"\boffset \w+", "", plain))
        if name not in WORDS
    ]


def test_series_are_read_out_of_an_expression() -> None:
    expression = 'sum by (a) (rate(x_total{b="c", d=~"e f"}[5m])) > 0 or y unless on (z) w offset 1h'
    assert read_series(expression) == [("x_total", {"b", "d"}), ("y", set()), ("w", set())]


@pytest.mark.parametrize("place", expressions())
def test_what_one_installation_tells_is_not_mixed_with_what_others_do(place: str) -> None:
    expression = expressions()[place]
    # The chart puts the namespace of its release there; Grafana that of the city which somebody looks at.
    matcher = 'namespace=~"$namespace"' if ".json" in place else NAMESPACE
    named = re.findall(r"\{([^}]*)\}", expression)
    assert named
    assert len(named) == len(read_series(expression))
    assert all(matcher in labels for labels in named)
    if ".json" not in place:
        assert all("namespace" in labels for labels in GROUPING.findall(expression))
        assert not re.search(r"\b(sum|max|min|avg)\s*\(", expression)


@pytest.mark.parametrize("place", expressions())
def test_every_metric_that_is_asked_for_exists(place: str, known: dict[str, set[str]]) -> None:
    expression = expressions()[place]
    named = read_series(expression)
    assert named
    for name, labels in named:
        assert name in known
        assert labels <= known[name] | ADDED
    grouped = {label.strip() for labels in GROUPING.findall(expression) for label in labels.split(",")}
    assert grouped <= ADDED.union(*(known[name] for name, _labels in named))


def test_every_metric_of_the_documentation_exists_and_none_is_left_out(known: dict[str, set[str]]) -> None:
    [section] = re.findall(
        r"^## Metrics$(.*?)^## ", (ROOT / "docs/operations/running.md").read_text(), re.MULTILINE | re.DOTALL
    )
    rows = re.findall(r"^\| (`[a-z_`, ]+`)(?: \(.*?\))? \|", section, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    own = {
        re.sub(r"_(count|sum|bucket|created)$", "", name)
        for name in known
        if not name.startswith(("process_", "python_")) and not name.endswith("_created") and name != "up"
    }
    own -= {name for name in own if f"{name}_total" in own}
    assert documented - own == set()
    assert own - documented == set()


def test_every_alert_says_how_urgent_it_is_and_has_a_runbook() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / RUNBOOKS).read_text(), re.MULTILINE)
    assert headings == [rule["alert"] for rule in rules()]
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["runbook"] == f"{RUNBOOKS}#{rule['alert'].lower()}"


def test_every_alert_is_tested_to_fire_and_to_be_silent() -> None:
    fires, is_silent = set(), set()
    for test in yaml.safe_load(TESTS.read_text())["tests"]:
        for expected in test["alert_rule_test"]:
            (fires if expected.get("exp_alerts") else is_silent).add(expected["alertname"])
    assert fires == is_silent == {rule["alert"] for rule in rules()}


@pytest.fixture
def promtool() -> str:
    return shutil.which("promtool") or pytest.skip("promtool is missing: Debian's package prometheus has it")


def run(*command: str | Path) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.tools
def test_alerts_fire_when_they_should(promtool: str) -> None:
    assert "SUCCESS" in run(promtool, "test", "rules", TESTS)


@pytest.mark.tools
def test_prometheus_takes_its_configuration(promtool: str) -> None:
    run(promtool, "check", "config", "--syntax-only", FOLDER / "prometheus.yaml")
    run(promtool, "check", "rules", "--lint-fatal", FOLDER / "alerts.yaml")


@pytest.mark.tools
def test_prometheus_understands_what_the_dashboards_ask(promtool: str, tmp_path: Path) -> None:
    asked = [{"record": f"asked:{number}", "expr": text} for number, text in enumerate(expressions().values())]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": asked}]}))
    run(promtool, "check", "rules", tmp_path / "rules.yaml")


def test_prometheus_watches_every_process_of_compose_by_the_name_that_the_alerts_know() -> None:
    scraped = {
        entry["job_name"]: (entry["dns_sd_configs"][0]["names"], entry["dns_sd_configs"][0]["port"])
        for entry in yaml.safe_load((FOLDER / "prometheus.yaml").read_text())["scrape_configs"]
    }
    processes = {
        name for name, service in compose()["services"].items()
        if service.get("image", "").startswith("austausch/") and service["restart"] != "no"
    }  # fmt: skip
    assert scraped == {name: ([name], 9100) for name in processes}
    for expression in expressions().values():
        for jobs in re.findall(r'job=~?"([^"]*)"', expression):
            assert set(jobs.split("|")) <= processes


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_shows_one_city_or_all_with_compose_too(name: str) -> None:
    [variable] = [entry for entry in DASHBOARDS[name]["templating"]["list"] if entry["name"] == "namespace"]
    assert variable["query"] == "label_values(database_connections_max, namespace)"
    # Whoever has no such label, as with Compose, is among all.
    assert (variable["includeAll"], variable["allValue"]) == (True, ".*")


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_is_one_that_grafana_can_show(name: str) -> None:
    dashboard = DASHBOARDS[name]
    assert f"{dashboard['uid']}.json" == f"austausch-{name}"
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    cells: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        taken = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _y in taken) < 24
        assert not taken & cells
        cells |= taken
        # The reader's own Prometheus, whatever it is called.
        assert panel["datasource"]["uid"] == "${datasource}"
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)


def test_what_dashboards_say_about_alerts_is_true() -> None:
    alerts = {rule["alert"] for rule in rules()}
    for name, panel in panels():
        for names in re.findall(r"Alerts? ([A-Z]\w+(?:, [A-Z]\w+)*)", panel.get("description", "")):
            assert set(names.split(", ")) <= alerts, name
