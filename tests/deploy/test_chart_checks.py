"""The chart before those who know what Kubernetes takes: Helm's linter, its schemas, and checkov."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.rendered_chart import CHART, INSTALLATIONS, NAMESPACE, Object, find_tool, render, run_helm

pytestmark = pytest.mark.tools
# The oldest that Chart.yaml admits, and the newest that the validator knows.
VERSIONS = ("1.30.0", "1.37.0")
# Kinds that a cluster gets from an operator: the schemas of Kubernetes do not have them.
OF_OPERATORS = ("ServiceMonitor", "PrometheusRule")
# What checkov asks for, and we do not do.
REFUSED = {
    "CKV_K8S_15": "pulling always would make every start depend on the registry; a tag is not given twice",
    "CKV_K8S_43": "operators build the images, so their digests are theirs",
}


def write(file: Path, objects: list[Object]) -> Path:
    file.write_text(yaml.safe_dump_all(found for found in objects if found["kind"] not in OF_OPERATORS))
    return file


@pytest.fixture(params=INSTALLATIONS)
def rendered(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write(tmp_path / "objects.yaml", render(INSTALLATIONS[request.param]))


def validate(file: Path, version: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [find_tool("kubernetes-validate"), "--strict", "--quiet", "--kubernetes-version", version, file],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("values", INSTALLATIONS.values(), ids=INSTALLATIONS)
def test_helms_linter_finds_nothing(values: Object) -> None:
    result = run_helm("lint", values, "--strict")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_has_the_form_that_kubernetes_takes(rendered: Path, version: str) -> None:
    result = validate(rendered, version)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_oldest_version_is_the_one_that_the_chart_admits() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"] == f">={VERSIONS[0]}-0"


def test_a_field_that_does_not_exist_would_be_found(tmp_path: Path) -> None:
    objects = render(INSTALLATIONS["small"])
    next(found for found in objects if found["kind"] == "Deployment")["spec"]["replica"] = 2
    assert validate(write(tmp_path / "objects.yaml", objects), VERSIONS[1]).returncode != 0


def test_checkov_finds_nothing_unsafe_but_what_is_planted(tmp_path: Path) -> None:
    objects = render(INSTALLATIONS["everything"])
    planted = next(found for found in render(INSTALLATIONS["small"]) if found["kind"] == "Deployment")
    planted["metadata"]["name"] = "planted"
    [container] = planted["spec"]["template"]["spec"]["containers"]
    container["securityContext"]["readOnlyRootFilesystem"] = False
    result = subprocess.run(
        [
            find_tool("checkov"), "--framework", "kubernetes", "--skip-download", "--quiet", "--output", "json",
            "--file", write(tmp_path / "objects.yaml", [*objects, planted]), "--skip-check", ",".join(REFUSED),
        ],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    failed = json.loads(result.stdout)["results"]["failed_checks"]
    assert [(check["check_id"], check["resource"]) for check in failed] == [
        ("CKV_K8S_22", f"Deployment.{NAMESPACE}.planted")
    ]
