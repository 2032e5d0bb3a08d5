"""The Helm chart as Helm renders it: a list of objects, and what is asked of them."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/austausch"
TOOLS = ROOT / ".venv/chart-tools/bin"
NAMESPACE = "culture"
RELEASE = "mannheim"

NEEDED = {"host": "austausch.city.example", "image": {"registry": "images.city.example/austausch", "tag": "1.2.3"}}
MONITORING = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
ONE_OF_EACH = {"replicas": 1, "maxReplicas": 1}
# What operators ask for, by a name: the chart has to be right for each.
INSTALLATIONS: dict[str, dict[str, Any]] = {
    "as it comes": NEEDED,
    "small": NEEDED | {"natsReplicas": 1} | dict.fromkeys(("exchange", "forum", "knowledge", "gateway"), ONE_OF_EACH),
    "everything": NEEDED
    | {
        "image": {**NEEDED["image"], "pullSecrets": [{"name": "registry"}]},  # type: ignore[dict-item]
        "ingress": {"className": "traefik", "clusterIssuer": "letsencrypt", "annotations": {"a.example/b": "c"}},
        "otlpEndpoint": "http://collector.monitoring:4318",
        "exchange": {
            "settings": {"EXCHANGE_SCHOOL_HOLIDAYS": "/etc/austausch/school-holidays"},
            "volumes": [{"name": "school-holidays", "configMap": {"name": "school-holidays"}}],
            "volumeMounts": [
                {"name": "school-holidays", "mountPath": "/etc/austausch/school-holidays", "readOnly": True}
            ],
        },
        "knowledgeWorker": {"replicas": 1, "maxReplicas": 3, "settings": {"KNOWLEDGE_POOL_SIZE": "4"}},
        "gateway": {"settings": {"GATEWAY_TRUSTED_PROXIES": "2"}},
        "model": {"persistentVolumeClaim": {"claimName": "model", "readOnly": True}},
        "formerModel": {"persistentVolumeClaim": {"claimName": "former-model", "readOnly": True}},
        "network": {
            "collector": {"peers": [MONITORING]},
            "calendars": {"peers": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]},
            "hub": {"peers": [{"ipBlock": {"cidr": "192.0.2.7/32"}}]},
        },
        "monitoring": {"enabled": True, "labels": {"release": "kube-prometheus-stack"}},
    },
}  # fmt: skip
Object = dict[str, Any]


def find_tool(name: str) -> str:
    """Return the path of a tool that `make chart-tools` installs; skips the test where it did not."""
    path = TOOLS / name
    if not path.exists():
        pytest.skip(f"{name} is missing: make chart-tools")
    return str(path)


def run_helm(
    command: str, values: Mapping[str, Any], *options: str, release: str = RELEASE
) -> "subprocess.CompletedProcess[str]":
    """Run ``helm template`` or ``helm lint`` on the chart with values."""
    names = [release] if command == "template" else []
    return subprocess.run(
        [find_tool("helm"), command, *names, CHART, "--namespace", NAMESPACE, "--values", "-", *options],
        input=json.dumps(values), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def render(values: Mapping[str, Any], release: str = RELEASE) -> list[Object]:
    """Return the objects that the chart makes of values."""
    result = run_helm("template", values, release=release)
    assert result.returncode == 0, result.stderr
    return [found for found in yaml.safe_load_all(result.stdout) if found]


def of_kind(objects: list[Object], *kinds: str) -> dict[str, Object]:
    """Return the objects of some kinds by their names, without the name of the release."""
    return {found["metadata"]["name"].removeprefix(f"{RELEASE}-"): found for found in objects if found["kind"] in kinds}


def processes(objects: list[Object]) -> dict[str, Object]:
    """Return the Deployments of what serves; the operator's waits for somebody who types."""
    return {name: found for name, found in of_kind(objects, "Deployment").items() if name != "operator"}


def pods(objects: list[Object]) -> Iterator[tuple[str, Object, Object]]:
    """Yield of everything that runs pods: its name, the pod's metadata, and its spec."""
    for name, found in of_kind(objects, "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob").items():
        template = found["spec"]["template"]
        yield name, template["metadata"], template["spec"]


def containers(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Yield every container with the name of what runs it."""
    for name, _metadata, spec in pods(objects):
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            yield name, container


def environment(container: Object) -> dict[str, str]:
    """Return a container's variables."""
    return {variable["name"]: variable["value"] for variable in container["env"]}
