"""What docs/operations/kubernetes.md tells operators to type, typed; the examples, held against chart and secrets."""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.credentials import keep_credentials
from gateway.settings import GatewaySettings
from tests.deploy.rendered_chart import CHART, ROOT, Object, containers, find_tool, of_kind, pods, render
from tests.deploy.test_operation import settings_of

EXAMPLES = ROOT / "deploy/helm/examples"
DOCUMENT = (ROOT / "docs/operations/kubernetes.md").read_text()
PROCESSES = ("exchange", "forum", "knowledge", "gateway")
# Connections on which a replica hears of commits: outbox; index, vectors and topics of the knowledge service.
LISTENS = {"exchange": 1, "forum": 1, "knowledge": 4, "gateway": 0}


def example(name: str) -> list[Object]:
    return list(yaml.safe_load_all((EXAMPLES / name).read_text()))


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


def merge(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return one | {
        key: merge(one[key], value) if isinstance(value, dict) and key in one else value for key, value in other.items()
    }


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    """The values of step 4, and with them all others that the page shows."""
    found: dict[str, Any] = {}
    for text in snippets("yaml"):
        found = merge(found, yaml.safe_load(text))
    return found


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What the commands of step 2 make: Secret → key → value. No image and no cluster: both are asked by stand-ins."""
    folder = tmp_path_factory.mktemp("step2")
    # docker run … python -m deploy.credentials /secrets: the same module, on the folder that is mounted there.
    (folder / "docker").write_text(
        f"#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m deploy.credentials {folder}/secrets\n"
    )
    (folder / "kubectl").write_text(
        f'#!/bin/sh\nexec {find_tool("kubectl")} "$@" --dry-run=client --output yaml >{folder}/made-$$.yaml\n'
    )
    for program in ("docker", "kubectl"):
        (folder / program).chmod(0o755)
    [commands] = re.findall(r"<!-- tested: \S+ -->\n```sh\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "REGISTRY": "r", "VERSION": "1", "HOME": str(folder)}
    subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=folder, env=environment, check=True, timeout=120)
    made = [yaml.safe_load(file.read_text()) for file in folder.glob("made-*.yaml")]
    return {
        secret["metadata"]["name"]: {
            key: base64.b64decode(value).decode() for key, value in secret["data"].items()
        }
        for secret in made
    }  # fmt: skip


@pytest.mark.tools
def test_the_commands_make_every_secret_that_the_chart_mounts(
    secrets: dict[str, dict[str, str]], values: dict[str, Any]
) -> None:
    mounted = {
        (volume["secret"]["secretName"], item["key"])
        for _name, _metadata, spec in pods(render(values))
        for volume in spec["volumes"]
        if "secret" in volume
        for item in volume["secret"]["items"]
    }
    assert mounted == {("austausch", key) for key in secrets["austausch"]}


@pytest.mark.tools
def test_the_owners_of_the_databases_have_the_passwords_of_the_urls(secrets: dict[str, dict[str, str]]) -> None:
    cluster, *others = example("cloudnative-pg.yaml")
    owners = {role["name"]: role["passwordSecret"]["name"] for role in cluster["spec"]["managed"]["roles"]}
    databases = {found["spec"]["name"]: found["spec"]["owner"] for found in others if found["kind"] == "Database"}
    [service] = cluster["spec"]["managed"]["services"]["additional"]
    for process in PROCESSES:
        url = urlsplit(secrets["austausch"][f"{process}-database-url"])
        assert secrets[owners[str(url.username)]] == {"username": url.username, "password": url.password}
        assert databases.pop(url.path.removeprefix("/")) == url.username
        assert url.hostname == service["serviceTemplate"]["metadata"]["name"]
    assert not databases


@pytest.mark.tools
def test_nats_takes_its_authorization_and_the_url_fits(secrets: dict[str, dict[str, str]], tmp_path: Path) -> None:
    values = yaml.safe_load((EXAMPLES / "nats-values.yaml").read_text())
    included = tmp_path / "config" / values["config"]["merge"]["$include"]
    [mount] = [patch["value"]["mountPath"] for patch in values["container"]["patch"]]
    assert Path(os.path.normpath("/etc/nats-config/" + values["config"]["merge"]["$include"])).parent == Path(mount)
    for folder in (tmp_path / "config", tmp_path / "nats-authorization"):
        folder.mkdir()
    included.write_text(secrets["nats-authorization"]["authorization.conf"])
    # As NATS's chart writes them.
    interval = values["config"]["jetstream"]["merge"]["sync_interval"]
    (tmp_path / "config/nats.conf").write_text(
        f"include {values['config']['merge']['$include']};\n"
        f'jetstream: {{store_dir: "{tmp_path}", sync_interval: {interval}}}\n'
    )
    command = [Path(sys.executable).with_name("nats-server"), "-t", "-c", tmp_path / "config/nats.conf"]
    assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
    url = urlsplit(secrets["austausch"]["nats-url"])
    assert url.hostname == "nats"
    assert f'user: "{url.username}", password: "{url.password}"' in included.read_text()


@pytest.mark.tools
def test_what_is_shown_as_values_is_accepted(values: dict[str, Any]) -> None:
    objects = render(values)
    assert of_kind(objects, "Ingress")
    assert {container["image"].partition("/")[0] for _name, container in containers(objects)} == {"images.city.example"}
    annotations = of_kind(objects, "Ingress")["mannheim"]["metadata"]["annotations"]
    named = [f"austausch-{middleware['metadata']['name']}@kubernetescrd" for middleware in example("traefik.yaml")]
    assert ",".join(named) in annotations.values()


def test_http_leads_to_https_before_anything_else_is_done_with_a_request() -> None:
    first, *_others = example("traefik.yaml")
    assert first["spec"] == {"redirectScheme": {"scheme": "https", "permanent": True}}


@pytest.mark.tools
def test_new_keys_are_copied_and_every_other_key_of_the_secret_is_kept(tmp_path: Path) -> None:
    [script] = re.findall(
        r"^cat >copy-secrets <<'END'\n(.*?)^END$", (ROOT / "docs/operations/command.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )  # fmt: skip
    folder = tmp_path / "secrets"
    keep_credentials(folder)
    keys = [f"{issuer}-key.pem" for issuer in ("gateway", "forum", "knowledge")]
    before = {"hub-key.pem": "aHVi", "nats-url": "bmF0cw==", **dict.fromkeys(keys, "b2xk")}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "austausch"}, "data": before}
    (tmp_path / "before.yaml").write_text(yaml.safe_dump(secret))
    # The cluster's Secret is a file.
    (tmp_path / "kubectl").write_text(
        f'#!/bin/sh\n[ "$1 $2 $3" = "patch secret austausch" ] || exit 1\nshift 3\n'
        f'exec {find_tool("kubectl")} patch --local --filename before.yaml "$@" --output yaml >after.yaml\n'
    )
    (tmp_path / "kubectl").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environment, check=True, timeout=60)

    after = yaml.safe_load((tmp_path / "after.yaml").read_text())["data"]

    written = {key: base64.b64encode((folder / key).read_bytes()).decode() for key in (*keys, "trusted-keys.json")}
    assert after == before | written


def test_the_network_finds_the_servers_of_the_examples() -> None:
    network = yaml.safe_load((CHART / "values.yaml").read_text())["network"]
    cluster, *others = example("cloudnative-pg.yaml")
    assert network["postgres"]["peers"] == [
        {"podSelector": {"matchLabels": {"cnpg.io/cluster": cluster["metadata"]["name"]}}}
    ]
    # By the name of its chart.
    assert network["nats"]["peers"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "nats"}}}]
    nats = yaml.safe_load((EXAMPLES / "nats-values.yaml").read_text())["extraResources"]
    postgres = [found for found in others if found["kind"] == "NetworkPolicy"]
    for [policy], server in ((nats, "nats"), (postgres, "postgres")):
        admitted, *_others = policy["spec"]["ingress"]
        assert admitted["ports"] == [{"port": network[server]["port"], "protocol": "TCP"}]
        assert admitted["from"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "austausch"}}}]


def test_postgres_admits_the_connections_of_all_replicas() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    workers = GatewaySettings.workers
    rows, at_once = {}, {}
    for process in PROCESSES:
        pool = settings_of(process).pool_size * (workers if process == "gateway" else 1)
        one, most = pool + LISTENS[process], values[process]["maxReplicas"]
        at_once[process] = one * (most + 1)
        rows[process] = (one, one * most)
    shown = re.findall(r"^\| `(\w+)` \|.*\| (\d+) \| (\d+) \|$", DOCUMENT, re.MULTILINE)
    assert {process: (int(one), int(most)) for process, one, most in shown} == rows
    totals = (sum(one for one, _most in rows.values()), sum(most for _one, most in rows.values()))
    assert f"| all | | | {totals[0]} | {totals[1]} |" in DOCUMENT
    cluster = example("cloudnative-pg.yaml")[0]
    # Some stay for PostgreSQL's own and for migrations.
    assert int(cluster["spec"]["postgresql"]["parameters"]["max_connections"]) >= sum(at_once.values()) + 20


def test_the_backup_is_one_of_the_cluster_that_is_made() -> None:
    store, schedule = example("cloudnative-pg-backup.yaml")
    assert schedule["spec"]["cluster"]["name"] == example("cloudnative-pg.yaml")[0]["metadata"]["name"]
    assert f"barmanObjectName: {store['metadata']['name']}" in (EXAMPLES / "cloudnative-pg-backup.yaml").read_text()
