"""What operators read and start, held against the code."""

import ast
import dataclasses
import importlib
import re
import typing
from pathlib import Path
from typing import Any

import pytest
import yaml

from chassis.settings import load
from deploy.credentials import DATABASES, keep_credentials
from deploy.local import MODULES
from gateway import MAX_FORM_BYTES
from gateway.settings import GatewaySettings
from operate.settings import DoctorSettings

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `([A-Z_]+)` \| (.+?) \|", re.MULTILINE)
PROCESSES = tuple(DATABASES)
WATCHING = {"prometheus", "collector", "grafana"}


def settings_of(process: str) -> Any:
    if process == "gateway":
        return GatewaySettings
    build = importlib.import_module(f"services.{process}.__main__").build
    return typing.get_type_hints(build)["settings"]


def documented_default(field: dataclasses.Field[Any]) -> str:
    if field.default is dataclasses.MISSING:
        return "–"
    if field.default in ("", None):
        return "empty"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def compose() -> dict[str, Any]:
    file: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
    return file


def test_an_image_of_ours_is_built_with_the_version_that_it_is_tagged_with() -> None:
    services = [each for each in compose()["services"].values() if str(each.get("image", "")).startswith("austausch/")]
    assert {each["image"].partition(":")[2] for each in services} == {"${VERSION:-dev}"}
    assert [each["build"]["args"] for each in services] == [{"VERSION": "${VERSION:-dev}"}] * len(services)


def test_the_documentation_names_every_setting_with_its_default() -> None:
    wanted = {
        (name if field.metadata.get("shared") else f"{process.upper()}_{name}"): documented_default(field)
        for process in PROCESSES
        for field in dataclasses.fields(settings_of(process))
        for name in [field.name.upper()]
    }
    of_processes = set(wanted)
    for field in dataclasses.fields(DoctorSettings):
        if (name := field.name.upper()) not in of_processes:
            wanted[name] = documented_default(field)
    documented = dict(ROW.findall((ROOT / "docs/operations/settings.md").read_text()))
    assert documented == wanted


@pytest.mark.parametrize("process", PROCESSES)
def test_no_secret_is_in_what_is_printed_of_the_settings(process: str) -> None:
    kind = settings_of(process)
    secrets = {field.name for field in dataclasses.fields(kind) if field.name.endswith(("_url", "_key"))}
    values = {field.name: "hidden" if field.name in secrets else "shown" for field in dataclasses.fields(kind)}

    printed = repr(kind(**values))

    assert "database_url" in secrets
    assert "shown" in printed
    assert "hidden" not in printed


@pytest.mark.parametrize("process", PROCESSES)
def test_each_process_accepts_the_settings_that_compose_gives_it(process: str, tmp_path: Path) -> None:
    keep_credentials(tmp_path)
    service = compose()["services"][process]
    # ENV of the image.
    environment = dict(re.findall(rf"({process.upper()}_\w+)=(\S+)", (ROOT / "deploy/Dockerfile").read_text()))
    for variable, value in service["environment"].items():
        # ${NAME:-default}
        environment[variable] = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value)
    for variable, value in environment.items():
        file = value.removeprefix("/run/secrets/")
        if file != value:
            assert file in service["secrets"], f"{process} does not mount {file}"
            environment[variable] = str(tmp_path / file)
    settings = load(settings_of(process), process, environment)
    assert settings.database_url == (tmp_path / f"{process}-database-url").read_text()


def test_the_doctor_reads_every_setting_that_compose_gives_the_operator(tmp_path: Path) -> None:
    keep_credentials(tmp_path)
    service = compose()["services"]["operator"]
    known = {field.name.upper() for field in dataclasses.fields(DoctorSettings)}
    assert {variable.removesuffix("_FILE") for variable in service["environment"]} <= known
    named = {Path(value).name for value in service["environment"].values() if value.startswith("/run/secrets/")}
    assert named == set(service["secrets"])
    assert not {file for file in named if not (tmp_path / file).exists()}


