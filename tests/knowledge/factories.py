"""Learnings and events for tests, each with what it needs and no more."""

from typing import Any

from austausch.exchange.v1 import events_pb2 as exchange_events
from austausch.exchange.v1 import exchange_pb2
from austausch.forum.v1 import events_pb2 as forum_events
from austausch.forum.v1 import forum_pb2
from austausch.knowledge.v1 import knowledge_pb2

CONTROLLING = "Dezernatscontrolling"


def create_request(request_id: str = "", **fields: Any) -> knowledge_pb2.CreateLearningRequest:
    """Return a request to create a learning."""
    values = {"title": "Kurze Wege", "language": "de", "observation": "Das Controlling sitzt im Fachbereich."}
    return knowledge_pb2.CreateLearningRequest(
        learning=knowledge_pb2.Learning(**{**values, **fields}), request_id=request_id
    )


def visit(**fields: Any) -> exchange_pb2.Visit:
    """Return the visit of Swansea's controllers to Mannheim."""
    values: dict[str, Any] = {
        "name": "visits/controllers",
        "title": "Controller aus Swansea in Mannheim",
        "exchange": "exchanges/controlling",
        "host_department": CONTROLLING,
        "host_city": "cities/mannheim",
        "guest_city": "cities/swansea",
        "etag": "1",
    }
    return exchange_pb2.Visit(**{**values, **fields})


def visit_reported(*entries: dict[str, Any], **fields: Any) -> exchange_events.VisitReported:
    """Return the report of that visit, with debrief entries."""
    return exchange_events.VisitReported(
        visit=visit(
            **{"etag": "7", **fields},
            debrief=exchange_pb2.Debrief(entries=[exchange_pb2.DebriefEntry(**entry) for entry in entries]),
        ),
        exchange=exchange_pb2.Exchange(
            name="exchanges/controlling", topics=["controlling"], sdg_targets=["16.6"], city="cities/swansea"
        ),
        author="accounts/coordinator",
        author_display_name="Internationales Büro",
    )


GERMAN_ENTRY = {
    "title": "Controlling gehört in den Fachbereich",
    "language": "de",
    "observation": "In Swansea sitzt das Controlling beim Fachbereich, nicht in der Kämmerei.",
}
ENGLISH_ENTRY = {
    "title": "One controller for each directorate",
    "language": "en",
    "observation": "Each directorate of Swansea has a controller of its own.",
    "topics": ["organisation"],
}

FORUM = forum_pb2.Forum(name="forums/leitbild", title="Leitbild Mannheim 2030", city="cities/mannheim", language="de")
CONCLUSION = forum_pb2.Conclusion(
    name="forums/leitbild/conclusions/preamble",
    title="Eine Präambel fehlt",
    text="Fast alle Arbeitsgruppen halten eine Präambel für notwendig.",
    language="de",
    state=forum_pb2.Conclusion.STATE_ADOPTED,
    updater="Internationales Büro",
)


def recommendation(id_: str = "preamble", **fields: Any) -> forum_pb2.Recommendation:
    """Return a recommendation of the conclusion."""
    values: dict[str, Any] = {
        "name": f"forums/leitbild/recommendations/{id_}",
        "conclusion": CONCLUSION.name,
        "title": "Präambel schreiben",
        "text": "Dem Leitbild eine Präambel voranstellen.",
        "language": "de",
        "owner_department": "Strategische Steuerung",
    }
    return forum_pb2.Recommendation(**{**values, **fields})


def conclusion_adopted(*recommendations: forum_pb2.Recommendation) -> forum_events.ConclusionAdopted:
    """Return the adoption of the conclusion with recommendations, by the international office."""
    return forum_events.ConclusionAdopted(
        forum=FORUM,
        conclusion=CONCLUSION,
        recommendations=recommendations,
        sdg_targets=["11.3"],
        topics=["strategy", "climate"],
    )


def recommendation_answered(
    verdict: forum_pb2.Recommendation.Answer.Verdict, reason: str = "Das schafft Klarheit.", **fields: Any
) -> forum_events.RecommendationAnswered:
    """Return the city's answer to a recommendation."""
    answer = forum_pb2.Recommendation.Answer(verdict=verdict, reason=reason, answerer="Anna Antwort")
    return forum_events.RecommendationAnswered(
        forum=FORUM,
        conclusion=CONCLUSION,
        recommendation=recommendation(answer=answer, updater="Anna Antwort", **fields),
        sdg_targets=["11.3"],
        topics=["strategy", "climate"],
    )


def recommendation_implemented(**fields: Any) -> forum_events.RecommendationImplemented:
    """Return the report that the accepted recommendation is implemented."""
    told = forum_events.RecommendationImplemented(
        **_followed_up(forum_pb2.Recommendation.STATE_IMPLEMENTED, "Uwe Umsetzer")
    )
    told.recommendation.MergeFrom(forum_pb2.Recommendation(**fields))
    return told


def recommendation_verified() -> forum_events.RecommendationVerified:
    """Return the confirmation that the accepted recommendation is implemented."""
    return forum_events.RecommendationVerified(
        **_followed_up(forum_pb2.Recommendation.STATE_VERIFIED, "Petra Prüferin")
    )


def recommendation_returned(**fields: Any) -> forum_events.RecommendationReturned:
    """Return that what was reported as implemented is not done after all."""
    told = forum_events.RecommendationReturned(
        **_followed_up(forum_pb2.Recommendation.STATE_IN_PROGRESS, "Petra Prüferin")
    )
    told.recommendation.MergeFrom(forum_pb2.Recommendation(**fields))
    return told


def _followed_up(state: forum_pb2.Recommendation.State, person: str) -> dict[str, Any]:
    accepted = recommendation_answered(forum_pb2.Recommendation.Answer.VERDICT_ACCEPTED)
    accepted.recommendation.state, accepted.recommendation.updater = state, person
    return {
        "forum": accepted.forum,
        "conclusion": accepted.conclusion,
        "recommendation": accepted.recommendation,
        "sdg_targets": accepted.sdg_targets,
        "topics": accepted.topics,
        "actor": f"accounts/{person.split(maxsplit=1)[0].lower()}",
    }
