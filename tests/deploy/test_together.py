"""The three services in one process, as a small machine runs them."""

import json
from pathlib import Path
from uuid import uuid4

import psutil

from tests.journeys.openapi_client import Program
from tests.journeys.test_rest_journey import eventually
from tests.stack import running


def test_three_services_share_a_process_and_work_together(used_data: Path) -> None:
    with running(used_data, SERVICES="together") as platform:
        started = [pid for pid, _created in json.loads((used_data / "processes.json").read_text())]
        assert ["deploy.together" in psutil.Process(pid).cmdline() for pid in started] == [True, False]
        office = Program(platform.url)
        office.sign_in("coordinator@mannheim.example", "demo")
        visit = office("ListVisits", pageSize=1)["visits"][0]
        # The knowledge service asks the exchange service whether there is such a visit.
        body = {"title": "Kellerwasser", "language": "de", "observation": "Pumpen", "source": visit["name"]}
        made = office("CreateLearning", body=body, requestId=str(uuid4()))
        names = eventually(lambda: find(office, "Kellerwassers", made["name"]))
        assert names == [made["name"]]
        assert office("ListForums")["forums"]


def find(program: Program, query: str, learning: str) -> list[str]:
    """Return the results of a search that are a learning."""
    names = [each["learning"]["name"] for each in program("SearchLearnings", query=query)["results"]]
    return [name for name in names if name == learning]
