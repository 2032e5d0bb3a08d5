"""The learning service over gRPC: who may do what, versions, repeats, lists."""

import asyncio
import unicodedata
import uuid
from collections.abc import Awaitable
from typing import Any

import grpc
import pytest
from austausch.knowledge.v1 import knowledge_pb2
from austausch.knowledge.v1.knowledge_pb2 import (
    AnalyzeLearningRequest,
    EmbedLearningRequest,
    GetLearningRequest,
    IdentifyLearningRequest,
    ImplementLearningRequest,
    Learning,
    ListLearningsRequest,
    RejectLearningRequest,
    SupersedeLearningRequest,
    UpdateLearningRequest,
    ValidateLearningRequest,
)
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.date_pb2 import Date
from sqlalchemy import text

from chassis.errors import DomainError
from chassis.identity import Role
from services.knowledge.model import KnownVisit
from services.knowledge.model import Learning as Row
from tests.calls import Caller, RunningService
from tests.knowledge.factories import CONTROLLING, create_request
from tests.refusals import refused


async def refusal(call: Awaitable[Any], code: str) -> DomainError:
    """Return the error that a call is refused with."""
    with refused(code) as refusal:
        await call
    return refusal.error


@pytest.fixture
def coordinator(knowledge: RunningService) -> Caller:
    return knowledge.as_(Role.COORDINATOR)


@pytest.fixture
def member(knowledge: RunningService) -> Caller:
    return knowledge.as_(Role.MEMBER, department=CONTROLLING)


@pytest.fixture
async def partner(knowledge: RunningService) -> Caller:
    """Someone from Swansea, whose city has the visit `visits/controllers`."""
    async with knowledge.database.begin() as session:
        cities = ["cities/mannheim", "cities/swansea"]
        session.add(KnownVisit(name="visits/controllers", title="Controllers", cities=cities, version=1))
    return knowledge.as_(Role.PARTNER, city="cities/swansea")


async def make_implemented(caller: Caller, **fields: Any) -> Learning:
    """Return a new learning whose remedial action is done."""
    name = (await caller.CreateLearning(create_request(**fields))).name
    await caller.AnalyzeLearning(AnalyzeLearningRequest(name=name))
    await caller.IdentifyLearning(
        IdentifyLearningRequest(name=name, remedial_action="Handbuch ändern", owner=CONTROLLING)
    )
    return await caller.ImplementLearning(ImplementLearningRequest(name=name))


async def test_a_created_learning_is_an_observation_of_its_author(member: Caller) -> None:
    made = await member.CreateLearning(
        create_request(topics=["controlling"], sdg_targets=["16.6"], review_date=Date(year=2027, month=2, day=28))
    )
    assert made.state == Learning.STATE_OBSERVATION
    assert made.author == "accounts/member"
    assert made.author_name == made.updater == "Member"
    assert made.department == CONTROLLING
    assert made.visibility == Learning.VISIBILITY_INTERNAL
    assert list(made.allowed_transitions) == ["analyze", "reject", "supersede"]
    assert made.editable
    assert made.review_date == Date(year=2027, month=2, day=28)
    assert await member.GetLearning(GetLearningRequest(name=made.name)) == made


BAD_INPUT: list[tuple[dict[str, Any], str]] = [
    ({"title": ""}, "learning.title"),
    ({"title": "   "}, "learning.title"),
    ({"title": "x" * 301}, "learning.title"),
    ({"title": "nul \0"}, "learning.title"),
    ({"language": "German"}, "learning.language"),
    ({"observation": ""}, "learning.observation"),
    ({"topics": ["Not a slug"]}, "learning.topics[0]"),
    ({"topics": ["Grünflächen"]}, "learning.topics[0]"),
    ({"topics": ["-grün"]}, "learning.topics[0]"),
    ({"topics": ["same", "same"]}, "learning.topics"),
    ({"sdg_targets": ["18.1"]}, "learning.sdg_targets[0]"),
    ({"cities": ["swansea"]}, "learning.cities[0]"),
    ({"source": "visits/a/delegates/b"}, "learning.source"),
    ({"review_date": Date(year=2027, month=2, day=30)}, "learning.review_date"),
    ({"review_date": Date(year=2027)}, "learning.review_date"),
    ({"visibility": 9}, "learning.visibility"),
]


