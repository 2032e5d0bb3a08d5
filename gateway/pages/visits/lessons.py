"""What earlier exchanges taught, on the page of a visit that is being planned; what is decided about it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import lessons_pb2
from austausch.knowledge.v1 import knowledge_pb2
from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from chassis.errors import DeadlineExceeded, NotFound, PermissionDenied, ResourceExhausted, Unavailable
from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.vocabulary.topics import get_topic_label
from gateway.web.links import href

PLANNED_STATES = frozenset(
    {
        pb.Visit.STATE_IDEA,
        pb.Visit.STATE_AGREED,
        pb.Visit.STATE_PLANNED,
        pb.Visit.STATE_CONFIRMED,
        pb.Visit.STATE_POSTPONED,
    }
)
MAX_LESSONS, MAX_SHOWN = 5, 20
LOOKUP_SECONDS = 3.0
LEARNED = (knowledge_pb2.Learning.STATE_VALIDATED, knowledge_pb2.Learning.STATE_EMBEDDED)
ACCEPTED, DISMISSED = lessons_pb2.VisitLesson.DECISION_ACCEPTED, lessons_pb2.VisitLesson.DECISION_DISMISSED


@dataclass
class Lesson:
    """A learning that may matter for a visit, and why: what they have in common."""

    learning: knowledge_pb2.Learning
    reasons: list[str] = field(default_factory=list)


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of visits the pages of lessons."""
    blueprint.add_url_rule("/<visit_id>/lessons", view_func=show_lessons)
    blueprint.add_url_rule("/<visit_id>/lessons/<learning_id>", view_func=decide, methods=["POST"])


@sign_in_required
def show_lessons(visit_id: str) -> ResponseReturnValue:
    """Show the lessons for a visit: as a part of its page where that asks for them, else as a page."""
    permissions.require("VisitLessonService.ListVisitLessons")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    listed = rpc.visit_lessons.ListVisitLessons(lessons_pb2.ListVisitLessonsRequest(parent=visit.name, page_size=1000))
    decided = {lesson.learning: lesson for lesson in listed.visit_lessons if lesson.decision in (ACCEPTED, DISMISSED)}
    is_away = False
    lessons: Sequence[Lesson] = []
    accepted: list[knowledge_pb2.Learning] = []
    dismissed: list[knowledge_pb2.Learning] = []
    try:
        accepted, dismissed = (
            _get_learnings([name for name, lesson in decided.items() if lesson.decision == decision][:MAX_SHOWN])
            for decision in (ACCEPTED, DISMISSED)
        )
        lessons = _find_lessons(visit, frozenset(decided))
    except (Unavailable, DeadlineExceeded, ResourceExhausted):
        is_away = True
    template = "visits/lessons.html" if request.headers.get("HX-Request") else "visits/lessons_page.html"
    return render_template(
        template,
        visit=visit,
        here=f"{href(visit.name)}/lessons",
        lessons=lessons,
        accepted=accepted,
        dismissed=dismissed,
        is_away=is_away,
    )


@sign_in_required
def decide(visit_id: str, learning_id: str) -> ResponseReturnValue:
    """Keep what somebody decided about a learning, and show the visit again."""
    form = Form()
    # Nothing is decided about what is none.
    rpc.learnings.GetLearning(knowledge_pb2.GetLearningRequest(name=f"learnings/{learning_id}"))
    rpc.visit_lessons.DecideVisitLesson(
        form.build_request(lessons_pb2.DecideVisitLessonRequest, name=f"visits/{visit_id}/lessons/{learning_id}")
    )
    return redirect(f"{href(f'visits/{visit_id}')}#lessons", 303)


def _find_lessons(visit: pb.Visit, decided: frozenset[str]) -> list[Lesson]:
    """
    Return the validated learnings that have most in common with a visit, the newest first; those decided on left out.

    In common are the partner city, topics, and SDG targets.
    """
    exchange = rpc.exchanges.GetExchange(pb.GetExchangeRequest(name=visit.exchange))
    question = knowledge_pb2.SearchLearningsRequest
    questions = [(_("about %(city)s", city=exchange.city_display_name), question(cities=[exchange.city]))]
    if exchange.topics:
        topics = ", ".join(map(get_topic_label, exchange.topics))
        questions.append((_("on %(topics)s", topics=topics), question(topics=exchange.topics)))
    if exchange.sdg_targets:
        targets = ", ".join(exchange.sdg_targets)
        questions.append((_("on SDG %(targets)s", targets=targets), question(sdg_targets=exchange.sdg_targets)))
    found: dict[str, Lesson] = {}
    for reason, wanted in questions:
        wanted.page_size, wanted.order_by = MAX_LESSONS + len(decided), "create_time desc"
        wanted.states.extend(LEARNED)
        for hit in rpc.learnings.SearchLearnings(wanted, timeout=LOOKUP_SECONDS).results:
            if hit.learning.name not in decided and hit.learning.source != visit.name:
                found.setdefault(hit.learning.name, Lesson(hit.learning)).reasons.append(reason)
    newest = sorted(found.values(), key=lambda lesson: lesson.learning.create_time.ToNanoseconds(), reverse=True)
    return sorted(newest, key=lambda lesson: len(lesson.reasons), reverse=True)[:MAX_LESSONS]


def _get_learnings(names: Sequence[str]) -> list[knowledge_pb2.Learning]:
    """Return learnings by name, without those that are gone, or that the reader may not see."""
    learnings = []
    for name in names:
        try:
            wanted = knowledge_pb2.GetLearningRequest(name=name)
            learnings.append(rpc.learnings.GetLearning(wanted, timeout=LOOKUP_SECONDS))
        except (NotFound, PermissionDenied):
            continue
    return learnings
