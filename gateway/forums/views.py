"""Pages of expert forums: the list, and one forum: its conclusions, its panel, what it reviews."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from austausch.exchange.v1 import exchange_pb2
from austausch.forum.v1 import forum_pb2 as pb
from flask import Blueprint, flash, redirect, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import lists, rpc, transitions
from gateway.accounts import sign_in_required
from gateway.forms import Form
from gateway.forums import conclusions
from gateway.pages import href

blueprint = Blueprint("forums", __name__, url_prefix="/forums")
conclusions.add_pages(blueprint)


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    answer = rpc.forums.ListForums(pb.ListForumsRequest(**lists.page()))
    return render_template("forums/list.html", answer=answer)


@blueprint.get("/<forum_id>")
@sign_in_required
def show(forum_id: str) -> ResponseReturnValue:
    forum, everything = _forum(forum_id)
    groups = rpc.working_groups.ListWorkingGroups(pb.ListWorkingGroupsRequest(**everything)).working_groups
    concluded = rpc.conclusions.ListConclusions(pb.ListConclusionsRequest(**everything)).conclusions
    recommended = rpc.recommendations.ListRecommendations(pb.ListRecommendationsRequest(**everything)).recommendations
    recommendations = defaultdict(list)
    for recommendation in recommended:
        recommendations[recommendation.conclusion].append(recommendation)
    return render_template(
        "forums/show.html",
        forum=forum,
        titles={group.name: group.title for group in groups},
        cities=_cities(),
        conclusions=concluded,
        recommendations=recommendations,
        steps_with_a_page=conclusions.STEPS_WITH_A_PAGE,
    )


@blueprint.get("/<forum_id>/panel")
@sign_in_required
def panel(forum_id: str) -> ResponseReturnValue:
    forum, everything = _forum(forum_id)
    panelists = rpc.panelists.ListPanelists(pb.ListPanelistsRequest(**everything)).panelists
    groups = rpc.working_groups.ListWorkingGroups(pb.ListWorkingGroupsRequest(**everything)).working_groups
    nodes = rpc.subject_nodes.ListSubjectNodes(pb.ListSubjectNodesRequest(**everything)).subject_nodes
    return render_template(
        "forums/panel.html",
        forum=forum,
        panel=panelists,
        panelists={panelist.name: panelist for panelist in panelists},
        groups=groups,
        titles={node.name: node.title for node in nodes},
        cities=_cities(),
    )


@blueprint.get("/<forum_id>/subject")
@sign_in_required
def subject(forum_id: str) -> ResponseReturnValue:
    forum, everything = _forum(forum_id)
    nodes = rpc.subject_nodes.ListSubjectNodes(pb.ListSubjectNodesRequest(**everything)).subject_nodes
    titles = {node.name: node.title for node in nodes}
    return render_template("forums/subject.html", forum=forum, tree=_tree(nodes), titles=titles)


@blueprint.route("/<forum_id>/panelists/<panelist_id>/accept", methods=["GET", "POST"])
@sign_in_required
def accept_invitation(forum_id: str, panelist_id: str) -> ResponseReturnValue:
    panelist = rpc.panelists.GetPanelist(pb.GetPanelistRequest(name=f"forums/{forum_id}/panelists/{panelist_id}"))
    form = Form({"etag": panelist.etag, "conflict_of_interest": panelist.conflict_of_interest})
    if form.submitted:
        with form.keeping_what_was_typed():
            transitions.carry_out(rpc.panelists, "accept", panelist.name, form)
            return redirect(href(panelist.name), 303)
    return render_template("forums/accept.html", form=form, forum=f"forums/{forum_id}", panelist=panelist), form.status


@blueprint.post("/<forum_id>/panelists/<panelist_id>/decline")
@sign_in_required
def decline_invitation(forum_id: str, panelist_id: str) -> ResponseReturnValue:
    name = f"forums/{forum_id}/panelists/{panelist_id}"
    transitions.try_out(rpc.panelists, "decline", name)
    return redirect(href(name), 303)


@blueprint.route("/<forum_id>/panelists/<panelist_id>/withdraw", methods=["GET", "POST"])
@sign_in_required
def withdraw(forum_id: str, panelist_id: str) -> ResponseReturnValue:
    panelist = rpc.panelists.GetPanelist(pb.GetPanelistRequest(name=f"forums/{forum_id}/panelists/{panelist_id}"))
    form = Form({"etag": panelist.etag})
    if form.submitted:
        with form.keeping_what_was_typed():
            transitions.carry_out(rpc.panelists, "withdraw", panelist.name, form)
            return redirect(href(panelist.name), 303)
    return render_template(
        "confirm.html",
        form=form,
        title=_("Take %(function)s off the panel?", function=panelist.function),
        consequence=_("The expert can write nothing more in this forum. What was written stays."),
        button=_("Take off the panel"),
        back=href(panelist.name),
    ), form.status


@blueprint.post("/<forum_id>/panelists/<panelist_id>/check")
@sign_in_required
def check_eligibility(forum_id: str, panelist_id: str) -> ResponseReturnValue:
    name = f"forums/{forum_id}/panelists/{panelist_id}"
    rpc.panelists.CheckEligibility(pb.CheckEligibilityRequest(name=name))
    flash(_("The eligibility is checked anew."), "success")
    return redirect(href(name), 303)


def _forum(forum_id: str) -> tuple[pb.Forum, dict[str, Any]]:
    """Return a forum, and the fields of a request that lists all of something in it."""
    name = f"forums/{forum_id}"
    return rpc.forums.GetForum(pb.GetForumRequest(name=name)), {"parent": name, "page_size": 1000}


def _cities() -> dict[str, str]:
    """Return the names of the cities, by resource name."""
    cities = rpc.cities.ListCities(exchange_pb2.ListCitiesRequest(page_size=1000)).cities
    return {city.name: city.display_name for city in cities}


def _tree(nodes: Iterable[pb.SubjectNode]) -> dict[str, list[pb.SubjectNode]]:
    """Return the nodes below each node, by its name; those at the top by ""."""
    tree = defaultdict(list)
    for node in nodes:
        tree[node.parent].append(node)
    return tree