async def test_bad_input_is_refused_by_its_field(member: Caller) -> None:
    for fields, path in BAD_INPUT:
        error = await refusal(member.CreateLearning(create_request(**fields)), "INVALID_ARGUMENT")
        assert path in [violation.field for violation in error.violations], fields
    assert (await member.ListLearnings(ListLearningsRequest())).total_size == 0


async def test_topics_are_written_in_any_script_and_found_however_they_are_encoded(member: Caller) -> None:
    made = await member.CreateLearning(create_request(topics=["gru\u0308nfla\u0308chen", "水资源", "a--b"]))
    assert list(made.topics) == ["grünflächen", "水资源", "a--b"]
    for topic in ("grünflächen", "gru\u0308nfla\u0308chen", "水资源"):
        found = await member.ListLearnings(ListLearningsRequest(topic=topic))
        assert [learning.name for learning in found.learnings] == [made.name], topic


async def test_those_that_are_to_be_looked_at_again_are_listed_by_themselves(member: Caller) -> None:
    due = await member.CreateLearning(create_request(review_date=Date(year=2027, month=2, day=28)))
    await member.CreateLearning(create_request())
    listed = await member.ListLearnings(ListLearningsRequest(with_review_date=True))
    assert [learning.name for learning in listed.learnings] == [due.name]


async def test_any_text_is_kept_as_it_is(member: Caller) -> None:
    odd = "'; DROP TABLE learnings; -- <script>alert(1)</script> 🎉 שלום \u202e العربية"
    made = await member.CreateLearning(create_request(title=odd, observation=odd))
    assert made.title == made.observation == odd


async def test_the_whole_way_and_nobody_validates_their_own(knowledge: RunningService) -> None:
    author = knowledge.as_(Role.COORDINATOR, subject="accounts/author")
    other = knowledge.as_(Role.COORDINATOR, subject="accounts/other", name="Other")
    made = await make_implemented(author)
    assert list(made.allowed_transitions) == ["reject", "supersede"]
    await refusal(author.ValidateLearning(ValidateLearningRequest(name=made.name)), "PERMISSION_DENIED")
    validated = await other.ValidateLearning(ValidateLearningRequest(name=made.name, etag=made.etag))
    assert (validated.validator, validated.validator_name) == ("accounts/other", "Other")
    embedded = await other.EmbedLearning(EmbedLearningRequest(name=made.name))
    assert embedded.state == Learning.STATE_EMBEDDED
    error = await refusal(author.AnalyzeLearning(AnalyzeLearningRequest(name=made.name)), "FAILED_PRECONDITION")
    assert error.reason == "ILLEGAL_TRANSITION"
    assert error.metadata == {"transition": "analyze", "state": "EMBEDDED", "allowed": "supersede"}


async def test_a_department_works_on_what_it_captured_or_owns(knowledge: RunningService, member: Caller) -> None:
    other = knowledge.as_(Role.MEMBER, department="Stadtentwässerung", subject="accounts/other")
    colleague = knowledge.as_(Role.MEMBER, department=CONTROLLING, subject="accounts/colleague")
    name = (await member.CreateLearning(create_request())).name
    seen = await other.GetLearning(GetLearningRequest(name=name))
    assert not seen.allowed_transitions
    assert not seen.editable
    await refusal(other.AnalyzeLearning(AnalyzeLearningRequest(name=name)), "PERMISSION_DENIED")
    await refusal(other.RejectLearning(RejectLearningRequest(name=name, reason="No")), "PERMISSION_DENIED")
    await refusal(
        other.UpdateLearning(UpdateLearningRequest(learning=Learning(name=name, title="Mine"))), "PERMISSION_DENIED"
    )
    await colleague.AnalyzeLearning(AnalyzeLearningRequest(name=name))
    identify = IdentifyLearningRequest(name=name, remedial_action="Tun", owner="Stadtentwässerung")
    await colleague.IdentifyLearning(identify)
    await refusal(colleague.ImplementLearning(ImplementLearningRequest(name=name)), "PERMISSION_DENIED")
    done = await other.ImplementLearning(ImplementLearningRequest(name=name))
    assert done.state == Learning.STATE_IMPLEMENTED
    await refusal(member.ValidateLearning(ValidateLearningRequest(name=name)), "PERMISSION_DENIED")


