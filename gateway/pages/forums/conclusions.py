"""Pages of conclusions and recommendations: drafted, changed, adopted, answered, and followed to their verification."""

from collections.abc import Callable, Sequence
from datetime import date, datetime

from austausch.forum.v1 import forum_pb2 as pb
from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from google.type.date_pb2 import Date

from chassis.convert import date_message
from chassis.errors import FieldRequired, InvalidArgument
from gateway import rpc
from gateway.auth import permissions
from gateway.auth.permissions import may
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.forums import parts
from gateway.pages.forums.exports import describe_recommendations
from gateway.pages.forums.parts import is_coordinator
from gateway.vocabulary import departments
from gateway.web import exports, transitions
from gateway.web.links import href

# Steps of a recommendation that ask for more than a click.
STEPS_WITH_A_PAGE = ("answer", "correct", "plan", "implement", "return")
# The verdicts after which somebody has something to do.
FOLLOWED_VERDICTS = ("VERDICT_ACCEPTED", "VERDICT_PARTLY")


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of forums the pages of conclusions and recommendations."""
    both = ["GET", "POST"]
    conclusions, recommendations = "/<forum_id>/conclusions", "/<forum_id>/recommendations"
    rules: list[tuple[str, Callable[..., ResponseReturnValue], list[str]]] = [
        (f"{conclusions}/new", create_conclusion, both),
        (f"{conclusions}/<conclusion_id>/edit", edit_conclusion, both),
        (f"{conclusions}/<conclusion_id>/adopt", adopt, both),
        (recommendations, list_recommendations, ["GET"]),
        (f"{recommendations}/new", create_recommendation, both),
        (f"{recommendations}/<recommendation_id>/edit", edit_recommendation, both),
        (f"{recommendations}/<recommendation_id>/<any(start, verify):verb>", step, ["POST"]),
        (
            f"{recommendations}/<recommendation_id>/<any(answer, correct, plan, implement, return):verb>",
            step_with_page,
            both,
        ),
    ]
    for rule, view, methods in rules:
        blueprint.add_url_rule(rule, view_func=view, methods=methods)


def _render_form(
    form: Form, forum: pb.Forum, groups: Sequence[pb.WorkingGroup], conclusion: pb.Conclusion | None
) -> ResponseReturnValue:
    """
    Return the page with the form of a conclusion.

    It offers the working groups for which the reader writes; those of others that share the conclusion stay.
    """
    shared_by = set(conclusion.working_groups) if conclusion else set()
    return render_template(
        "forums/conclusion.html",
        form=form,
        forum=forum,
        conclusion=conclusion,
        is_coordinator=is_coordinator(),
        groups=[(group.name, group.title) for group in groups if group.writable],
        others=[group for group in groups if not group.writable and group.name in shared_by],
        nodes=[(node.name, parts.get_label(node)) for node in parts.list_nodes(forum.name)],
    ), form.status


@sign_in_required
def create_conclusion(forum_id: str) -> ResponseReturnValue:
    permissions.require("ConclusionService.CreateConclusion")
    forum = parts.get_forum(forum_id)
    groups = parts.list_groups(forum.name)
    own = [group.name for group in groups if group.writable]
    preset = own if len(own) == 1 and not is_coordinator() else []
    form = Form({"conclusion.language": forum.language, "conclusion.working_groups": preset})
    if form.submitted:
        with form.catch_refusal():
            conclusion = rpc.conclusions.CreateConclusion(
                form.build_request(pb.CreateConclusionRequest, parent=forum.name)
            )
            flash(_("The conclusion is drafted. Add its recommendations before it is adopted."), "success")
            return redirect(href(conclusion.name), 303)
    return _render_form(form, forum, groups, None)


@sign_in_required
def edit_conclusion(forum_id: str, conclusion_id: str) -> ResponseReturnValue:
    permissions.require("ConclusionService.UpdateConclusion")
    forum = parts.get_forum(forum_id)
    name = f"{forum.name}/conclusions/{conclusion_id}"
    conclusion = rpc.conclusions.GetConclusion(pb.GetConclusionRequest(name=name))
    form = Form({"conclusion": conclusion})
    if form.submitted:
        with form.catch_refusal():
            form.save(rpc.conclusions.UpdateConclusion, pb.UpdateConclusionRequest, "conclusion")
            flash(_("The conclusion is saved."), "success")
            return redirect(href(name), 303)
    return _render_form(form, forum, parts.list_groups(forum.name), conclusion)


@sign_in_required
def adopt(forum_id: str, conclusion_id: str) -> ResponseReturnValue:
    permissions.require("ConclusionService.AdoptConclusion")
    forum = parts.get_forum(forum_id)
    name = f"{forum.name}/conclusions/{conclusion_id}"
    conclusion = rpc.conclusions.GetConclusion(pb.GetConclusionRequest(name=name))
    recommendations = parts.list_recommendations(forum.name, name)
    form = Form({"etag": conclusion.etag})
    if form.submitted:
        with form.catch_refusal():
            transitions.transition("ConclusionService", "adopt", name, form)
            return redirect(href(name), 303)
    return render_template(
        "forums/adopt.html",
        form=form,
        forum=forum,
        conclusion=conclusion,
        recommendations=recommendations,
        groups=[group.title for group in parts.list_groups(forum.name) if group.name in conclusion.working_groups],
        nodes=[parts.get_label(node) for node in parts.list_nodes(forum.name) if node.name in conclusion.nodes],
    ), form.status


@sign_in_required
def list_recommendations(forum_id: str) -> ResponseReturnValue:
    """Answer with the recommendations as a file; they are shown on the page of the forum."""
    forum = parts.get_forum(forum_id)
    if not exports.is_wanted():
        return redirect(href(forum.name), 303)
    titles = {conclusion.name: conclusion.title for conclusion in parts.list_conclusions(forum.name)}
    wanted = pb.ListRecommendationsRequest(parent=forum.name)
    return exports.send_list(describe_recommendations(forum, titles), rpc.recommendations.ListRecommendations, wanted)


@sign_in_required
def create_recommendation(forum_id: str) -> ResponseReturnValue:
    permissions.require("RecommendationService.CreateRecommendation")
    forum = parts.get_forum(forum_id)
    form = Form(
        {
            "recommendation.conclusion": request.args.get("conclusion", ""),
            "recommendation.language": forum.language,
        }
    )
    if form.submitted:
        with form.catch_refusal():
            _require_ahead(form, "recommendation.due_date")
            recommendation = rpc.recommendations.CreateRecommendation(
                form.build_request(pb.CreateRecommendationRequest, parent=forum.name)
            )
            flash(_("The recommendation is drafted. It is adopted with its conclusion."), "success")
            departments.flash_new_department(recommendation.owner_department)
            return redirect(href(recommendation.name), 303)
    drafts = parts.list_conclusions(forum.name, pb.Conclusion.STATE_DRAFT)
    return render_template(
        "forums/recommendation.html",
        form=form,
        forum=forum,
        recommendation=None,
        drafts=[(draft.name, draft.title) for draft in drafts if draft.editable],
        shows_text=True,
        shows_owner=True,
        departments=departments.suggest_departments(),
    ), form.status


@sign_in_required
def edit_recommendation(forum_id: str, recommendation_id: str) -> ResponseReturnValue:
    """Change a recommendation: a draft whole; an adopted one's owner and day, its text never; a department its day."""
    permissions.require("RecommendationService.UpdateRecommendation")
    forum = parts.get_forum(forum_id)
    name = f"{forum.name}/recommendations/{recommendation_id}"
    recommendation = rpc.recommendations.GetRecommendation(pb.GetRecommendationRequest(name=name))
    form = Form({"recommendation": recommendation})
    if form.submitted:
        with form.catch_refusal():
            _require_ahead(form, "recommendation.due_date", recommendation.due_date)
            saved = form.save(
                rpc.recommendations.UpdateRecommendation, pb.UpdateRecommendationRequest, "recommendation"
            )
            flash(_("The recommendation is saved."), "success")
            if saved.owner_department != recommendation.owner_department:
                departments.flash_new_department(saved.owner_department)
            return redirect(href(name), 303)
    writes = may("RecommendationService.CreateRecommendation")
    return render_template(
        "forums/recommendation.html",
        form=form,
        forum=forum,
        recommendation=recommendation,
        drafts=[],
        shows_text=writes and recommendation.state == pb.Recommendation.STATE_DRAFT,
        shows_owner=writes,
        departments=departments.suggest_departments() if writes else [],
    ), form.status


