"""Pages of learnings."""

from collections.abc import Sequence

from austausch.exchange.v1 import exchange_pb2
from austausch.knowledge.v1 import knowledge_pb2 as pb
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from chassis.errors import DomainError, FieldRequired
from chassis.identity import Role
from gateway import rpc
from gateway.auth import permissions
from gateway.auth.callers import require_caller
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.i18n.languages import current_language
from gateway.pages.deletion import delete_after_asking
from gateway.pages.learnings import applications
from gateway.pages.learnings.exports import LEARNINGS
from gateway.pages.visits.trail import BEGUN_STATES
from gateway.vocabulary import cities, departments, topics
from gateway.vocabulary.cities import get_home_city_name
from gateway.vocabulary.visibilities import list_visibilities
from gateway.web import exports, list_filters, transitions
from gateway.web.links import href

blueprint = Blueprint("learnings", __name__, url_prefix="/learnings")
applications.add_pages(blueprint)

SIMILAR_SECONDS = 1.0
# Steps that ask for more than a click.
STEPS_WITH_A_PAGE = ("identify", "reject", "supersede")
# The states of a learning that gets through, in the order of the NATO lessons-learned process.
COURSE = [
    f"STATE_{state}"
    for state in ("OBSERVATION", "INSIGHT", "LESSON_IDENTIFIED", "IMPLEMENTED", "VALIDATED", "EMBEDDED")
]


def _list_begun_visits() -> list[tuple[str, str]]:
    """Return (resource name, title) of the visits that a learning may come from, the latest first."""
    visits = rpc.visits.ListVisits(exchange_pb2.ListVisitsRequest(page_size=1000)).visits
    return [(visit.name, visit.title) for visit in visits if visit.state in BEGUN_STATES]


def _describe_recorded(learning: pb.Learning) -> str:
    """Return what is said of a learning just recorded: who can find it now."""
    match learning.visibility:
        case pb.Learning.VISIBILITY_PUBLIC:
            return _("The learning is recorded. Everybody can find it now.")
        case pb.Learning.VISIBILITY_PARTNERS:
            return _(
                "The learning is recorded. %(city)s and its partner cities can find it now.", city=get_home_city_name()
            )
        case _:
            return _(
                "The learning is recorded. You and the departments of %(city)s can find it now.",
                city=get_home_city_name(),
            )


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    wanted = pb.ListLearningsRequest(
        **list_filters.read_paging(),
        order_by="create_time desc",
        state=list_filters.read_enum(pb.Learning.State, "state"),
        topic=request.args.get("topic", ""),
        language=request.args.get("written_in", ""),
    )
    if exports.is_wanted():
        return exports.send_list(LEARNINGS, rpc.learnings.ListLearnings, wanted)
    answer = rpc.learnings.ListLearnings(wanted)
    topics.load_labels(slug for learning in answer.learnings for slug in learning.topics)
    return render_template(
        "learnings/list.html", answer=answer, topics_in_use=topics.list_topics_in_use(request.args.get("topic", ""))
    )


@blueprint.route("/new", methods=["GET", "POST"])
@sign_in_required
def create() -> ResponseReturnValue:
    permissions.require("LearningService.CreateLearning")
    # Staff of a partner city write about its visits only.
    visits, visit_required = _list_begun_visits(), not require_caller().identity.has(Role.COORDINATOR, Role.MEMBER)
    known = topics.list_known_topics()
    only_visit = visits[0][0] if visit_required and len(visits) == 1 else ""
    form = Form(
        {
            "learning.language": current_language(),
            "learning.visibility": "VISIBILITY_INTERNAL",
            "learning.source": request.args.get("source", only_visit),
        }
    )
    if form.submitted:
        form.values["learning.source_title"] = dict(visits).get(form["learning.source"], "")
        with form.catch_refusal():
            if visit_required and not form["learning.source"]:
                raise FieldRequired("learning.source")
            learning = rpc.learnings.CreateLearning(form.build_request(pb.CreateLearningRequest))
            flash(_describe_recorded(learning), "success")
            topics.flash_new_topics(learning.topics, known)
            return redirect(href(learning.name), 303)
    return render_template(
        "learnings/form.html",
        form=form,
        learning=None,
        cities=cities.get_city_names(anew=True).items(),
        visits=visits,
        visit_required=visit_required,
        topics_known=known,
        visibilities=list_visibilities(form["learning.visibility"]),
    ), form.status


