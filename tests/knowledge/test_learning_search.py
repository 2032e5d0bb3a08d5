"""Search over gRPC: found within a moment of the commit, marked, counted, hidden from whom it does not concern."""

import asyncio

import pytest
from austausch.knowledge.v1.knowledge_pb2 import (
    GetLearningRequest,
    Learning,
    RejectLearningRequest,
    SearchLearningsRequest,
    UpdateLearningRequest,
)
from sqlalchemy import text

from chassis import page_token
from chassis.identity import Role
from tests.calls import Caller, RunningService
from tests.knowledge.factories import create_request
from tests.knowledge.searching import search, wait_for_meaning, wait_for_total
from tests.refusals import refused


@pytest.fixture
def coordinator(knowledge: RunningService) -> Caller:
    return knowledge.as_(Role.COORDINATOR)


async def test_inflected_forms_are_found_and_marked(coordinator: Caller) -> None:
    await coordinator.CreateLearning(
        create_request(title="Wege", observation="Das Controlling sitzt <b>nah</b> am Fachbereich.")
    )
    await coordinator.CreateLearning(
        create_request(title="Desks", language="en", observation="A controller sits in each directorate.")
    )
    await wait_for_total(coordinator, "", 2)
    german = await search(coordinator, "Controllings Fachbereiche")
    assert german.results[0].snippet == (
        "Das <mark>Controlling</mark> sitzt &lt;b&gt;nah&lt;/b&gt; am <mark>Fachbereich</mark>."
    )
    assert german.results[0].score > 0
    english = await search(coordinator, "controllers directorates")
    assert english.results[0].snippet == "A <mark>controller</mark> sits in each <mark>directorate</mark>."


async def test_words_are_marked_in_title_and_text_alike(coordinator: Caller) -> None:
    await coordinator.CreateLearning(
        create_request(title="Controlling & Nähe", observation="Das Controlling sitzt am Fachbereich.")
    )
    await wait_for_total(coordinator, "", 1)
    (result,) = (await search(coordinator, "Controllings")).results
    assert result.title_snippet == "<mark>Controlling</mark> &amp; Nähe"
    assert result.snippet == "Das <mark>Controlling</mark> sitzt am Fachbereich."
    (result,) = (await search(coordinator, "Nähe")).results
    assert result.title_snippet == "Controlling &amp; <mark>Nähe</mark>"
    assert result.snippet == "Das Controlling sitzt am Fachbereich."


async def test_what_is_found_by_its_topic_alone_says_so(coordinator: Caller) -> None:
    await coordinator.CreateLearning(
        create_request(title="Wege", observation="Kurze Wege helfen.", topics=["controlling", "water"])
    )
    await wait_for_total(coordinator, "", 1)
    (result,) = (await search(coordinator, "Controllings")).results
    assert result.snippet == "Kurze Wege helfen."
    assert result.context_snippet == "<mark>controlling</mark>"
    (result,) = (await search(coordinator, "Wege Controlling")).results
    assert result.context_snippet == ""
    assert all(not result.context_snippet for result in (await search(coordinator)).results)


@pytest.mark.parametrize("query", ["topic:water", "thema:Wasser", "topic:dŵr", "thema:wasser fließt"])
async def test_a_topic_is_filtered_for_by_any_of_its_names(coordinator: Caller, query: str) -> None:
    await coordinator.CreateLearning(create_request(title="Rohre", observation="Es fließt bergab.", topics=["water"]))
    await coordinator.CreateLearning(create_request(title="Wege", observation="Es fließt bergab.", topics=["budget"]))
    await wait_for_total(coordinator, "", 2)
    assert await wait_for_total(coordinator, query, 1) == ["Rohre"]


