"""Pages of conclusions and recommendations: drafted, adopted, answered, and followed to their verification."""

from collections.abc import Callable
from typing import Any

from austausch.forum.v1 import forum_pb2 as pb
from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import rpc, transitions
from gateway.accounts import sign_in_required
from gateway.forms import Form
from gateway.pages import href

# Steps of a recommendation that ask for more than a click.
STEPS_WITH_A_PAGE = ("answer", "plan", "implement")


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of forums the pages of conclusions and recommendations."""
    both = ["GET", "POST"]
    conclusions, recommendations = "/<forum_id>/conclusions", "/<forum_id>/recommendations"
    rules: list[tuple[str, Callable[..., ResponseReturnValue], list[str]]] = [
        (f"{conclusions}/new", create_conclusion, both),
        (f"{conclusions}/<conclusion_id>/edit", edit_conclusion, both),
        (f"{conclusions}/<conclusion_id>/adopt", adopt, both),
        (f"{recommendations}/new", create_recommendation, both),
        (f"{recommendations}/<recommendation_id>/<any(start, verify):verb>", step, ["POST"]),
        (f"{recommendations}/<recommendation_id>/<any(answer, plan, implement):verb>", step_with_page, both),
    ]
    for rule, view, methods in rules:
        blueprint.add_url_rule(rule, view_func=view, methods=methods)


def _choices(forum: str) -> dict[str, list[tuple[str, str]]]:
    """Return what the form of a conclusion offers: working groups and nodes of the subject."""
    everything: dict[str, Any] = {"parent": forum, "page_size": 1000}
    groups = rpc.working_groups.ListWorkingGroups(pb.ListWorkingGroupsRequest(**everything)).working_groups
    nodes = rpc.subject_nodes.ListSubjectNodes(pb.ListSubjectNodesRequest(**everything)).subject_nodes
    return {
        "groups": [(group.name, group.title) for group in groups],
        "nodes": [(node.name, f"{node.code} {node.title}".strip()) for node in nodes],
    }


@sign_in_required
def create_conclusion(forum_id: str) -> ResponseReturnValue:
    forum = rpc.forums.GetForum(pb.GetForumRequest(name=f"forums/{forum_id}"))
    form = Form({"conclusion.language": forum.language})
    if form.submitted:
        with form.keeping_what_was_typed():
            conclusion = rpc.conclusions.CreateConclusion(form.message(pb.CreateConclusionRequest, parent=forum.name))
            flash(_("The conclusion is drafted. Add its recommendations before it is adopted."), "success")
            return redirect(href(conclusion.name), 303)
    return render_template(
        "forums/conclusion.html", form=form, forum=forum, conclusion=None, **_choices(forum.name)
    ), form.status


@sign_in_required
def edit_conclusion(forum_id: str, conclusion_id: str) -> ResponseReturnValue:
    forum = rpc.forums.GetForum(pb.GetForumRequest(name=f"forums/{forum_id}"))
    name = f"{forum.name}/conclusions/{conclusion_id}"
    conclusion = rpc.conclusions.GetConclusion(pb.GetConclusionRequest(name=name))
    form = Form({"conclusion": conclusion})
    if form.submitted:
        with form.keeping_what_was_typed():
            change = form.message(pb.UpdateConclusionRequest, update_mask=form.update_mask("conclusion"))
            change.conclusion.name = name
            rpc.conclusions.UpdateConclusion(change)
            flash(_("The conclusion is saved."), "success")
            return redirect(href(name), 303)
        form.compare(conclusion, "conclusion")
    return render_template(
        "forums/conclusion.html", form=form, forum=forum, conclusion=conclusion, **_choices(forum.name)
    ), form.status


@sign_in_required
def adopt(forum_id: str, conclusion_id: str) -> ResponseReturnValue:
    forum = f"forums/{forum_id}"
    name = f"{forum}/conclusions/{conclusion_id}"
    conclusion = rpc.conclusions.GetConclusion(pb.GetConclusionRequest(name=name))
    recommendations = rpc.recommendations.ListRecommendations(
        pb.ListRecommendationsRequest(parent=forum, conclusion=name, page_size=1000)
    ).recommendations
    form = Form({"etag": conclusion.etag})
    if form.submitted:
        with form.keeping_what_was_typed():
            transitions.carry_out(rpc.conclusions, "adopt", name, form)
            return redirect(href(name), 303)
    return render_template(
        "forums/adopt.html", form=form, conclusion=conclusion, recommendations=recommendations
    ), form.status


@sign_in_required
def create_recommendation(forum_id: str) -> ResponseReturnValue:
    forum = rpc.forums.GetForum(pb.GetForumRequest(name=f"forums/{forum_id}"))
    drafts = rpc.conclusions.ListConclusions(
        pb.ListConclusionsRequest(parent=forum.name, page_size=1000, state=pb.Conclusion.STATE_DRAFT)
    ).conclusions
    form = Form(
        {
            "recommendation.conclusion": request.args.get("conclusion", ""),
            "recommendation.language": forum.language,
        }
    )
    if form.submitted:
        with form.keeping_what_was_typed():
            recommendation = rpc.recommendations.CreateRecommendation(
                form.message(pb.CreateRecommendationRequest, parent=forum.name)
            )
            flash(_("The recommendation is drafted. It is adopted with its conclusion."), "success")
            return redirect(href(recommendation.name), 303)
    return render_template("forums/recommendation.html", form=form, forum=forum, drafts=drafts), form.status


@sign_in_required
def step(forum_id: str, recommendation_id: str, verb: str) -> ResponseReturnValue:
    name = f"forums/{forum_id}/recommendations/{recommendation_id}"
    transitions.try_out(rpc.recommendations, verb, name)
    return redirect(href(name), 303)


@sign_in_required
def step_with_page(forum_id: str, recommendation_id: str, verb: str) -> ResponseReturnValue:
    name = f"forums/{forum_id}/recommendations/{recommendation_id}"
    recommendation = rpc.recommendations.GetRecommendation(pb.GetRecommendationRequest(name=name))
    form = Form({"etag": recommendation.etag, "evidence": recommendation.evidence})
    if form.submitted:
        with form.keeping_what_was_typed():
            transitions.carry_out(rpc.recommendations, verb, name, form)
            return redirect(href(name), 303)
    return render_template(
        "forums/step.html", form=form, forum=f"forums/{forum_id}", recommendation=recommendation, verb=verb
    ), form.status
