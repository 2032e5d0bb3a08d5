"""Topics are found by what people call them, in any language."""

from pathlib import Path

import pytest
from austausch.knowledge.v1.topics_pb2 import GetTopicRequest, ListTopicsRequest, ListTopicsResponse, Topic

from chassis.identity import Role
from services.knowledge.vocabulary.importing import import_topics
from tests.calls import Caller, RunningService
from tests.refusals import refused


@pytest.fixture
def member(knowledge: RunningService) -> Caller:
    return knowledge.as_(Role.MEMBER)


async def find(caller: Caller, query: str, language: str = "de", **more: int) -> ListTopicsResponse:
    answer: ListTopicsResponse = await caller.ListTopics(ListTopicsRequest(query=query, language=language, **more))
    return answer


def list_slugs(topics: list[Topic]) -> list[str]:
    return [topic.name.removeprefix("topics/") for topic in topics]


async def test_a_topic_says_what_it_is_called_and_where_it_belongs(member: Caller) -> None:
    topic = await member.GetTopic(GetTopicRequest(name="topics/wastewater", language="de"))
    assert (topic.label, topic.broader, topic.sdg_targets) == ("Abwasser", ["topics/water"], ["6"])
    assert topic.definition.startswith("Gebrauchtes Wasser")
    assert {"topics/sewers", "topics/sdg-6"} <= set(topic.related)
    labels = {labels.language: labels for labels in topic.labels}
    assert labels.keys() == {"ar", "cy", "de", "en", "he", "lt", "pl", "tr", "uk", "zh"}
    assert labels["uk"].preferred == "Стічні води"
    assert "Kläranlage" in labels["de"].alternatives
    assert labels["pl"].definition


async def test_a_goal_has_its_number(member: Caller) -> None:
    topic = await member.GetTopic(GetTopicRequest(name="topics/sdg-13"))
    assert (topic.label, topic.notation, list(topic.sdg_targets)) == ("Climate action", "13", ["13"])


@pytest.mark.parametrize(
    ("language", "label"), [("", "Water"), ("cy", "Dŵr"), ("de-AT", "Wasser"), ("fr", "Water"), ("zh-Hant", "水")]
)
async def test_a_label_is_in_the_language_or_the_next_best(member: Caller, language: str, label: str) -> None:
    assert (await member.GetTopic(GetTopicRequest(name="topics/water", language=language))).label == label


async def test_a_topic_that_is_in_no_vocabulary_is_not_found(member: Caller) -> None:
    with refused("NOT_FOUND"):
        await member.GetTopic(GetTopicRequest(name="topics/garden-gnomes"))


@pytest.mark.parametrize(
    ("query", "language", "first"),
    [
        ("Abwasser", "de", "wastewater"),
        ("abw", "de", "wastewater"),
        ("klaranlage", "de", "wastewater"),
        ("  KLÄRANLAGE ", "en", "wastewater"),
        ("sewage", "de", "wastewater"),
        ("oczyszczalnia", "de", "wastewater"),
        ("污水", "zh", "wastewater"),
        ("水处理", "de", "wastewater"),
        ("مياه الصرف", "ar", "wastewater"),
        ("تغير المناخ", "de", "climate"),
        ("бюджет", "en", "budget"),
        ("šilumos ūkio", "lt", "heat-planning"),
        ("silumos ukio", "lt", "heat-planning"),
        ("gender equality", "de", "gender-equality"),
        ("KI", "de", "artificial-intelligence"),
        ("sdg 6", "de", "sdg-6"),
        ("dwr", "cy", "water"),
        ("YAPAY ZEKA", "tr", "artificial-intelligence"),
    ],
)
async def test_a_topic_is_found_by_its_labels_in_any_language(
    member: Caller, query: str, language: str, first: str
) -> None:
    answer = await find(member, query, language)
    assert list_slugs(list(answer.topics))[:1] == [first]


async def test_what_is_called_so_comes_before_what_begins_so_and_what_has_it_inside(member: Caller) -> None:
    found = list_slugs(list((await find(member, "wasser")).topics))
    assert found[0] == "water"
    assert {"drinking-water", "wastewater", "storm-water", "groundwater"} <= set(found[1:])


async def test_the_label_that_matched_is_told(member: Caller) -> None:
    topic = (await find(member, "schmutzw")).topics[0]
    assert (topic.label, topic.matched_label) == ("Abwasser", "Schmutzwasser")


@pytest.mark.parametrize("query", ["qqqq", "%", "_", "…", "\\", "' OR 1=1 --"])
async def test_any_text_can_be_asked_for(member: Caller, query: str) -> None:
    assert (await find(member, query)).total_size == 0


async def test_pages_show_every_topic_once(member: Caller) -> None:
    for query in ("", "a"):
        seen, token, total = [], "", None
        while True:
            request = ListTopicsRequest(query=query, language="de", page_size=50, page_token=token)
            answer = await member.ListTopics(request)
            seen += list_slugs(list(answer.topics))
            total, token = total or answer.total_size, answer.next_page_token
            assert answer.total_size == total
            if not token:
                break
        assert len(seen) == len(set(seen)) == total > 100


async def test_a_page_token_of_another_list_is_refused(member: Caller) -> None:
    token = (await find(member, "a", page_size=1)).next_page_token
    with refused("INVALID_ARGUMENT", "PAGE_TOKEN_OF_OTHER_LIST"):
        await member.ListTopics(ListTopicsRequest(query="b", language="de", page_token=token))
    with refused("INVALID_ARGUMENT", "PAGE_TOKEN_MALFORMED"):
        await member.ListTopics(ListTopicsRequest(page_token="x"))


async def test_labels_of_certain_topics_come_in_one_answer(member: Caller) -> None:
    answer = await member.ListTopics(ListTopicsRequest(topics=["water", "unknown", "budget"], language="he"))
    assert {topic.name: topic.label for topic in answer.topics} == {"topics/water": "מים", "topics/budget": "תקציב"}


async def test_a_withdrawn_topic_is_listed_only_when_it_is_asked_for(knowledge: RunningService, tmp_path: Path) -> None:
    member, path = knowledge.as_(Role.MEMBER), tmp_path / "small.nt"
    concept = '<urn:small:{0}> <http://www.w3.org/2004/02/skos/core#prefLabel> "{0}"@en .\n'
    for names in (("zebras", "zebrafish"), ("zebras",)):
        path.write_text("".join(concept.format(name) for name in names))
        await import_topics(knowledge.settings.database_url, path)
    assert list_slugs(list((await find(member, "zebr")).topics)) == ["zebras"]
    (gone,) = (await member.ListTopics(ListTopicsRequest(topics=["zebrafish"]))).topics
    assert gone.withdrawn
    assert (await member.GetTopic(GetTopicRequest(name="topics/zebrafish"))).label == "zebrafish"
