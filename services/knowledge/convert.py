"""Learnings as messages and as documents of the search index, and messages as column values."""

from collections.abc import Iterable, Sequence
from typing import Any

from austausch.knowledge.v1 import knowledge_pb2

from chassis.convert import composed, date_message, full_date, history, member, numbers
from chassis.identity import Identity
from services.knowledge.model import Learning, LearningState, Visibility
from services.knowledge.rights import editable, verbs
from services.knowledge.search import Document, Page

SAME = (
    "name", "title", "language", "observation", "discussion", "conclusion", "recommendation", "topics", "sdg_targets",
    "cities", "source", "source_title", "remedial_action", "owner", "department", "author", "author_name", "validator",
    "validator_name", "reject_reason", "text_adopted",
)  # fmt: skip


STATES = numbers(knowledge_pb2.Learning.State.DESCRIPTOR, LearningState)
VISIBILITIES = numbers(knowledge_pb2.Learning.Visibility.DESCRIPTOR, Visibility)


def to_message(learning: Learning, caller: Identity | None = None) -> knowledge_pb2.Learning:
    """Return a learning as the caller sees it, or for an event: without what the caller may do."""
    message = knowledge_pb2.Learning(
        **{field: getattr(learning, field) for field in SAME},
        state=STATES[learning.state],
        visibility=VISIBILITIES[learning.visibility],
        review_date=date_message(learning.review_date),
        successor=learning.successor and Learning.NAME.format(id=learning.successor),
        **history(learning),
    )
    if caller:
        message.allowed_transitions.extend(verbs(caller, learning))
        message.editable = editable(caller, learning)
    return message


def state_of(number: int) -> LearningState:
    """Return `insight` for `STATE_INSIGHT`; the number is not that of `STATE_UNSPECIFIED`."""
    return member(knowledge_pb2.Learning.State.DESCRIPTOR, number, LearningState)


def visibility_of(number: int) -> Visibility:
    """Return `public` for `VISIBILITY_PUBLIC`; what is not given is internal."""
    if number == knowledge_pb2.Learning.VISIBILITY_UNSPECIFIED:
        return Visibility.INTERNAL
    return member(knowledge_pb2.Learning.Visibility.DESCRIPTOR, number, Visibility)


def column_values(message: knowledge_pb2.Learning, fields: Iterable[str]) -> dict[str, Any]:
    """
    Return the values of fields of a learning as the columns take them.

    Raises:
        InvalidArgument: `review_date` is no day.
    """
    values: dict[str, Any] = {}
    for field in fields:
        match field:
            case "review_date":
                values[field] = (
                    full_date(message.review_date, "learning.review_date") if message.HasField(field) else None
                )
            case "visibility":
                values[field] = visibility_of(message.visibility)
            case "topics":
                values[field] = composed(message.topics)
            case "sdg_targets" | "cities":
                values[field] = list(getattr(message, field))
            case _:
                values[field] = getattr(message, field)
    return values


def to_document(learning: Learning) -> Document:
    """Return what the search index holds of a learning."""
    names = [*learning.topics, *(city.removeprefix("cities/") for city in learning.cities)]
    return Document(
        id=learning.id,
        language=learning.language,
        title=learning.title,
        passages=[
            learning.observation,
            learning.discussion,
            learning.conclusion,
            learning.recommendation,
            learning.remedial_action,
        ],
        context=[learning.source_title, *(name.replace("-", " ") for name in names)],
        topics=learning.topics,
        cities=learning.cities,
        sdg_targets=learning.sdg_targets,
        state=learning.state.value,
        audience=learning.audience,
        create_time=learning.create_time,
    )


def to_facets(page: Page) -> knowledge_pb2.SearchFacets:
    """Return the counts of a search."""
    return knowledge_pb2.SearchFacets(**{kind: _counts(pairs) for kind, pairs in page.facets.items()})


def _counts(pairs: Sequence[tuple[str, int]]) -> list[knowledge_pb2.FacetCount]:
    return [knowledge_pb2.FacetCount(value=value, count=count) for value, count in pairs]
