"""The Helm chart, rendered by Helm and held against the settings, the secrets and Compose."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from chassis import __version__
from chassis.settings import load
from deploy.credentials import keep_credentials
from operate.settings import DoctorSettings
from tests.deploy.rendered_chart import (
    CHART,
    INSTALLATIONS,
    NAMESPACE,
    NEEDED,
    ROOT,
    Object,
    containers,
    environment,
    of_kind,
    pods,
    processes,
    render,
    run_helm,
)
from tests.deploy.test_operation import compose, settings_of

pytestmark = pytest.mark.tools
SECRETS = "/etc/austausch/secrets"
PROCESSES = ("exchange", "forum", "knowledge", "gateway")
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()


@pytest.fixture(scope="module")
def rendered() -> dict[str, list[Object]]:
    return {name: render(values) for name, values in INSTALLATIONS.items()}


@pytest.fixture(params=INSTALLATIONS)
def objects(request: pytest.FixtureRequest, rendered: dict[str, list[Object]]) -> list[Object]:
    return rendered[request.param]


def test_no_container_can_do_more_than_its_work(objects: list[Object]) -> None:
    for name, _metadata, spec in pods(objects):
        pod = spec["securityContext"]
        assert (pod["runAsNonRoot"], pod["runAsUser"], pod["runAsGroup"]) == (True, 10001, 10001), name
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert not any("hostPath" in volume for volume in spec["volumes"])
    for name, container in containers(objects):
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] is True, name
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["capabilities"] == {"drop": ["ALL"]}


def test_every_container_has_requests_and_limits(objects: list[Object]) -> None:
    for name, container in containers(objects):
        for kind in ("requests", "limits"):
            assert container["resources"][kind].keys() == {"cpu", "memory", "ephemeral-storage"}, name


def test_a_process_may_take_what_compose_gives_it(objects: list[Object]) -> None:
    services = compose()["services"]
    for name, deployment in processes(objects).items():
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        allowed = services[name]["deploy"]["resources"]["limits"]
        limits = container["resources"]["limits"]
        # Compose's M is Kubernetes's Mi.
        assert (limits["cpu"], limits["memory"]) == (allowed["cpus"], f"{allowed['memory']}i"), name


def test_probes_ask_whether_a_process_lives_and_whether_it_is_ready(objects: list[Object]) -> None:
    for name, deployment in processes(objects).items():
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        start, live, ready = (container[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness"))
        if name in ("gateway", "knowledge-worker"):
            path = "/healthz" if name == "gateway" else "/"
            assert start["httpGet"]["path"] == live["httpGet"]["path"] == ready["httpGet"]["path"] == path
        else:
            # A database that is away makes a service unready; to kill it would not bring the database back.
            assert start["grpc"] == live["grpc"] == {"port": 50051, "service": ""}
            assert ready["grpc"] == {"port": 50051, "service": "ready"}
        # It waits for its database and the migration before it serves.
        assert start["periodSeconds"] * start["failureThreshold"] >= 1800


def test_a_process_gets_a_configuration_that_it_accepts(objects: list[Object], tmp_path: Path) -> None:
    keep_credentials(tmp_path)
    for name, container in containers(objects):
        if name == "operator":
            continue
        process = name.removeprefix("migrate-").removesuffix("-worker")
        variables = {key: value.replace(SECRETS, str(tmp_path)) for key, value in environment(container).items()}
        listens = dict(re.findall(rf"\b({process.upper()}_\w+)=(\S+)", DOCKERFILE))
        settings = load(settings_of(process), process, listens | variables)
        prefix = f"{process.upper()}_"
        fields = {field.upper() for field in vars(settings)}
        assert {key.removesuffix("_FILE").removeprefix(prefix) for key in variables} <= fields, name


def test_the_doctor_reads_what_the_operator_is_told(objects: list[Object], tmp_path: Path) -> None:
    keep_credentials(tmp_path)
    variables = {name: environment(container) for name, container in containers(objects)}["operator"]
    here = {key: value.replace(SECRETS, str(tmp_path)) for key, value in variables.items()}
    settings = load(DoctorSettings, "", here)
    # Those of logs and traces are every container's.
    told = {key.removesuffix("_FILE").lower() for key in variables} - {"log_level", "otlp_endpoint"}
    assert told <= vars(settings).keys()
    assert str(settings.platform_url) == "http://mannheim-gateway"


def test_an_operator_has_to_come_before_its_secrets_are_anywhere(objects: list[Object]) -> None:
    assert of_kind(objects, "Deployment")["operator"]["spec"]["replicas"] == 0


def test_it_is_told_what_compose_tells_it(rendered: dict[str, list[Object]]) -> None:
    services = compose()["services"]
    for name, container in containers(rendered["everything"]):
        told = services[name]["environment"]
        variables = environment(container)
        # Neither the index of another pod nor the certificate of the ingress.
        absent = {"KNOWLEDGE_INDEX_PATH", "TLS_CERTIFICATE"} if name == "operator" else set()
        assert told.keys() - absent <= variables.keys(), name
        for variable, value in told.items():
            if variable in absent:
                continue
            if value.startswith("/"):
                assert Path(variables[variable]).name == Path(value).name
            elif variable.endswith("_ADDRESS"):
                assert variables[variable] == f"mannheim-{value}"


def test_the_key_for_a_hub_is_there_where_something_is_published() -> None:
    told = {"KNOWLEDGE_HUB_URL": "https://hub.example", "KNOWLEDGE_HUB_INSTALLATION": "mannheim"}
    for name, _metadata, spec in pods(render(INSTALLATIONS["small"] | {"knowledge": {"settings": told}})):
        [container] = spec["containers"]
        key = environment(container).get("KNOWLEDGE_HUB_SIGNING_KEY_FILE")
        # The migration is the same process, with the same settings.
        publishes = name in ("knowledge", "migrate-knowledge")
        assert key == (f"{SECRETS}/hub-key.pem" if publishes else None), name
        mounted = {item["key"] for volume in spec["volumes"] for item in volume.get("secret", {}).get("items", [])}
        assert ("hub-key.pem" in mounted) == publishes, name


def test_a_replica_of_the_knowledge_service_knows_where_the_others_are(objects: list[Object]) -> None:
    told = {name: environment(container).get("KNOWLEDGE_PEERS_ADDRESS") for name, container in containers(objects)}
    asking = {name: address for name, address in told.items() if address}
    # The migration is the same process, with the same settings.
    assert asking == dict.fromkeys(("knowledge", "migrate-knowledge"), "mannheim-knowledge:50051")


def test_secrets_are_files_that_exist_and_each_process_gets_its_own_only(objects: list[Object], tmp_path: Path) -> None:
    keep_credentials(tmp_path)
    made = {file.name for file in tmp_path.iterdir()}
    for name, _metadata, spec in pods(objects):
        [container] = spec["containers"]
        assert not any("valueFrom" in variable for variable in container["env"])
        read = {Path(value).name for value in environment(container).values() if value.startswith(SECRETS)}
        [volume] = [volume["secret"] for volume in spec["volumes"] if "secret" in volume]
        keys = {item["key"] for item in volume["items"]}
        assert read == keys <= made, name
        assert set(compose()["services"][name]["secrets"]) - {"tls-certificate.pem"} == keys
        assert volume["secretName"] == "austausch"
        # Its owner is root, and its group that of the process.
        assert (volume["defaultMode"], spec["securityContext"]["fsGroup"]) == (0o440, 10001)


def test_what_the_operator_sets_goes_before_what_the_chart_sets(rendered: dict[str, list[Object]]) -> None:
    variables = {name: environment(container) for name, container in containers(rendered["everything"])}
    assert (
        variables["gateway"]["GATEWAY_TRUSTED_PROXIES"]
        == variables["migrate-gateway"]["GATEWAY_TRUSTED_PROXIES"]
        == "2"
    )
    assert variables["knowledge-worker"]["KNOWLEDGE_POOL_SIZE"] == "4"
    assert "KNOWLEDGE_POOL_SIZE" not in variables["knowledge"]


def test_events_are_kept_by_as_many_servers_of_nats_as_the_example_has(rendered: dict[str, list[Object]]) -> None:
    example = yaml.safe_load((ROOT / "deploy/helm/examples/nats-values.yaml").read_text())
    for name, container in containers(rendered["as it comes"]):
        told = environment(container)
        # Who makes the streams is told how many there are.
        assert ("NATS_REPLICAS" in told) == ("NATS_URL_FILE" in told and name != "operator"), name
        assert told.get("NATS_REPLICAS", "3") == str(example["config"]["cluster"]["replicas"])
    assert {environment(found).get("NATS_REPLICAS", "1") for _name, found in containers(rendered["small"])} == {"1"}


def test_the_databases_are_migrated_before_anything_of_a_new_version_starts(objects: list[Object]) -> None:
    jobs = of_kind(objects, "Job")
    assert jobs.keys() == {f"migrate-{process}" for process in PROCESSES}
    for name, job in jobs.items():
        annotations = job["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
        assert "hook-failed" not in annotations["helm.sh/hook-delete-policy"]
        [container] = job["spec"]["template"]["spec"]["containers"]
        assert container["command"] == compose()["services"][name]["command"]
        [deployed] = processes(objects)[name.removeprefix("migrate-")]["spec"]["template"]["spec"]["containers"]
        assert container["image"] == deployed["image"]


def test_a_pod_goes_when_its_callers_know_and_its_calls_are_done(objects: list[Object]) -> None:
    for name, deployment in processes(objects).items():
        spec = deployment["spec"]["template"]["spec"]
        [container] = spec["containers"]
        pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        kind = settings_of(name.removesuffix("-worker"))
        assert spec["terminationGracePeriodSeconds"] >= pause + kind.shutdown_seconds + 10, name
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_replicas_are_spread_and_one_goes_at_a_time(objects: list[Object]) -> None:
    budgets = of_kind(objects, "PodDisruptionBudget")
    deployments = processes(objects)
    assert budgets.keys() == deployments.keys()
    for name, deployment in deployments.items():
        assert budgets[name]["spec"]["maxUnavailable"] == 1
        selector = deployment["spec"]["selector"]
        assert budgets[name]["spec"]["selector"] == selector
        spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert {entry["topologyKey"] for entry in spread} == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        assert all(entry["labelSelector"] == selector for entry in spread)


def test_only_what_may_grow_is_scaled(rendered: dict[str, list[Object]]) -> None:
    assert not of_kind(rendered["small"], "HorizontalPodAutoscaler")
    grown = of_kind(rendered["everything"], "HorizontalPodAutoscaler")
    assert grown.keys() == {*PROCESSES, "knowledge-worker"}
    for case, objects in rendered.items():
        scaled = of_kind(objects, "HorizontalPodAutoscaler")
        for name, deployment in processes(objects).items():
            # With both, every upgrade would undo what the autoscaler did.
            assert ("replicas" in deployment["spec"]) != (name in scaled), (case, name)
            if name in scaled:
                assert scaled[name]["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
                assert scaled[name]["spec"]["minReplicas"] < scaled[name]["spec"]["maxReplicas"]


def test_addresses_are_those_of_services_that_name_every_replica(objects: list[Object]) -> None:
    services, deployments = of_kind(objects, "Service"), processes(objects)
    assert services.keys() == deployments.keys()
    for name, service in services.items():
        labels = deployments[name]["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
        others = [
            deployments[other]["spec"]["template"]["metadata"]["labels"] for other in deployments if other != name
        ]
        assert not any(service["spec"]["selector"].items() <= labels.items() for labels in others)
    for _name, container in containers(objects):
        for variable, value in environment(container).items():
            if variable.endswith("_ADDRESS"):
                host, _, port = value.partition(":")
                called = services[host.removeprefix("mannheim-")]["spec"]
                # A headless Service: its name has the address of each replica that is ready, for round_robin.
                assert called["clusterIP"] == "None"
                assert int(port) in [entry["port"] for entry in called["ports"]]


def test_the_ports_are_those_of_the_images(objects: list[Object]) -> None:
    for name, deployment in processes(objects).items():
        process = name.removesuffix("-worker")
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        listens = dict(re.findall(rf"\b{process.upper()}_(\w*LISTEN)=0\.0\.0\.0:(\d+)", DOCKERFILE))
        assert ports["metrics"] == int(listens["METRICS_LISTEN"])
        assert {ports.get("grpc"), ports.get("http")} - {None} <= {int(listens["LISTEN"])}


def test_what_is_written_lies_on_volumes(objects: list[Object]) -> None:
    for name, _metadata, spec in pods(objects):
        [container] = spec["containers"]
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
        assert "sizeLimit" in mounts["/tmp"]["emptyDir"], name  # noqa: S108 -- the pod's own
        if name == "knowledge":
            path = re.search(r"KNOWLEDGE_INDEX_PATH=(\S+)", DOCKERFILE)
            assert path is not None
            # One for each replica, which no other shares.
            assert "emptyDir" in mounts[path[1]]
        for variable in ("KNOWLEDGE_MODEL_PATH", "KNOWLEDGE_FORMER_MODEL_PATH"):
            if (model := environment(container).get(variable)) and not name.startswith("migrate-"):
                assert "persistentVolumeClaim" in mounts[model]


def test_people_come_by_https_only(objects: list[Object]) -> None:
    [ingress] = of_kind(objects, "Ingress").values()
    [rule] = ingress["spec"]["rules"]
    assert ingress["spec"]["tls"] == [{"hosts": [NEEDED["host"]], "secretName": "austausch-tls"}]
    assert rule["host"] == NEEDED["host"]
    [path] = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": "mannheim-gateway", "port": {"name": "http"}}


VOLUME = {"name": "more", "configMap": {"name": "more"}}
MOUNT = {"name": "more", "mountPath": "/etc/austausch/more", "readOnly": True}


@pytest.mark.parametrize("process", [*PROCESSES, "knowledgeWorker"])
def test_a_setting_may_name_a_file_that_the_operator_mounts(process: str) -> None:
    told = {
        "replicas": 1,
        "maxReplicas": 1,
        "settings": {"SSL_CERT_FILE": "/etc/austausch/more/authorities.pem"},
        "volumes": [VOLUME],
        "volumeMounts": [MOUNT],
    }
    name = "knowledge-worker" if process == "knowledgeWorker" else process
    for runs, _metadata, spec in pods(render(INSTALLATIONS["small"] | {process: told})):
        [container] = spec["containers"]
        # The migration is the same process, with the same settings.
        is_meant = runs in (name, f"migrate-{name}")
        assert (VOLUME in spec["volumes"], MOUNT in container["volumeMounts"]) == (is_meant, is_meant), runs
        assert ("SSL_CERT_FILE" in environment(container)) == is_meant


def test_every_name_is_one_that_a_cluster_takes() -> None:
    # Longer ones Helm refuses itself.
    release = "a" * 44 + "-" + "b" * 8
    objects = render(INSTALLATIONS["everything"], release)
    names = {found["metadata"]["name"] for found in objects}
    assert max(map(len, names)) <= 63
    assert all(re.fullmatch(r"a{44}(-[a-z]+)*", name) for name in names)
    hosts = {
        value.partition(":")[0]
        for _name, container in containers(objects)
        for variable, value in environment(container).items()
        if variable.endswith("_ADDRESS")
    }
    assert hosts <= names
    [ingress] = [found for found in objects if found["kind"] == "Ingress"]
    assert ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] in names


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"image": NEEDED["image"]}, "host"),
        ({"host": NEEDED["host"]}, "registry"),
        (NEEDED | {"replicas": 3}, "replicas"),
        (NEEDED | {"image": {"registry": "r", "tag": "latest"}}, "tag"),
        (NEEDED | {"gateway": {"settings": {"GATEWAY_THREADS": 32}}}, "GATEWAY_THREADS"),
        (NEEDED | {"network": {"nats": {"peers": []}}}, "nats"),
        (NEEDED | {"homeCity": "Mannheim"}, "homeCity"),
        (
            NEEDED | {"exchange": {"replicas": 3, "maxReplicas": 2}},
            "exchange.maxReplicas is 2, and exchange.replicas 3",
        ),
        (NEEDED | {"knowledgeWorker": {"replicas": 1}}, "knowledgeWorker.maxReplicas is 0"),
        (NEEDED | {"forum": {"volumes": [{"name": "secrets", "emptyDir": {}}]}}, "volumes"),
        (NEEDED | {"forum": {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}}, "hostPath"),
        (NEEDED | {"forum": {"volumeMounts": [{"name": "more"}]}}, "mountPath"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(values: dict[str, Any], reason: str) -> None:
    result = run_helm("template", values)
    assert result.returncode != 0
    assert reason in result.stderr


def test_monitoring_objects_are_made_only_where_the_cluster_knows_them(rendered: dict[str, list[Object]]) -> None:
    kinds = ("ServiceMonitor", "PrometheusRule")
    assert not of_kind(rendered["as it comes"], *kinds)
    everything = rendered["everything"]
    [monitor] = of_kind(everything, "ServiceMonitor").values()
    for service in of_kind(everything, "Service").values():
        assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        assert "metrics" in [port["name"] for port in service["spec"]["ports"]]
    [rules] = of_kind(everything, "PrometheusRule").values()
    alerts = (ROOT / "deploy/observability/alerts.yaml").read_text()
    assert rules["spec"] == yaml.safe_load(alerts.replace('namespace=~".*"', f'namespace="{NAMESPACE}"'))
    assert rules["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    dashboards = of_kind(everything, "ConfigMap")["dashboards"]["data"]
    assert dashboards.keys() == {file.name for file in (ROOT / "deploy/observability/dashboards").iterdir()}


def test_the_chart_has_the_version_of_what_it_installs() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == __version__