async def test_a_word_of_a_topic_that_something_has_is_found(coordinator: Caller) -> None:
    await coordinator.CreateLearning(create_request(title="Brunnen", observation="Das Trinkwasser ist knapp."))
    await wait_for_total(coordinator, "", 1)
    answer = await search(coordinator, "drinking water pumpernickel")
    assert {word.text: word.found for word in answer.words} == {"drinking": True, "water": True, "pumpernickel": False}
    # No learning has this topic, nor its name.
    assert not any(word.found for word in (await search(coordinator, "renewable energy")).words)


async def test_what_is_written_is_found_before_anybody_looks_for_it(
    coordinator: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.knowledge.indexer.POLL_SECONDS", 600.0)
    await search(coordinator)
    for number in range(10):
        await coordinator.CreateLearning(create_request(observation=f"Nummer {number} betrifft Wasser{number}x."))
        # The word itself: what means the same is found, too.
        await wait_for_total(coordinator, f"+Wasser{number}x", 1)


async def test_a_change_is_found_and_the_old_words_are_not(coordinator: Caller) -> None:
    made = await coordinator.CreateLearning(create_request(observation="Abwasser fließt bergab."))
    await wait_for_total(coordinator, "+bergab", 1)
    await coordinator.UpdateLearning(
        UpdateLearningRequest(learning=Learning(name=made.name, observation="Abwasser fließt bergauf."))
    )
    await wait_for_total(coordinator, "+bergauf", 1)
    await wait_for_total(coordinator, "+bergab", 0)


async def test_rejected_learnings_are_found_on_request_only(coordinator: Caller) -> None:
    made = await coordinator.CreateLearning(create_request())
    await wait_for_total(coordinator, "Controlling", 1)
    await coordinator.RejectLearning(RejectLearningRequest(name=made.name, reason="Nein"))
    await wait_for_total(coordinator, "Controlling", 0)
    await wait_for_total(coordinator, "Controlling", 1, states=[Learning.STATE_REJECTED])


async def test_facets_count_and_filters_narrow(coordinator: Caller) -> None:
    for fields in (
        {"topics": ["water"], "cities": ["cities/hebron"], "sdg_targets": ["6.3"], "language": "en"},
        {"topics": ["water", "controlling"], "cities": ["cities/swansea"], "sdg_targets": ["16.6"]},
        {"topics": ["controlling"], "cities": ["cities/swansea"], "sdg_targets": ["16"]},
    ):
        await coordinator.CreateLearning(create_request(**fields))
    await wait_for_total(coordinator, "", 3)
    answer = await search(coordinator, topics=["water"])
    assert answer.total_size == len(answer.results) == 2
    assert {facet.value: facet.count for facet in answer.facets.topics} == {"water": 2, "controlling": 2}
    assert {facet.value: facet.count for facet in answer.facets.cities} == {"cities/hebron": 1, "cities/swansea": 1}
    assert {facet.value: facet.count for facet in answer.facets.sdg_targets} == {"6.3": 1, "16.6": 1}
    assert {facet.value: facet.count for facet in answer.facets.languages} == {"en": 1, "de": 1}
    assert (await search(coordinator, sdg_targets=["16"])).total_size == 2
    assert (await search(coordinator, "swansea")).total_size == 2
    assert (await search(coordinator, languages=["en"], topics=["controlling"])).total_size == 0


async def test_neither_hits_nor_counts_tell_of_what_one_may_not_see(
    knowledge: RunningService, coordinator: Caller
) -> None:
    await coordinator.CreateLearning(create_request(title="internal", topics=["secret"]))
    await coordinator.CreateLearning(create_request(title="partners", visibility=Learning.VISIBILITY_PARTNERS))
    await wait_for_total(coordinator, "", 2)
    haifa = knowledge.as_(Role.PARTNER, city="cities/haifa")
    assert await wait_for_total(haifa, "Controlling", 1) == ["partners"]
    assert not (await search(haifa)).facets.topics
    assert (await search(haifa, topics=["secret"])).total_size == 0
    with refused("PERMISSION_DENIED"):
        await knowledge.as_(Role.EXPERT).SearchLearnings(SearchLearningsRequest())


async def test_a_page_shows_what_the_database_holds_while_the_index_lags(
    knowledge: RunningService, coordinator: Caller
) -> None:
    haifa = knowledge.as_(Role.PARTNER, city="cities/haifa")
    shared = await coordinator.CreateLearning(create_request(visibility=Learning.VISIBILITY_PARTNERS))
    for caller in (coordinator, haifa):
        await wait_for_total(caller, "Controlling", 1)
    async with knowledge.database.begin() as session:
        # So that the index is told of nothing.
        await session.execute(text("ALTER TABLE learnings DISABLE TRIGGER learnings_changed"))
        await session.execute(text("UPDATE learnings SET visibility = 'internal', title = 'Neu'"))
    assert not (await search(haifa, "Controlling")).results
    (result,) = (await search(coordinator, "Controlling")).results
    assert (result.learning.title, result.learning.visibility) == ("Neu", Learning.VISIBILITY_INTERNAL)
    assert result.learning == await coordinator.GetLearning(GetLearningRequest(name=shared.name))


async def test_each_caller_is_told_what_it_may_do_with_what_it_found(
    knowledge: RunningService, coordinator: Caller
) -> None:
    await coordinator.CreateLearning(create_request(visibility=Learning.VISIBILITY_PARTNERS))
    callers = [coordinator, knowledge.as_(Role.PARTNER, city="cities/haifa"), knowledge.as_(Role.MEMBER), coordinator]
    for caller in callers:
        await wait_for_total(caller, "Controlling", 1)
        (result,) = (await search(caller, "Controlling")).results
        assert result.learning.editable is (caller is coordinator)
        assert result.learning == await caller.GetLearning(GetLearningRequest(name=result.learning.name))


async def test_search_pages_follow_each_other(coordinator: Caller) -> None:
    await asyncio.gather(*(coordinator.CreateLearning(create_request(title=f"Weg {n}")) for n in range(7)))
    await wait_for_meaning(coordinator, 7)
    for query in ("Controlling", ""):
        seen: list[str] = []
        request = SearchLearningsRequest(query=query, page_size=3)
        while True:
            answer = await coordinator.SearchLearnings(request)
            seen += [result.learning.title for result in answer.results]
            assert answer.total_size == 7
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
        assert sorted(seen) == [f"Weg {n}" for n in range(7)]
    token = (await search(coordinator, "Controlling", page_size=3)).next_page_token
    for bad in ({"query": "else", "page_token": token}, {"page_token": "nonsense"}, {"page_token": "WzEsIDJd"}):
        with refused("INVALID_ARGUMENT") as refusal:
            await coordinator.SearchLearnings(SearchLearningsRequest(**bad))
        assert refusal.fields == ["page_token"]


async def test_a_token_that_no_search_gave_is_refused(coordinator: Caller) -> None:
    positions: list[list[object]] = [
        [],
        [0],
        ["1", 2],
        [1, "2"],
        [None, 1],
        [1, 2.5],
        [1, 2, 3],
        [[1], 2],
        [1e300, 1],
        [2**64, 1],
    ]
    for position in positions:
        request = SearchLearningsRequest(query="Controlling")
        request.page_token = page_token.encode(request, position)
        with refused("INVALID_ARGUMENT", "PAGE_TOKEN_MALFORMED"):
            await coordinator.SearchLearnings(request)


async def test_odd_queries_are_answered(coordinator: Caller) -> None:
    await search(coordinator)
    for query in ('"', "'; DROP TABLE learnings; --", "🎉", "\u202e", "title:x AND (", "x" * 20_000, "* ~2 ^", "ﷺ"):
        await coordinator.SearchLearnings(SearchLearningsRequest(query=query))
    for query in ("nul \0", "x" * 20_001):
        with refused("INVALID_ARGUMENT") as refusal:
            await coordinator.SearchLearnings(SearchLearningsRequest(query=query))
        assert refusal.fields == ["query"]
