"""Pages of expert forums: the list, and one forum with all that belongs to it."""

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
    name = f"forums/{forum_id}"
    everything: dict[str, Any] = {"parent": name, "page_size": 1000}
    forum = rpc.forums.GetForum(pb.GetForumRequest(name=name))
    nodes = rpc.subject_nodes.ListSubjectNodes(pb.ListSubjectNodesRequest(**everything)).subject_nodes
    panel = rpc.panelists.ListPanelists(pb.ListPanelistsRequest(**everything)).panelists
    groups = rpc.working_groups.ListWorkingGroups(pb.ListWorkingGroupsRequest(**everything)).working_groups
    concluded = rpc.conclusions.ListConclusions(pb.ListConclusionsRequest(**everything)).conclusions
    recommended = rpc.recommendations.ListRecommendations(pb.ListRecommendationsRequest(**everything)).recommendations
    cities = rpc.cities.ListCities(exchange_pb2.ListCitiesRequest(page_size=1000)).cities
    recommendations = defaultdict(list)
    for recommendation in recommended:
        recommendations[recommendation.conclusion].append(recommendation)
    return render_template(
        "forums/show.html",
        forum=forum,
        tree=_tree(nodes),
        titles={thing.name: thing.title for thing in (*nodes, *groups)},
        panel=panel,
        panelists={panelist.name: panelist for panelist in panel},
        groups=groups,
        conclusions=concluded,
        recommendations=recommendations,
        cities={city.name: city.display_name for city in cities},
        steps_with_a_page=conclusions.STEPS_WITH_A_PAGE,
    )


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


def _tree(nodes: Iterable[pb.SubjectNode]) -> dict[str, list[pb.SubjectNode]]:
    """Return the nodes below each node, by its name; those at the top by ""."""
    tree = defaultdict(list)
    for node in nodes:
        tree[node.parent].append(node)
    return tree