async def test_members_without_a_department_are_not_colleagues(knowledge: RunningService) -> None:
    one = knowledge.as_(Role.MEMBER, subject="accounts/one")
    two = knowledge.as_(Role.MEMBER, subject="accounts/two")
    made = await one.CreateLearning(create_request())
    await refusal(two.AnalyzeLearning(AnalyzeLearningRequest(name=made.name)), "PERMISSION_DENIED")


async def test_a_partner_sees_what_is_shared_and_its_own_words(
    knowledge: RunningService, coordinator: Caller, partner: Caller
) -> None:
    readable = [
        await coordinator.CreateLearning(create_request(title="public", visibility=Learning.VISIBILITY_PUBLIC)),
        await coordinator.CreateLearning(create_request(title="partners", visibility=Learning.VISIBILITY_PARTNERS)),
        await partner.CreateLearning(create_request(title="own", source="visits/controllers")),
    ]
    hidden = await coordinator.CreateLearning(create_request(title="internal", source="visits/controllers"))
    listed = await partner.ListLearnings(ListLearningsRequest())
    assert {learning.name for learning in listed.learnings} == {learning.name for learning in readable}
    assert listed.total_size == len(readable)
    for learning in readable:
        await partner.GetLearning(GetLearningRequest(name=learning.name))
    hidden_error = await refusal(partner.GetLearning(GetLearningRequest(name=hidden.name)), "NOT_FOUND")
    missing_error = await refusal(partner.GetLearning(GetLearningRequest(name="learnings/none")), "NOT_FOUND")
    assert hidden_error.reason == missing_error.reason
    haifa = knowledge.as_(Role.PARTNER, city="cities/haifa", subject="accounts/haifa")
    assert (await haifa.ListLearnings(ListLearningsRequest())).total_size == 2


async def test_a_partner_writes_about_visits_of_its_own_city_only(knowledge: RunningService, partner: Caller) -> None:
    made = await partner.CreateLearning(create_request(source="visits/controllers", source_title="Something else"))
    assert made.source_title == "Controllers"
    assert list(made.cities) == ["cities/swansea"]
    assert made.editable
    for source in ("", "forums/leitbild"):
        await refusal(partner.CreateLearning(create_request(source=source)), "PERMISSION_DENIED")
    haifa = knowledge.as_(Role.PARTNER, city="cities/haifa")
    await refusal(haifa.CreateLearning(create_request(source="visits/controllers")), "PERMISSION_DENIED")
    mine = UpdateLearningRequest(learning=Learning(name=made.name, title="Better"))
    assert (await partner.UpdateLearning(mine)).title == "Better"


async def test_only_a_coordinator_makes_public(coordinator: Caller, member: Caller) -> None:
    public = Learning.VISIBILITY_PUBLIC
    await refusal(member.CreateLearning(create_request(visibility=public)), "PERMISSION_DENIED")
    made = await member.CreateLearning(create_request(visibility=Learning.VISIBILITY_PARTNERS))
    request = UpdateLearningRequest(learning=Learning(name=made.name, visibility=public))
    await refusal(member.UpdateLearning(request), "PERMISSION_DENIED")
    assert (await coordinator.UpdateLearning(request)).visibility == public
    retitled = await member.UpdateLearning(UpdateLearningRequest(learning=Learning(name=made.name, title="New")))
    assert retitled.visibility == public


async def test_experts_see_nothing_and_nobody_without_identity(knowledge: RunningService) -> None:
    expert = knowledge.as_(Role.EXPERT)
    await refusal(expert.ListLearnings(ListLearningsRequest()), "PERMISSION_DENIED")
    await refusal(knowledge.without_identity().ListLearnings(ListLearningsRequest()), "UNAUTHENTICATED")


async def test_an_update_changes_what_the_mask_names(member: Caller) -> None:
    made = await member.CreateLearning(create_request(discussion="Why", topics=["controlling"]))
    changed = await member.UpdateLearning(
        UpdateLearningRequest(
            learning=Learning(name=made.name, title="New", observation="ignored", etag=made.etag),
            update_mask=FieldMask(paths=["title", "discussion", "topics"]),
        )
    )
    assert (changed.title, changed.discussion, list(changed.topics)) == ("New", "", [])
    assert changed.observation == made.observation
    assert changed.etag != made.etag


