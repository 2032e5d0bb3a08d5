"""The alerts of a release on a Prometheus that others share: about its own namespace, and no other."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.rendered_chart import INSTALLATIONS, NAMESPACE, of_kind, render

pytestmark = pytest.mark.tools
WELL = {job: f'up{{job="{job}", namespace="{NAMESPACE}", instance="a"}}' for job in ("gateway", "exchange", "forum")}
MISSING = {
    "exp_labels": {"severity": "critical", "job": "knowledge", "namespace": NAMESPACE},
    "exp_annotations": {
        "summary": "Nothing of knowledge answers",
        "runbook": "docs/operations/alerts.md#processmissing",
    },
}


def series(name: str, values: str) -> dict[str, str]:
    return {"series": name, "values": values}


def test_a_release_is_told_what_is_wrong_with_itself(tmp_path: Path) -> None:
    promtool = shutil.which("promtool") or pytest.skip("promtool is missing: Debian's package prometheus has it")
    [rules] = of_kind(render(INSTALLATIONS["everything"]), "PrometheusRule").values()
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules["spec"]))
    elsewhere = [
        series('up{job="gateway", namespace="other", instance="b"}', "0x60"),
        series('up{job="knowledge", namespace="other", instance="b"}', "1x60"),
        series('dead_letters{job="knowledge", namespace="other"}', "3x60"),
        series('http_request_seconds_count{job="gateway", namespace="other", status="500"}', "0+60x60"),
    ]
    expected: dict[str, list[Any]] = {
        "ProcessMissing": [MISSING], "ReplicaDown": [], "DeadLettersWait": [], "RequestsFail": []
    }  # fmt: skip
    test = {
        "interval": "1m",
        "input_series": [*elsewhere, *(series(name, "1x60") for name in WELL.values())],
        "alert_rule_test": [
            {"eval_time": "30m", "alertname": name, "exp_alerts": alerts} for name, alerts in expected.items()
        ],
    }
    (tmp_path / "test.yaml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]})
    )
    result = subprocess.run(
        [promtool, "test", "rules", tmp_path / "test.yaml"], capture_output=True, text=True, check=False, timeout=120
    )
    assert result.returncode == 0, result.stdout + result.stderr
