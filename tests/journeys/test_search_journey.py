"""What was written down in Arabic is found by a German question, through REST."""

from typing import Any
from uuid import uuid4

import pytest

from tests.journeys.openapi_client import Program
from tests.journeys.test_rest_journey import eventually
from tests.stack import Stack

# Water for all quarters in summer: a timetable that everybody knows beforehand halves the complaints.
WATER_TURNS = {
    "title": "جدول توزيع المياه المعلن يخفف التوتر بين الأحياء",
    "language": "ar",
    "observation": "في الصيف لا تكفي المياه لجميع الأحياء في الوقت نفسه، فتملأ الأسر خزانات الأسطح كلما وصل الماء.",
    "discussion": "عندما نشرت البلدية جدولا أسبوعيا لساعات الضخ في كل حي، قلت الشكاوى إلى النصف خلال شهرين.",
    "conclusion": "الناس يقبلون النقص إذا عرفوا موعد وصول الماء مسبقا.",
    "recommendation": "انشروا جدول الضخ قبل أسبوع، والتزموا به، وأعلنوا كل تأخير برسالة قصيرة.",
}
QUESTION = "Wie verteilen andere Städte das Trinkwasser gerecht, wenn es im Sommer nicht für alle Stadtteile reicht?"


@pytest.fixture
def office(stack: Stack) -> Program:
    """A program of the international office."""
    program = Program(stack.url)
    program.sign_in("coordinator@mannheim.example", "demo")
    return program


def test_a_learning_in_arabic_is_found_by_a_german_question(office: Program) -> None:
    made = office("CreateLearning", body=WATER_TURNS, requestId=str(uuid4()))

    def find(question: str) -> dict[str, Any] | None:
        results = office("SearchLearnings", query=question, pageSize=5, readerLanguage="de")["results"]
        return next((each for each in results if each["learning"]["name"] == made["name"]), None)

    found = eventually(lambda: find(QUESTION))
    assert [reason["kind"] for reason in found["reasons"]][-1] == "KIND_MEANING"
    # And by its own words, in another form.
    assert "<mark>جدول</mark>" in eventually(lambda: find("جداول الضخ"))["titleSnippet"]


def test_a_query_longer_than_an_address_is_answered_and_cut(office: Program) -> None:
    answer = office("SearchLearningsByPost", body={"query": "Wasser und Abwasser " * 500, "pageSize": 1})
    assert answer["queryCut"]
    assert answer["results"]