async def test_an_update_refuses_fields_that_cannot_change(member: Caller) -> None:
    made = await member.CreateLearning(create_request())
    for path in ("state", "author", "source", "name", "nonsense"):
        request = UpdateLearningRequest(learning=Learning(name=made.name), update_mask=FieldMask(paths=[path]))
        error = await refusal(member.UpdateLearning(request), "INVALID_ARGUMENT")
        assert error.violations[0].field == "update_mask"


async def test_required_fields_cannot_be_emptied(member: Caller) -> None:
    made = await make_implemented(member)
    for path in ("title", "observation", "remedial_action", "owner"):
        request = UpdateLearningRequest(learning=Learning(name=made.name), update_mask=FieldMask(paths=[path]))
        error = await refusal(member.UpdateLearning(request), "INVALID_ARGUMENT")
        assert error.violations[0].field == f"learning.{path}"


async def test_a_lost_update_is_refused_with_who_changed_it(knowledge: RunningService, member: Caller) -> None:
    made = await member.CreateLearning(create_request())
    coordinator = knowledge.as_(Role.COORDINATOR, name="Internationales Büro")
    await coordinator.UpdateLearning(UpdateLearningRequest(learning=Learning(name=made.name, title="First")))
    late = UpdateLearningRequest(learning=Learning(name=made.name, title="Second", etag=made.etag))
    error = await refusal(member.UpdateLearning(late), "ABORTED")
    assert error.reason == "ETAG_MISMATCH"
    assert error.metadata["updater"] == "Internationales Büro"
    await refusal(member.AnalyzeLearning(AnalyzeLearningRequest(name=made.name, etag=made.etag)), "ABORTED")
    assert (await member.GetLearning(GetLearningRequest(name=made.name))).title == "First"