@blueprint.route("/<learning_id>", methods=["GET", "POST"])
@sign_in_required
def show(learning_id: str) -> ResponseReturnValue:
    learning = rpc.learnings.GetLearning(pb.GetLearningRequest(name=f"learnings/{learning_id}"))
    form = applications.make_form()
    if form.submitted and (recorded := applications.record(form, learning)):
        return recorded
    return render_template(
        "learnings/show.html",
        learning=learning,
        cities=cities.get_city_names(),
        course=COURSE,
        steps_with_a_page=STEPS_WITH_A_PAGE,
        applied=applications.list_applications(learning),
        similar=_list_similar(learning),
        form=form,
    ), form.status


def _list_similar(learning: pb.Learning) -> Sequence[pb.Learning]:
    """Return learnings that mean something similar; none while the search does not tell: the page is good without."""
    request = pb.ListSimilarLearningsRequest(name=learning.name)
    try:
        return rpc.learnings.ListSimilarLearnings(request, timeout=SIMILAR_SECONDS).learnings
    except DomainError:
        return []


@blueprint.route("/<learning_id>/edit", methods=["GET", "POST"])
@sign_in_required
def edit(learning_id: str) -> ResponseReturnValue:
    permissions.require("LearningService.UpdateLearning")
    learning = rpc.learnings.GetLearning(pb.GetLearningRequest(name=f"learnings/{learning_id}"))
    form, known = Form({"learning": learning}), topics.list_known_topics()
    if form.submitted:
        with form.catch_refusal():
            changed = form.save(rpc.learnings.UpdateLearning, pb.UpdateLearningRequest, "learning")
            flash(_("The learning is saved."), "success")
            topics.flash_new_topics(changed.topics, [*known, *((slug, slug) for slug in learning.topics)])
            return redirect(href(learning.name), 303)
    return render_template(
        "learnings/form.html",
        form=form,
        learning=learning,
        departments=departments.suggest_departments() if learning.remedial_action else [],
        cities=cities.get_city_names(anew=True).items(),
        topics_known=known,
        visibilities=list_visibilities(form["learning.visibility"]),
    ), form.status


@blueprint.post("/<learning_id>/<any(analyze, implement, validate, embed):verb>")
@sign_in_required
def step(learning_id: str, verb: str) -> ResponseReturnValue:
    name = f"learnings/{learning_id}"
    transitions.transition_and_flash("LearningService", verb, name)
    return redirect(href(name), 303)


@blueprint.route("/<learning_id>/<any(identify, reject, supersede):verb>", methods=["GET", "POST"])
@sign_in_required
def step_with_page(learning_id: str, verb: str) -> ResponseReturnValue:
    learning = rpc.learnings.GetLearning(pb.GetLearningRequest(name=f"learnings/{learning_id}"))
    form = Form({"etag": learning.etag, "remedial_action": learning.remedial_action, "owner": learning.owner})
    if form.submitted:
        with form.catch_refusal():
            transitions.transition("LearningService", verb, learning.name, form)
            return redirect(href(learning.name), 303)
    others, known_departments = [], departments.suggest_departments() if verb == "identify" else []
    if verb == "supersede":
        newest = rpc.learnings.ListLearnings(pb.ListLearningsRequest(page_size=200, order_by="create_time desc"))
        others = [(other.name, other.title) for other in newest.learnings if other.name != learning.name]
    return render_template(
        "learnings/step.html",
        form=form,
        learning=learning,
        verb=verb,
        others=others,
        departments=known_departments,
    ), form.status


@blueprint.route("/<learning_id>/delete", methods=["GET", "POST"])
@sign_in_required
def delete(learning_id: str) -> ResponseReturnValue:
    permissions.require("LearningService.DeleteLearning")
    learning = rpc.learnings.GetLearning(pb.GetLearningRequest(name=f"learnings/{learning_id}"))
    index = url_for("learnings.index")
    return delete_after_asking(
        learning,
        rpc.learnings.DeleteLearning,
        pb.DeleteLearningRequest,
        question=_("Delete “%(title)s”?", title=learning.title),
        consequence=_describe_loss(learning),
        done=_("“%(title)s” is deleted.", title=learning.title),
        then=index,
        above=[(index, _("Learnings")), (href(learning.name), learning.title)],
    )


def _describe_loss(learning: pb.Learning) -> str:
    """Return what is gone when a learning is deleted, and what is not."""
    lines = [_("The learning is deleted for good, and nobody finds it any more.")]
    if learning.source:
        lines.append(_("What it comes from, the debrief or the forum, keeps what it says."))
    lines.append(
        _("If it is only out of date, reject it or replace it by a newer one instead: then it stays to be read.")
    )
    return " ".join(lines)
