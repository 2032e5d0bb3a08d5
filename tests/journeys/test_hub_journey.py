"""Two installations: what one publishes is found at the other, and goes again as either wants it."""

import urllib.request
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from chassis.identity import Role, new_private_key
from services.knowledge.signatures import load_private_key
from tests import stack as whole
from tests.bench.client import Client
from tests.journeys.openapi_client import Program, Refused, id_of
from tests.journeys.test_rest_journey import eventually
from tests.knowledge.installations import public_pem
from tests.stack import Stack

SNOW = {
    "title": "Gehwege vor Schulen werden zuerst geräumt",
    "language": "de",
    "observation": "Swansea räumt nach Schneefall zuerst vor Schulen, dann erst die Hauptstraßen.",
    "cities": ["cities/swansea"],
    "topics": ["winter-service"],
}
DEMO = "@mannheim.example"


def sign_in(stack: Stack, role: str) -> Program:
    program = Program(stack.url)
    program.sign_in(role + DEMO, "demo")
    return program


def read_page(reader: Client, path: str) -> str:
    request = urllib.request.Request(reader.url + path, headers={**reader.cookie, "Accept-Language": "en"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(answer.read().decode())


def make_public(stack: Stack) -> dict[str, Any]:
    """Have a learning recorded by a department, validated and made public by the office."""
    office, department = sign_in(stack, Role.COORDINATOR), sign_in(stack, Role.MEMBER)
    learning = department("CreateLearning", body=SNOW, requestId=str(uuid4()))
    id_ = id_of(learning)
    office("AnalyzeLearning", learning=id_, body={})
    office("IdentifyLearning", learning=id_, body={"remedialAction": "Räumplan ändern", "owner": "Tiefbau"})
    office("ImplementLearning", learning=id_, body={})
    office("ValidateLearning", learning=id_, body={})
    made: dict[str, Any] = office("UpdateLearning", learning=id_, body={"visibility": "VISIBILITY_PUBLIC"})
    return made


@pytest.fixture
def city(stack: Stack, demo_data: Path, tmp_path: Path) -> Any:
    """A second installation, which the first one lets publish."""
    administrator, id_, pem = sign_in(stack, "admin"), f"swansea-{uuid4()}", new_private_key()
    registration = {
        "displayName": "Swansea",
        "city": "cities/swansea",
        "uri": "https://austausch.swansea.example",
        "publicKey": public_pem(load_private_key(pem)),
    }
    administrator("CreateInstallation", installationId=id_, body=registration, requestId=str(uuid4()))
    key = tmp_path / "hub-key.pem"
    key.write_text(pem)
    environment = {
        "KNOWLEDGE_HUB_URL": stack.url,
        "KNOWLEDGE_HUB_INSTALLATION": id_,
        "KNOWLEDGE_HUB_SIGNING_KEY_FILE": str(key),
    }
    with whole.running(whole.copy_data(demo_data, tmp_path / "data"), **environment) as running:
        yield running, id_


def test_a_learning_is_published_to_a_hub_withdrawn_and_revoked(stack: Stack, city: tuple[Stack, str]) -> None:
    swansea, id_ = city
    partner, administrator = sign_in(stack, Role.PARTNER), sign_in(stack, "admin")

    def find() -> list[dict[str, Any]]:
        results = partner("SearchLearnings", query="Gehweg Schule räumen", cities="cities/swansea")["results"]
        found = [result["learning"] for result in results if "origin" in result["learning"]]
        return [learning for learning in found if learning["origin"]["installation"].endswith(id_)]

    original = make_public(swansea)
    (published,) = eventually(find)
    assert published["title"] == original["title"]
    assert published["origin"]["uri"] == f"https://austausch.swansea.example/{original['name']}"
    assert original["authorName"] not in str(published)
    # The pages say whose it is, and offer nothing that is not done here.
    reader = Client(stack.url)
    page = read_page(reader, f"/{published['name']}")
    assert "Published by the installation Swansea" in page
    assert published["origin"]["uri"] in page
    assert f"/{published['name']}/delete" not in page
    assert published["origin"]["uri"] in read_page(reader, "/search?q=Gehweg+Schule")

    office = sign_in(swansea, Role.COORDINATOR)
    eventually(lambda: office("GetPublishingStatus")["waitingCount"] == 0)

    office("UpdateLearning", learning=id_of(original), body={"visibility": "VISIBILITY_PARTNERS"})
    eventually(lambda: not find())
    office("UpdateLearning", learning=id_of(original), body={"visibility": "VISIBILITY_PUBLIC"})
    eventually(find)

    administrator("RevokeInstallation", installation=id_, body={})
    assert not find()
    office("UpdateLearning", learning=id_of(original), body={"title": "Schulen zuerst"})
    # A stranger is not told that it was revoked.
    with pytest.raises(Refused) as refused:
        Program(stack.url)("PublishLearnings", installation=id_, body={"content": "{}", "signature": "none"})
    assert (refused.value.status, refused.value.info()["reason"]) == (401, "SIGNATURE_NOT_VALID")
    assert not find()