async def test_of_two_who_act_at_once_one_is_told(member: Caller) -> None:
    made = await member.CreateLearning(create_request())
    request = AnalyzeLearningRequest(name=made.name, etag=made.etag)
    answers = await asyncio.gather(*(member.AnalyzeLearning(request) for _ in range(5)), return_exceptions=True)
    errors = [answer.code() for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert errors == [grpc.StatusCode.ABORTED] * 4


async def test_a_repeated_request_id_gives_the_first_answer(member: Caller) -> None:
    request = create_request(request_id=str(uuid.uuid4()))
    answers = await asyncio.gather(*(member.CreateLearning(request) for _ in range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert (await member.ListLearnings(ListLearningsRequest())).total_size == 1


async def test_a_repeated_transition_gives_the_first_answer(member: Caller) -> None:
    made = await member.CreateLearning(create_request())
    other = await member.CreateLearning(create_request())
    analyze = AnalyzeLearningRequest(name=made.name, etag=made.etag, request_id=str(uuid.uuid4()))
    first = await member.AnalyzeLearning(analyze)
    supersede = SupersedeLearningRequest(name=made.name, successor=other.name, request_id=str(uuid.uuid4()))
    last = await member.SupersedeLearning(supersede)
    assert await member.AnalyzeLearning(analyze) == first
    assert await member.SupersedeLearning(supersede) == last


async def test_a_superseded_learning_names_its_successor_and_is_final(member: Caller) -> None:
    old = await member.CreateLearning(create_request(title="old"))
    new = await member.CreateLearning(create_request(title="new"))
    done = await member.SupersedeLearning(SupersedeLearningRequest(name=old.name, successor=new.name))
    assert done.state == Learning.STATE_SUPERSEDED
    assert done.successor == new.name
    assert not done.allowed_transitions
    assert not done.editable
    error = await refusal(
        member.UpdateLearning(UpdateLearningRequest(learning=Learning(name=old.name, title="x"))),
        "FAILED_PRECONDITION",
    )
    assert error.reason == "ILLEGAL_TRANSITION"
    back = SupersedeLearningRequest(name=new.name, successor=old.name)
    assert (await refusal(member.SupersedeLearning(back), "FAILED_PRECONDITION")).reason == "SUCCESSOR_SET_ASIDE"
    alone = SupersedeLearningRequest(name=new.name, successor=new.name)
    await refusal(member.SupersedeLearning(alone), "INVALID_ARGUMENT")
    nobody = SupersedeLearningRequest(name=new.name, successor="learnings/none")
    await refusal(member.SupersedeLearning(nobody), "NOT_FOUND")


async def test_two_learnings_cannot_supersede_each_other_at_once(member: Caller) -> None:
    one = await member.CreateLearning(create_request(title="one"))
    two = await member.CreateLearning(create_request(title="two"))
    answers = await asyncio.gather(
        member.SupersedeLearning(SupersedeLearningRequest(name=one.name, successor=two.name)),
        member.SupersedeLearning(SupersedeLearningRequest(name=two.name, successor=one.name)),
        return_exceptions=True,
    )
    errors = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert [error.code() for error in errors] == [grpc.StatusCode.FAILED_PRECONDITION]


async def test_a_rejected_learning_keeps_the_reason(member: Caller) -> None:
    made = await member.CreateLearning(create_request())
    await refusal(member.RejectLearning(RejectLearningRequest(name=made.name)), "INVALID_ARGUMENT")
    done = await member.RejectLearning(RejectLearningRequest(name=made.name, reason="Trifft nicht zu"))
    assert (done.state, done.reject_reason) == (Learning.STATE_REJECTED, "Trifft nicht zu")


async def test_lists_are_filtered(knowledge: RunningService, member: Caller, coordinator: Caller) -> None:
    forum = await coordinator.CreateLearning(create_request(language="en"))
    sister = await coordinator.CreateLearning(create_request(language="en"))
    water = await member.CreateLearning(create_request(topics=["water", "sewage"], cities=["cities/hebron"]))
    sources = {forum.name: "forums/f/conclusions/c", sister.name: "forums/f2", water.name: "visits/v"}
    async with knowledge.database.begin() as session:
        for name, source in sources.items():
            (await session.get_by_name(Row, name)).source = source
    await member.AnalyzeLearning(AnalyzeLearningRequest(name=water.name))

    async def names(**filters: Any) -> set[str]:
        answer = await member.ListLearnings(ListLearningsRequest(**filters))
        assert answer.total_size == len(answer.learnings)
        return {learning.name for learning in answer.learnings}

    assert await names(state=Learning.STATE_INSIGHT) == {water.name}
    assert await names(source="visits/v") == {water.name}
    assert await names(source="forums/f") == {forum.name}
    assert await names(language="en") == {forum.name, sister.name}
    assert await names(topic="water") == {water.name}
    assert await names(city="cities/hebron") == {water.name}
    assert await names(author="accounts/coordinator") == {forum.name, sister.name}
    assert await names(topic="water", language="en") == set()


async def test_a_department_finds_what_it_owns_however_its_name_is_typed(member: Caller) -> None:
    for owner in ("Straßenbau und Grünflächen", "STRASSENBAU UND GRÜNFLÄCHEN ", "Straßenbau", ""):
        await member.CreateLearning(create_request(owner=owner))
    owner = unicodedata.normalize("NFD", " straßenbau und grünflächen")
    answer = await member.ListLearnings(ListLearningsRequest(owner=owner))
    assert answer.total_size == len(answer.learnings) == 2


async def test_lists_come_in_pages_without_gap_or_repetition(member: Caller) -> None:
    for number in range(7):
        await member.CreateLearning(create_request(title=f"Learning {number}"))
    for order in ("", "title", "title desc", "update_time"):
        seen: list[str] = []
        request = ListLearningsRequest(page_size=3, order_by=order)
        while True:
            answer = await member.ListLearnings(request)
            assert answer.total_size == 7
            seen += [learning.title for learning in answer.learnings]
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
        expected = [f"Learning {number}" for number in range(7)]
        assert seen == (expected if order in ("title", "update_time") else expected[::-1])
    for bad in ({"page_token": "nonsense"}, {"order_by": "state"}, {"page_size": -1}):
        await refusal(member.ListLearnings(ListLearningsRequest(**bad)), "INVALID_ARGUMENT")


async def test_every_change_leaves_an_event(knowledge: RunningService, member: Caller) -> None:
    made = await member.CreateLearning(create_request())
    await member.UpdateLearning(UpdateLearningRequest(learning=Learning(name=made.name, title="x")))
    await member.AnalyzeLearning(AnalyzeLearningRequest(name=made.name))
    async with knowledge.database.read() as session:
        rows = (await session.execute(text("SELECT type, headers->>'ce-subject' FROM outbox ORDER BY id"))).all()
    prefix = knowledge_pb2.DESCRIPTOR.package
    assert rows == [
        (f"{prefix}.LearningRecorded", made.name),
        (f"{prefix}.LearningUpdated", made.name),
        (f"{prefix}.LearningAnalyzed", made.name),
    ]