@sign_in_required
def step(forum_id: str, recommendation_id: str, verb: str) -> ResponseReturnValue:
    name = f"forums/{forum_id}/recommendations/{recommendation_id}"
    transitions.transition_and_flash("RecommendationService", verb, name)
    return redirect(href(name), 303)


@sign_in_required
def step_with_page(forum_id: str, recommendation_id: str, verb: str) -> ResponseReturnValue:
    name = f"forums/{forum_id}/recommendations/{recommendation_id}"
    recommendation = rpc.recommendations.GetRecommendation(pb.GetRecommendationRequest(name=name))
    form = Form(
        {
            "etag": recommendation.etag,
            "evidence": recommendation.evidence,
            "owner_department": recommendation.owner_department,
            **(_get_answer(recommendation) if verb == "correct" else {}),
        }
    )
    # A department answers for what it owns already.
    names_owner = verb == "answer" and is_coordinator()
    if form.submitted:
        with form.catch_refusal():
            _require_ahead(form, "due_date", recommendation.due_date)
            if names_owner and form["verdict"] in FOLLOWED_VERDICTS and not recommendation.owner_department:
                _require_owner(form)
            transitions.transition("RecommendationService", verb, name, form)
            if names_owner and form["owner_department"] != recommendation.owner_department:
                departments.flash_new_department(form["owner_department"])
            return redirect(href(name), 303)
    return render_template(
        "forums/step.html",
        form=form,
        forum=f"forums/{forum_id}",
        recommendation=recommendation,
        verb=verb,
        names_owner=names_owner,
        departments=departments.suggest_departments() if names_owner else [],
    ), form.status


def _get_answer(recommendation: pb.Recommendation) -> dict[str, str]:
    """Return the city's answer as the form that corrects it begins."""
    answer = recommendation.answer
    return {"verdict": pb.Recommendation.Answer.Verdict.Name(answer.verdict), "reason": answer.reason}


def _require_ahead(form: Form, path: str, stored: Date | None = None) -> None:
    """
    Raise unless the day typed at `path` is still to come, or the one that is stored.

    Raises:
        InvalidArgument: The day has passed; reason DAY_PASSED.
    """
    try:
        day = date.fromisoformat(form[path])
    except ValueError:
        return  # none, or no day: the message says so
    if day < datetime.now(form.zone).date() and date_message(day) != stored:
        raise InvalidArgument(path, "has passed", reason="DAY_PASSED")


def _require_owner(form: Form) -> None:
    """
    Raise unless the form names a department: what is followed has to be on somebody's desk.

    Raises:
        FieldRequired: It names no department.
    """
    if not form["owner_department"]:
        raise FieldRequired("owner_department")
