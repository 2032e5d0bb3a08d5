"""Who may speak with whom in Kubernetes: the paths that Compose's processes have, and no others."""

import re
from typing import Any

import pytest

from tests.deploy.rendered_chart import INSTALLATIONS, RELEASE, Object, of_kind, pods, render
from tests.deploy.test_operation import compose

pytestmark = pytest.mark.tools
SERVERS = {"cnpg.io/cluster": "postgres", "app.kubernetes.io/name": "nats"}
PORTS = {"postgres": 5432, "nats": 4222}
# Compose runs one of each process, and no replicas that call one another.
AMONG_REPLICAS = {"knowledge": {("knowledge", 50051)}}


@pytest.fixture(scope="module", params=INSTALLATIONS)
def objects(request: pytest.FixtureRequest) -> list[Object]:
    return render(INSTALLATIONS[request.param])


def policies(objects: list[Object]) -> dict[str, Any]:
    return {name: found["spec"] for name, found in of_kind(objects, "NetworkPolicy").items()}


def name_peer(peer: Object) -> str:
    """Return the component, the server, the namespace or the block of addresses that a peer is."""
    labels: dict[str, str] = peer.get("podSelector", {}).get("matchLabels", {})
    if component := labels.get("app.kubernetes.io/component"):
        assert labels["app.kubernetes.io/instance"] == RELEASE
        return component
    if labels:
        [(label, value)] = labels.items()
        assert label in SERVERS
        return value
    if block := peer.get("ipBlock"):
        return str(block["cidr"])
    return str(peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"])


def paths(rules: list[Object], side: str) -> set[tuple[str, int]]:
    """Return the peers and ports of rules; a rule without either would open everything."""
    assert all(rule[side] and rule["ports"] for rule in rules)
    return {(name_peer(peer), port["port"]) for rule in rules for peer in rule[side] for port in rule["ports"]}


def paths_in_compose(service: str) -> set[tuple[str, int]]:
    """Return what a container of Compose is told to connect to."""
    environment: dict[str, str] = compose()["services"][service]["environment"]
    found = set()
    for variable, value in environment.items():
        if variable.endswith("_ADDRESS"):
            host, _, port = value.partition(":")
            found.add((host, int(port)))
        if variable == "PLATFORM_URL":
            found.add(("gateway", 8000))
        if match := re.search(r"(DATABASE|NATS)_URL_FILE$", variable):
            server = {"DATABASE": "postgres", "NATS": "nats"}[match[1]]
            found.add((server, PORTS[server]))
    return found


def test_every_pod_is_closed_until_a_path_is_named(objects: list[Object]) -> None:
    deny = policies(objects)["deny"]
    assert sorted(deny["policyTypes"]) == ["Egress", "Ingress"]
    assert "ingress" not in deny
    assert "egress" not in deny
    for name, metadata, _spec in pods(objects):
        assert deny["podSelector"]["matchLabels"].items() <= metadata["labels"].items(), name


def test_each_policy_is_about_the_pods_of_its_name(objects: list[Object]) -> None:
    selectors = {name: spec["podSelector"]["matchLabels"] for name, spec in policies(objects).items() if name != "deny"}
    for name, metadata, _spec in pods(objects):
        matching = {policy for policy, labels in selectors.items() if labels.items() <= metadata["labels"].items()}
        assert matching == {"migration" if name.startswith("migrate-") else name}


def test_a_process_reaches_what_it_reaches_with_compose(objects: list[Object]) -> None:
    beside = {("kube-system", 53), ("monitoring", 4318)}
    for name, spec in policies(objects).items():
        if name in ("deny", "migration"):
            continue
        found = paths(spec["egress"], "to") - beside
        outside = {"exchange": {("0.0.0.0/0", 443)}, "knowledge": {("192.0.2.7/32", 443)}}.get(name, set())
        assert found - outside == paths_in_compose(name) | AMONG_REPLICAS.get(name, set()), name
    assert paths(policies(objects)["migration"]["egress"], "to") - beside == {("postgres", 5432)}


def test_a_process_is_reached_by_those_that_call_it(objects: list[Object]) -> None:
    found = policies(objects)
    for name, spec in found.items():
        if name in ("deny", "migration"):
            assert "ingress" not in spec
            continue
        callers = {
            (caller, port)
            for caller, other in found.items()
            for called, port in paths(other.get("egress", []), "to")
            if called == name
        }
        outside = {("traefik", 8000)} if name == "gateway" else set()
        outside |= {("monitoring", 9100)} if name != "operator" else set()
        assert paths(spec.get("ingress", []), "from") == callers | outside, name


def test_nobody_leaves_the_cluster_unless_peers_are_named() -> None:
    for spec in policies(render(INSTALLATIONS["as it comes"])).values():
        reached = {peer for peer, _port in paths(spec.get("egress", []), "to")}
        assert not any("/" in peer for peer in reached)


def test_a_process_leaves_the_cluster_for_what_it_needs_only() -> None:
    for name, spec in policies(render(INSTALLATIONS["everything"])).items():
        reached = {peer for peer, _port in paths(spec.get("egress", []), "to") if "/" in peer}
        assert reached == {"exchange": {"0.0.0.0/0"}, "knowledge": {"192.0.2.7/32"}}.get(name, set()), name


def test_prometheus_may_be_left_out() -> None:
    values = INSTALLATIONS["small"] | {"network": {"prometheus": {"peers": []}}}
    for name, spec in policies(render(values)).items():
        # No peers in a rule would mean everybody.
        assert not any(port == 9100 for _peer, port in paths(spec.get("ingress", []), "from")), name
