"""A hub: who may publish there, what is found there, and how it goes again."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from austausch.knowledge.v1 import hub_pb2 as pb
from austausch.knowledge.v1 import knowledge_pb2
from austausch.knowledge.v1.knowledge_pb2 import GetLearningRequest, Learning, SearchLearningsRequest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from chassis.identity import Role, new_private_key
from chassis.model import now
from chassis.status import from_rpc_error
from deploy.embedded import Nats
from services.knowledge import received_publications
from services.knowledge.model import DELETED_VERSION, UsedSignature
from services.knowledge.model import Learning as Row
from services.knowledge.signatures import sign
from tests.calls import Keys, RunningService
from tests.conftest import knowledge_settings, run_service
from tests.knowledge.eventually import eventually
from tests.knowledge.factories import create_request
from tests.knowledge.installations import HUB, Publishing, publication, withdrawal
from tests.refusals import refused


@pytest.fixture
async def small_hub(
    _knowledge_url: str, nats_server: Nats, keys: Keys, tmp_path: Path
) -> AsyncIterator[RunningService]:
    """A hub at which an installation may have two learnings."""
    more = {"KNOWLEDGE_PUBLIC_URL": HUB, "KNOWLEDGE_MAX_LEARNINGS_PER_INSTALLATION": "2"}
    settings = knowledge_settings(tmp_path / "index") | more
    async with run_service("knowledge", _knowledge_url, nats_server, keys, **settings) as running:
        yield running


async def list_published(hub: RunningService) -> list[Learning]:
    """Return what is published."""
    request = knowledge_pb2.ListLearningsRequest(order_by="title")
    return [each for each in (await hub.as_(Role.MEMBER).ListLearnings(request)).learnings if each.HasField("origin")]


async def search(hub: RunningService, query: str, role: Role = Role.MEMBER, **filters: Any) -> list[Learning]:
    """Return what is found."""
    answer = await hub.as_(role).SearchLearnings(SearchLearningsRequest(query=query, **filters))
    return [result.learning for result in answer.results]


async def test_what_is_published_is_found_with_where_it_comes_from(hub: RunningService, swansea: Publishing) -> None:
    assert await swansea.publish(publication(title="Gehwege werden morgens geräumt"), publication("other")) == ["", ""]
    (found,) = await eventually(lambda: search(hub, "Gehweg räumen", cities=["cities/swansea"]))
    assert found.origin.installation == "installations/swansea"
    assert found.origin.display_name == "Swansea"
    assert found.origin.uri == "https://swansea.example/austausch/learnings/short-ways"
    assert list(found.cities) == ["cities/swansea", "cities/mannheim"]
    assert found.state == Learning.STATE_VALIDATED
    assert found.visibility == Learning.VISIBILITY_PUBLIC
    assert found.create_time.ToJsonString() == "2024-05-06T07:08:09Z"
    # Staff of partner cities see what is public, wherever it comes from.
    assert await search(hub, "Gehweg räumen", Role.PARTNER) == [found]


async def test_an_installation_has_no_more_learnings_here_than_it_may(small_hub: RunningService) -> None:
    swansea, haifa = Publishing(small_hub), Publishing(small_hub, "haifa")
    await swansea.register()
    await haifa.register()
    assert await swansea.publish(publication("one", title="eins"), publication("two", title="zwei")) == ["", ""]

    with refused("RESOURCE_EXHAUSTED", "INSTALLATION_FULL") as refusal:
        await swansea.publish(publication("one", version=2, title="neu"), publication("three", title="drei"))

    assert refusal.metadata == {"max_learnings": "2"}
    assert [each.title for each in await list_published(small_hub)] == ["eins", "zwei"], "nothing of it is taken"
    assert await haifa.publish(publication("one", title="acht"), publication("two", title="neun")) == ["", ""]
    # What brings nothing new is taken, and what makes room for it.
    assert await swansea.publish(publication("one", version=2, title="neu")) == [""]
    assert await swansea.publish(withdrawal("two", version=2), publication("three", title="drei")) == ["", ""]
    assert [each.title for each in await list_published(small_hub)] == ["acht", "drei", "neu", "neun"]


async def test_no_more_is_remembered_of_an_installation_than_of_several_times_what_it_may_have(
    small_hub: RunningService,
) -> None:
    swansea = Publishing(small_hub)
    await swansea.register()
    many = 2 * received_publications.REMEMBERED
    assert await swansea.publish(*(withdrawal(f"unknown-{number}") for number in range(many))) == [""] * many

    with refused("RESOURCE_EXHAUSTED", "INSTALLATION_FULL"):
        await swansea.publish(withdrawal("one-more"))
    assert await swansea.publish(withdrawal("unknown-1", version=2)) == [""]


async def test_nothing_of_a_person_is_taken(hub: RunningService, swansea: Publishing) -> None:
    fields = {"author": "accounts/anna", "authorName": "Anna", "validatorName": "Vera", "updater": "Uwe"}
    assert await swansea.publish(publication(**fields, sourceTitle="Besuch bei Anna", department="Amt")) == [""]
    (learning,) = await list_published(hub)
    assert "Anna" not in str(learning) and "Vera" not in str(learning) and "Uwe" not in str(learning)
    assert learning.author == "installations/swansea"
    assert learning.updater == learning.author_name == "Swansea"


async def test_what_is_published_is_changed_by_nobody_here(hub: RunningService, swansea: Publishing) -> None:
    await swansea.publish(publication())
    ((learning,), coordinator) = await list_published(hub), hub.as_(Role.COORDINATOR)
    own = await coordinator.CreateLearning(create_request())
    seen = await coordinator.GetLearning(GetLearningRequest(name=learning.name))
    assert not seen.editable and not seen.allowed_transitions
    changed = Learning(name=learning.name, title="Umwege")
    for call in (
        coordinator.UpdateLearning(knowledge_pb2.UpdateLearningRequest(learning=changed)),
        coordinator.EmbedLearning(knowledge_pb2.EmbedLearningRequest(name=learning.name)),
        coordinator.DeleteLearning(knowledge_pb2.DeleteLearningRequest(name=learning.name)),
        coordinator.SupersedeLearning(knowledge_pb2.SupersedeLearningRequest(name=learning.name, successor=own.name)),
        coordinator.SupersedeLearning(knowledge_pb2.SupersedeLearningRequest(name=own.name, successor=learning.name)),
    ):
        with refused("PERMISSION_DENIED", "LEARNING_OF_OTHER_INSTALLATION"):
            await call
    assert await list_published(hub) == [learning]


async def test_a_newer_version_replaces_an_older_one_and_never_the_other_way(
    hub: RunningService, swansea: Publishing
) -> None:
    await swansea.publish(publication(version=3, title="drei"))
    (first,) = await list_published(hub)
    assert await swansea.publish(publication(version=2, title="zwei")) == ["VERSION_OLDER"]
    assert await list_published(hub) == [first]
    await swansea.publish(publication(version=4, title="vier", state="STATE_EMBEDDED"))
    (second,) = await list_published(hub)
    assert (second.name, second.title, second.state) == (first.name, "vier", Learning.STATE_EMBEDDED)


async def test_what_is_withdrawn_is_found_no_more_and_nothing_older_brings_it_back(
    hub: RunningService, swansea: Publishing
) -> None:
    await swansea.publish(publication(version=3), publication("stays"))
    await eventually(lambda: search(hub, "Wege"))
    await swansea.publish(withdrawal(version=4))
    # At once: what is found is read from the database.
    assert [each.origin.uri.rpartition("/")[2] for each in await search(hub, "Wege")] == ["stays"]
    await swansea.publish(publication(version=3))
    assert len(await list_published(hub)) == 1
    # It may come back by itself, and goes for good once it was deleted.
    await swansea.publish(publication(version=5))

    async def is_back() -> bool:
        return len(await search(hub, "Wege")) == 2

    await eventually(is_back)
    await swansea.publish(withdrawal(version=DELETED_VERSION))
    await swansea.publish(publication(version=DELETED_VERSION - 1))
    assert len(await list_published(hub)) == 1


async def test_a_withdrawal_that_overtakes_its_publication_wins(hub: RunningService, swansea: Publishing) -> None:
    await swansea.publish(withdrawal(version=2))
    await swansea.publish(publication(version=1))
    assert await list_published(hub) == []


async def test_a_withdrawal_that_comes_late_leaves_what_is_newer_and_says_so(
    hub: RunningService, swansea: Publishing
) -> None:
    late = swansea.sign(withdrawal(version=2))
    await swansea.publish(publication(version=3))
    assert await swansea.send(late) == ["VERSION_OLDER"]
    assert len(await list_published(hub)) == 1


async def test_a_restored_installation_withdraws_what_the_hub_knows_in_a_newer_version(
    hub: RunningService, swansea: Publishing
) -> None:
    await swansea.publish(publication(version=7), publication("same", version=7), publication("stays", version=7))
    async with hub.database.begin() as session:
        await session.execute(update(Row).values(update_time=now() - timedelta(hours=1)))
    assert await swansea.publish(withdrawal(version=3), withdrawal("same", version=7)) == ["", ""]
    assert [each.origin.uri.rpartition("/")[2] for each in await list_published(hub)] == ["stays"]
    assert await swansea.publish(withdrawal(version=2)) == [""]
    # Public again there, at versions which the hub has had already: it does not pass for published.
    again = [publication(version=4), publication("same", version=7), publication("stays", version=6)]
    assert await swansea.publish(*again) == ["VERSION_OLDER"] * 3


async def test_a_restored_installation_sees_that_other_words_at_a_version_that_the_hub_has_are_not_taken(
    hub: RunningService, swansea: Publishing
) -> None:
    await swansea.publish(publication(version=5, title="vor dem Ausfall"))
    other_words = publication(version=5, title="nach dem Ausfall")
    assert await swansea.publish(other_words) == ["VERSION_OLDER"]
    assert await swansea.publish(publication(version=5, title="vor dem Ausfall")) == [""], "as it is known"
    assert [each.title for each in await list_published(hub)] == ["vor dem Ausfall"]


async def test_what_is_newer_counts_from_its_own_arrival_though_it_says_the_same(
    hub: RunningService, swansea: Publishing
) -> None:
    await swansea.publish(publication(version=1))
    async with hub.database.begin() as session:
        await session.execute(update(Row).values(update_time=now() - timedelta(hours=1)))
    late = swansea.sign(withdrawal(version=2))
    await swansea.publish(publication(version=3))
    assert await swansea.send(late) == ["VERSION_OLDER"]
    assert len(await list_published(hub)) == 1


async def test_two_installations_may_call_a_learning_alike(hub: RunningService, swansea: Publishing) -> None:
    cardiff = Publishing(hub, "cardiff")
    await cardiff.register()
    await swansea.publish(publication(version=2, title="von Swansea"))
    await cardiff.publish(publication(version=1, title="von Cardiff"))
    await swansea.publish(withdrawal(version=3))
    assert [each.title for each in await list_published(hub)] == ["von Cardiff"]


async def test_nobody_publishes_for_somebody_else(hub: RunningService, swansea: Publishing) -> None:
    cardiff = Publishing(hub, "cardiff")
    with refused("UNAUTHENTICATED", "INSTALLATION_UNKNOWN"):
        await cardiff.publish(publication())
    await cardiff.register()
    with refused("UNAUTHENTICATED", "SIGNATURE_NOT_VALID"):
        await swansea.send(swansea.sign(publication(), key=cardiff.key))
    request = cardiff.sign(publication())
    request.name = swansea.name
    with refused("UNAUTHENTICATED", "SIGNATURE_NOT_VALID"):
        await swansea.send(request)
    assert await list_published(hub) == []


async def test_a_signature_is_taken_once(hub: RunningService, swansea: Publishing) -> None:
    request = swansea.sign(publication(version=1, title="alt"))
    assert await swansea.send(request) == [""]
    # The same request again, as after a broken connection, gets the first answer.
    assert await swansea.send(request) == [""]
    request.request_id = str(uuid.uuid4())
    with refused("UNAUTHENTICATED", "SIGNATURE_REPLAYED"):
        await swansea.send(request)
    request.ClearField("request_id")
    with refused("UNAUTHENTICATED", "SIGNATURE_REPLAYED"):
        await swansea.send(request)


async def test_signatures_are_not_kept_for_ever(hub: RunningService, swansea: Publishing) -> None:
    await swansea.publish()
    async with hub.database.begin() as session:
        (row,) = await session.scalars(select(UsedSignature))
        row.expire_time = row.expire_time.replace(year=2020)
    await swansea.publish()
    async with hub.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(UsedSignature)) == 1


async def test_a_revoked_installation_is_gone_at_once(hub: RunningService, swansea: Publishing) -> None:
    cardiff = Publishing(hub, "cardiff")
    await cardiff.register()
    await swansea.publish(*(publication(f"learning-{number}") for number in range(20)))
    await cardiff.publish(publication(title="Wege von Cardiff"))
    for city in ("swansea", "cardiff"):
        await eventually(lambda city=city: search(hub, "Wege", cities=[f"cities/{city}"]))
    administrator = hub.as_(Role.ADMINISTRATOR)
    before = await administrator.GetInstallation(pb.GetInstallationRequest(name=swansea.name))
    assert before.learning_count == 20
    after = await administrator.RevokeInstallation(pb.RevokeInstallationRequest(name=swansea.name, etag=before.etag))
    assert (after.state, after.learning_count) == (pb.Installation.STATE_REVOKED, 0)
    assert [each.title for each in await search(hub, "Wege")] == ["Wege von Cardiff"]
    with refused("PERMISSION_DENIED", "INSTALLATION_REVOKED"):
        await swansea.publish(publication(version=9))
    # Nobody else learns that it was.
    with refused("UNAUTHENTICATED", "SIGNATURE_NOT_VALID"):
        await swansea.send(swansea.sign(publication(version=9), key=cardiff.key))
    with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await administrator.RevokeInstallation(pb.RevokeInstallationRequest(name=swansea.name))

    async def is_counted_no_more() -> bool:
        answer = await hub.as_(Role.MEMBER).SearchLearnings(SearchLearningsRequest(query="Wege"))
        return answer.total_size == 1

    await eventually(is_counted_no_more)


async def test_nothing_is_published_beside_a_revocation(hub: RunningService, swansea: Publishing) -> None:
    async def publish(number: int) -> str:
        try:
            await swansea.publish(publication(f"learning-{number}"))
        except grpc.RpcError as refusal:
            return from_rpc_error(refusal).reason
        return ""

    async def revoke() -> str:
        await hub.as_(Role.ADMINISTRATOR).RevokeInstallation(pb.RevokeInstallationRequest(name=swansea.name))
        return ""

    reasons = await asyncio.gather(*map(publish, range(5)), revoke(), *map(publish, range(5, 10)))
    assert set(reasons) <= {"", "INSTALLATION_REVOKED"}
    assert await list_published(hub) == []


async def test_what_cannot_be_taken_is_refused_by_itself(hub: RunningService, swansea: Publishing) -> None:
    outcomes = await swansea.publish(
        publication("good"),
        publication("unproven", state="STATE_INSIGHT"),
        publication("unnamed", title=""),
        publication("ownerless", owner=" "),
        publication("timeless", createTime=None),
        publication("NOT A NAME"),
        publication("nul", title="a\0b"),
        publication("half", title="\ud800"),
        {"learning": 7, "version": "eins"},
        ["no", "publication"],
        None,
        {**publication("newer"), "unknown": "of a later version"},
    )
    assert outcomes == [
        "", "NOT_PROVEN", "required", "required", "required", "string.pattern", "NUL_CHARACTER",
        "PUBLICATION_MALFORMED", "PUBLICATION_MALFORMED", "PUBLICATION_MALFORMED", "PUBLICATION_MALFORMED", "",
    ]  # fmt: skip
    assert sorted(each.origin.uri.rpartition("/")[2] for each in await list_published(hub)) == ["good", "newer"]


@pytest.mark.parametrize("content", ["no JSON", "[]", "{}", '{"publications": 5}', "[" * 100_000])
async def test_content_that_is_no_batch_is_refused(hub: RunningService, swansea: Publishing, content: str) -> None:
    request = pb.PublishLearningsRequest(
        name=swansea.name, content=content, signature=sign(content, swansea.name, HUB, swansea.key)
    )
    with refused("INVALID_ARGUMENT", "CONTENT_MALFORMED"):
        await swansea.send(request)


async def test_too_many_publications_at_once_are_refused(swansea: Publishing) -> None:
    with refused("INVALID_ARGUMENT", "CONTENT_MALFORMED"):
        await swansea.publish(*(publication(f"learning-{number}") for number in range(51)))


async def test_a_day_still_to_come_is_no_reason_to_be_the_newest(hub: RunningService, swansea: Publishing) -> None:
    await swansea.publish(publication(createTime="2999-01-01T00:00:00Z"))
    own = await hub.as_(Role.MEMBER).CreateLearning(create_request())
    (published,) = await list_published(hub)
    assert published.create_time.ToNanoseconds() <= own.create_time.ToNanoseconds()


async def test_an_installation_that_is_no_hub_takes_nothing(knowledge: RunningService) -> None:
    swansea = Publishing(knowledge)
    await swansea.register()
    with refused("FAILED_PRECONDITION", "NO_HUB"):
        await swansea.publish(publication())


async def test_an_installation_is_registered_once_and_listed(hub: RunningService, swansea: Publishing) -> None:
    administrator = hub.as_(Role.ADMINISTRATOR)
    with refused("ALREADY_EXISTS", "NAME_TAKEN"):
        await administrator.CreateInstallation(swansea.registration())
    other = Publishing(hub, "aberdeen")
    made = await other.register()
    assert made.uri == "https://aberdeen.example/austausch"
    listed = await administrator.ListInstallations(pb.ListInstallationsRequest())
    assert [each.display_name for each in listed.installations] == ["Aberdeen", "Swansea"]
    assert listed.installations[0] == made


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"public_key": "no key"}, "PUBLIC_KEY_NOT_VALID"),
        ({"public_key": new_private_key()}, "PUBLIC_KEY_NOT_VALID"),
        ({"uri": "javascript:alert(1)"}, "WEB_ADDRESS_MALFORMED"),
        ({"city": "Swansea"}, "CITY_MALFORMED"),
        ({"display_name": ""}, "required"),
    ],
)
async def test_a_registration_is_complete(hub: RunningService, fields: dict[str, Any], reason: str) -> None:
    request = Publishing(hub).registration(**fields)
    with refused("INVALID_ARGUMENT") as refusal:
        await hub.as_(Role.ADMINISTRATOR).CreateInstallation(request)
    assert refusal.reasons == {f"installation.{next(iter(fields))}": reason}


# Which learning, at which version, and whether it is published or withdrawn.
_SAID = st.lists(st.tuples(st.sampled_from(["one", "two"]), st.integers(1, 6), st.booleans()), min_size=1, max_size=12)


@given(_SAID, st.lists(st.integers(1, 5), max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_in_whatever_order_and_however_often_the_newest_stays(
    hub: RunningService, said: list[tuple[str, int, bool]], sizes: list[int]
) -> None:
    """A learning says one thing at each version, which may arrive late, twice, or among others."""
    installation = Publishing(hub, f"city-{uuid.uuid4()}")
    await installation.register()
    shown: dict[tuple[str, int], bool] = {}
    for name, version, is_shown in said:
        shown.setdefault((name, version), is_shown)
    rest = [
        publication(name, version, title=f"{name} {version}") if shown[name, version] else withdrawal(name, version)
        for name, version, _ in said
    ]
    for size in [*sizes, len(rest)]:
        assert set(await installation.publish(*rest[:size])) <= {"", "VERSION_OLDER"}
        rest = rest[size:]
    newest = {name: max(version for each, version, _ in said if each == name) for name, _, _ in said}
    expected = {f"{name} {version}" for name, version in newest.items() if shown[name, version]}
    found = {each.title for each in await list_published(hub) if each.origin.installation == installation.name}
    assert found == expected
