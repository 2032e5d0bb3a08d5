"""``austausch doctor``: looks at everything that the platform depends on, and says how to mend what is wrong."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

import click

from operate.checks.databases import check_databases
from operate.checks.home_city import check_home_city
from operate.checks.index_disk import check_index_disk
from operate.checks.keys import MAKE_THEM, check_certificate, check_keys
from operate.checks.messages import check_messages
from operate.checks.processes import check_processes
from operate.findings import Finding, State
from operate.settings import DoctorSettings, load_readable

COLOURS = {State.FINE: "green", State.UNKNOWN: "cyan", State.WARNING: "yellow", State.WRONG: "red"}
WIDTH = max(map(len, State)) + 2


@click.command("doctor", short_help="Look at everything, and say how to mend it.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, for programs.")
def doctor_command(as_json: bool) -> None:
    """
    Look at every dependency and setting, and say how to mend what is wrong.

    What is not set is not looked at, and called unknown. Exit code 1 when something is wrong, 0 otherwise.
    """
    findings = []
    for finding in examine(*load_readable(DoctorSettings)):
        findings.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        click.echo(json.dumps([_tell(finding) for finding in findings], indent=2, ensure_ascii=False))
    if any(finding.state is State.WRONG for finding in findings):
        raise SystemExit(1)


def _tell(finding: Finding) -> dict[str, str]:
    """Return what is told of a finding, by the names that the documentation has."""
    return {name: value for name, value in asdict(finding).items() if name != "unset"}


def examine(settings: DoctorSettings, faults: Mapping[str, str]) -> Iterator[Finding]:
    """
    Yield what is found, in the order in which the parts need each other.

    Args:
        faults: Variable → why it can't be read; what needs it is wrong, and not unknown.
    """
    untold = dict(faults)
    for finding in _look(settings):
        untold.pop(finding.unset, None)
        if fault := faults.get(finding.unset):
            yield replace(finding, state=State.WRONG, said=fault, remedy=_mend(finding.unset))
        else:
            yield finding
    for variable, fault in untold.items():
        yield Finding(variable, State.WRONG, fault, _mend(variable))


def _mend(variable: str) -> str:
    return MAKE_THEM if variable.endswith("_SIGNING_KEY") else f"mend {variable}_FILE, or the file that it names"


def _look(settings: DoctorSettings) -> Iterator[Finding]:
    yield from check_home_city(settings)
    yield check_index_disk(settings.knowledge_index_path)
    yield from check_keys(settings)
    yield check_certificate(settings.tls_certificate)
    yield from check_databases(settings)
    yield from asyncio.run(_examine_messages(settings))
    yield from check_processes(settings)


async def _examine_messages(settings: DoctorSettings) -> list[Finding]:
    return [finding async for finding in check_messages(settings)]


def _print(finding: Finding) -> None:
    state = click.style(f"{finding.state:<{WIDTH}}", fg=COLOURS[finding.state])
    click.echo(f"{state}{finding.subject}: {finding.said}")
    if finding.remedy:
        click.echo(f"{'':<{WIDTH}}→ {finding.remedy}")