def test_compose_names_the_secrets_that_are_made_and_no_others(tmp_path: Path) -> None:
    keep_credentials(tmp_path)
    assert set(compose()["secrets"]) == {file.name for file in tmp_path.iterdir()} - {".gitignore"}


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_mounts_no_secret_of_another(process: str) -> None:
    own = {f"{process}-database-url", f"{process}-key.pem", "nats-url", "trusted-keys.json"}
    if process == "gateway":
        own.add("secret-key")
    assert set(compose()["services"][process]["secrets"]) <= own


def test_only_the_proxy_is_connected_to_the_outside_and_it_only_to_the_gateway() -> None:
    file = compose()
    assert {name for name, network in file["networks"].items() if not network.get("internal")} == {"edge", "watch"}
    services = {name: service for name, service in file["services"].items() if name not in WATCHING}
    assert {name for name, service in services.items() if service.get("ports")} == {"proxy"}
    assert {name for name, service in services.items() if "edge" in service["networks"]} == {"proxy"}
    assert {name for name, service in services.items() if "door" in service["networks"]} == {"proxy", "gateway"}
    assert "inner" not in services["proxy"]["networks"]
    assert not any("watch" in service["networks"] for service in services.values())


def test_who_watches_is_seen_on_this_machine_only_and_has_no_way_out() -> None:
    file = compose()
    services = file["services"]
    assert {name for name, service in services.items() if "observability" in service.get("profiles", ())} == WATCHING
    assert {name for name in WATCHING if services[name].get("ports")} == {"grafana"}
    assert services["grafana"]["ports"] == ["127.0.0.1:${GRAFANA_PORT:-3000}:3000"]
    assert services["grafana"]["networks"] == ["watch"]
    assert file["networks"]["watch"]["driver_opts"] == {"com.docker.network.bridge.enable_ip_masquerade": "false"}
    for name in WATCHING:
        assert set(services[name]["networks"]) <= {"inner", "watch"}
        assert set(services[name].get("secrets", ())) <= {"grafana-password"}


def test_the_proxy_takes_bodies_as_large_as_the_gateway_does() -> None:
    (megabytes,) = re.findall(r"client_max_body_size (\d+)m;", (ROOT / "deploy/proxy/nginx.conf").read_text())
    assert int(megabytes) * 1024 * 1024 == MAX_FORM_BYTES


def test_the_proxy_waits_longer_for_an_answer_than_the_gateway_for_its_own() -> None:
    (seconds,) = re.findall(r"proxy_read_timeout (\d+)s;", (ROOT / "deploy/proxy/nginx.conf").read_text())
    (limit,) = re.findall(r"^timeout = (\d+)$", (ROOT / "gateway/gunicorn.conf.py").read_text(), re.MULTILINE)
    assert int(seconds) > int(limit)


@pytest.mark.parametrize("name", sorted(compose()["services"]))
def test_every_container_is_closed(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    # Without, its logs fill the disk.
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}


def test_every_database_is_migrated_before_its_process_starts() -> None:
    services = compose()["services"]
    for process, module in MODULES.items():
        assert services[f"migrate-{process}"]["command"] == ["python", "-m", module, "migrate"]
        assert services[process]["depends_on"][f"migrate-{process}"] == {"condition": "service_completed_successfully"}


def test_documents_link_to_what_is_there() -> None:
    for document in (ROOT / "docs/operations").glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_every_line_of_the_log_that_operators_are_sent_to_is_one() -> None:
    code = "\n".join(
        file.read_text() for part in ("chassis", "services", "gateway") for file in (ROOT / part).rglob("*.py")
    )
    lines = set(re.findall(r'"([a-z_]+\.[a-z_]+)"', code))
    subjects = set(re.findall(r'\blog\.\w+\("([a-z_]+)\.[a-z_]+"', code)) | {"consumer", "worker", "outbox"}
    told = {
        line
        for document in (ROOT / "docs/operations").glob("*.md")
        for line in re.findall(r"`([a-z_]+\.[a-z_]+)[` ]", document.read_text())
    } | {
        line
        for module in (ROOT / "operate/checks").glob("*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for line in re.findall(r"\b[a-z_]+\.[a-z_]+\b", node.value)
    }
    told = {line for line in told if line.partition(".")[0] in subjects and not line.endswith(".conf")}
    assert len(told) > 20
    assert told - lines == set()
