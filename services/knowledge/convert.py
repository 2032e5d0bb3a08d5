"""
Rows ↔ messages, side by side; and rows → documents of the search index.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from austausch.knowledge.v1 import knowledge_pb2 as pb
from austausch.knowledge.v1 import topics_pb2
from google.protobuf.message import Message
from sqlalchemy import Row

from chassis.convert import date_message, enum_numbers, read_columns, read_enum, resource_fields, unique_nfc
from chassis.identity import Identity
from services.knowledge import rights
from services.knowledge.model import (
    Application,
    Learning,
    LearningState,
    Outcome,
    Topic,
    TopicLabel,
    Visibility,
    get_audience,
)
from services.knowledge.search.documents import Document, Facet, Hit
from services.knowledge.search.expansion import Expansion, Relation
from services.knowledge.search.query import Occurrence
from services.knowledge.search.snippets import Snippet
from services.knowledge.semantics import SemanticState

STATES = enum_numbers(pb.Learning.State.DESCRIPTOR, LearningState)
VISIBILITIES = enum_numbers(pb.Learning.Visibility.DESCRIPTOR, Visibility)
OUTCOMES = enum_numbers(pb.Application.Outcome.DESCRIPTOR, Outcome)
SEMANTIC_STATES = enum_numbers(pb.SearchLearningsResponse.SemanticState.DESCRIPTOR, SemanticState)
KINDS: Mapping[Relation, pb.MatchReason.Kind] = {
    Relation.SAME: pb.MatchReason.KIND_WORD,
    Relation.INFLECTION: pb.MatchReason.KIND_INFLECTION,
    Relation.COMPOUND: pb.MatchReason.KIND_COMPOUND,
    Relation.BEGINNING: pb.MatchReason.KIND_BEGINNING,
    Relation.CORRECTION: pb.MatchReason.KIND_CORRECTION,
    Relation.TOPIC: pb.MatchReason.KIND_TOPIC,
}
# The slug of a Sustainable Development Goal in our own vocabulary.
GOAL = re.compile(r"sdg-([1-9]|1[0-7])")

# The source cannot change, so the servicer reads it.
LEARNING_FIELDS = frozenset(
    {
        "title", "language", "observation", "discussion", "conclusion", "recommendation", "topics", "sdg_targets",
        "cities", "remedial_action", "owner", "review_date", "visibility",
    }
)  # fmt: skip


def learning_columns(message: pb.Learning, fields: Iterable[str] = LEARNING_FIELDS) -> dict[str, Any]:
    """Return fields of a learning as the columns take them; raises as `read_columns`."""
    readers = {
        "topics": lambda topics, _path: unique_nfc(topics),
        "visibility": lambda _number, _path: read_visibility(message),
    }
    return read_columns(message, Learning, fields, readers)


def read_visibility(message: Message) -> Visibility:
    """Return the ``visibility`` in a message of any contract; what does not say is internal."""
    is_given = message.visibility  # type: ignore[attr-defined]
    return read_enum(message, "visibility", Visibility) if is_given else Visibility.INTERNAL


def learning_message(learning: Learning, caller: Identity | None = None) -> pb.Learning:
    """Return a learning as the caller sees it; without a caller, for an event, it offers nothing to do."""
    return pb.Learning(
        title=learning.title,
        language=learning.language,
        observation=learning.observation,
        discussion=learning.discussion,
        conclusion=learning.conclusion,
        recommendation=learning.recommendation,
        topics=learning.topics,
        sdg_targets=learning.sdg_targets,
        cities=learning.cities,
        source=learning.source,
        source_title=learning.source_title,
        remedial_action=learning.remedial_action,
        owner=learning.owner,
        department=learning.department,
        author=learning.author,
        author_name=learning.author_name,
        validator=learning.validator,
        validator_name=learning.validator_name,
        review_date=date_message(learning.review_date),
        visibility=VISIBILITIES[learning.visibility],
        state=STATES[learning.state],
        reject_reason=learning.reject_reason,
        successor=learning.successor and f"learnings/{learning.successor}",
        text_adopted=learning.text_adopted,
        application_count=learning.application_count,
        allowed_transitions=rights.learning_verbs(caller, learning) if caller else [],
        editable=caller is not None and rights.may_edit(caller, learning),
        origin=_origin_message(learning),
        **resource_fields(learning),
    )


def _origin_message(learning: Learning) -> pb.Origin | None:
    """Return which other installation published a learning; None for one of our own."""
    if learning.installation_id is None:
        return None
    return pb.Origin(installation=learning.author, display_name=learning.author_name, uri=learning.original_uri)


APPLICATION_FIELDS = frozenset({"department", "outcome", "result", "applied_date"})


def application_columns(message: pb.Application, fields: Iterable[str] = APPLICATION_FIELDS) -> dict[str, Any]:
    """Return fields of an application as the columns take them; raises as `read_columns`."""
    readers = {"outcome": lambda number, _path: read_enum(message, "outcome", Outcome) if number else None}
    return read_columns(message, Application, fields, readers)


def application_message(application: Application, caller: Identity | None = None) -> pb.Application:
    """Return an application as the caller sees it; without a caller, for an event, it offers nothing to do."""
    return pb.Application(
        department=application.department,
        outcome=OUTCOMES[application.outcome] if application.outcome else None,
        result=application.result,
        applied_date=date_message(application.applied_date),
        author=application.author,
        author_name=application.author_name,
        deletable=caller is not None and rights.may_delete_application(caller, application),
        **resource_fields(application),
    )


def learning_document(row: Learning | Row[Any]) -> Document:
    """Return what the search index holds of a learning, or of a row of its table."""
    names = [*row.topics, *(city.removeprefix("cities/") for city in row.cities)]
    return Document(
        id=row.id,
        language=row.language,
        title=row.title,
        passages=[row.observation, row.discussion, row.conclusion, row.recommendation, row.remedial_action],
        context=[row.source_title, *(name.replace("-", " ") for name in names)],
        topics=row.topics,
        cities=row.cities,
        sdg_targets=row.sdg_targets,
        departments=list(dict.fromkeys(filter(None, (row.department, row.owner)))),
        state=row.state.value,
        audience=get_audience(row.visibility, row.author),
        create_time=row.create_time,
        application_count=row.application_count,
    )


def result_message(hit: Hit, learning: pb.Learning, snippet: Snippet) -> pb.SearchResult:
    """Return a found learning as a message."""
    reasons = [pb.MatchReason(kind=KINDS[relation], words=words[:5]) for relation, words in snippet.reasons]
    if hit.by_meaning:
        reasons.append(pb.MatchReason(kind=pb.MatchReason.KIND_MEANING))
    return pb.SearchResult(
        learning=learning,
        title_snippet=snippet.title,
        snippet=snippet.passage,
        context_snippet=snippet.context,
        score=hit.score,
        reasons=reasons,
    )


def searched_word_messages(expansions: Iterable[Expansion]) -> Iterator[pb.SearchedWord]:
    """Yield what became of the words of a query as messages; a stretch of an unspaced script is one."""
    for text, parts in groupby(expansions, key=lambda expansion: expansion.unit.text):
        together = list(parts)
        first = together[0]
        yield pb.SearchedWord(
            text=text,
            found=any(part.is_found for part in together),
            corrected=first.corrected,
            required=first.unit.occurrence is Occurrence.MUST,
            excluded=first.unit.occurrence is Occurrence.MUST_NOT,
        )


def facets_message(facets: Mapping[str, Facet]) -> pb.SearchFacets:
    """Return the counts of a search as a message."""
    message = pb.SearchFacets(cut=[name for name, facet in facets.items() if facet.is_cut])
    for name, facet in facets.items():
        for value, count in facet.counts:
            shown = pb.Learning.State.Name(STATES[LearningState(value)]) if name == "states" else value
            getattr(message, name).add(value=shown, count=count)
    return message


def topic_message(topic: Topic, labels: Iterable[TopicLabel], language: str) -> topics_pb2.Topic:
    """
    Return a topic as a message.

    Args:
        labels: What it is called, in the order in which the message has them.
        language: Of its label and its definition.
    """
    by_language: dict[str, topics_pb2.TopicLabels] = {}
    for label in labels:
        words = by_language.setdefault(label.language, topics_pb2.TopicLabels(language=label.language))
        if label.preferred:
            words.preferred = label.label
        else:
            words.alternatives.append(label.label)
    for tag, definition in topic.definitions.items():
        by_language.setdefault(tag, topics_pb2.TopicLabels(language=tag)).definition = definition
    goals = [match[1] for slug in (topic.id, *topic.related) if (match := GOAL.fullmatch(slug))]
    return topics_pb2.Topic(
        name=topic.name,
        label=_in_language(language, {tag: words.preferred for tag, words in by_language.items() if words.preferred}),
        definition=_in_language(language, topic.definitions),
        labels=[by_language[tag] for tag in sorted(by_language)],
        broader=[f"topics/{slug}" for slug in topic.broader],
        related=[f"topics/{slug}" for slug in topic.related],
        notation=topic.notation,
        sdg_targets=sorted(goals, key=int),
        uri=topic.uri,
        withdrawn=topic.withdrawn,
    )


def _in_language(language: str, texts: Mapping[str, str]) -> str:
    """Return the text in a language or a variety of it; else in English, German, any; "" where there is none."""
    for wanted in (language, "en", "de"):
        primary = wanted.partition("-")[0]
        near = sorted(tag for tag in texts if tag.partition("-")[0] == primary)
        if near:
            return texts.get(wanted) or texts.get(primary) or texts[near[0]]
    return texts[min(texts)] if texts else ""
