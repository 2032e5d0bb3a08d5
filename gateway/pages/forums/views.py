"""Pages of expert forums: the list, one forum with its conclusions, and the form of a forum."""

from collections import defaultdict
from typing import Any

from austausch.exchange.v1 import exchange_pb2
from austausch.forum.v1 import forum_pb2 as pb
from flask import Blueprint, current_app, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.i18n.formats import format_days
from gateway.i18n.languages import current_language
from gateway.pages.forums import conclusions, groups, panel, parts, subject
from gateway.pages.forums.exports import FORUMS
from gateway.pages.forums.parts import is_coordinator
from gateway.vocabulary import cities
from gateway.web import exports, list_filters
from gateway.web.links import href

blueprint = Blueprint("forums", __name__, url_prefix="/forums")
for pages in (conclusions, groups, panel, subject):
    pages.add_pages(blueprint)


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    visit = request.args.get("visit", "")
    wanted = pb.ListForumsRequest(**list_filters.read_paging(), visit=visit)
    if exports.is_wanted():
        return exports.send_list(FORUMS, rpc.forums.ListForums, wanted)
    return render_template("forums/list.html", answer=rpc.forums.ListForums(wanted))


@blueprint.route("/new", methods=["GET", "POST"])
@sign_in_required
def create() -> ResponseReturnValue:
    permissions.require("ForumService.CreateForum")
    form = Form({"forum.city": current_app.config["HOME_CITY"], "forum.language": current_language()})
    if form.submitted:
        with form.catch_refusal():
            forum = rpc.forums.CreateForum(form.build_request(pb.CreateForumRequest))
            flash(_("The forum is created. Next: what is under review, the panel and its working groups."), "success")
            return redirect(href(forum.name), 303)
    return render_template("forums/form.html", form=form, forum=None, **_list_choices()), form.status


@blueprint.route("/<forum_id>/edit", methods=["GET", "POST"])
@sign_in_required
def edit(forum_id: str) -> ResponseReturnValue:
    permissions.require("ForumService.UpdateForum")
    forum = parts.get_forum(forum_id)
    form = Form({"forum": forum})
    if form.submitted:
        with form.catch_refusal():
            form.save(rpc.forums.UpdateForum, pb.UpdateForumRequest, "forum")
            flash(_("The forum is saved."), "success")
            return redirect(href(forum.name), 303)
    return render_template("forums/form.html", form=form, forum=forum, **_list_choices()), form.status


def _list_choices() -> dict[str, Any]:
    """Return what the form of a forum offers: cities by their names, and visits, those that begin last first."""
    visits = rpc.visits.ListVisits(exchange_pb2.ListVisitsRequest(page_size=1000)).visits
    return {
        "cities": cities.get_city_names(anew=True),
        "visits": [(visit.name, _describe_visit(visit)) for visit in visits],
    }


def _describe_visit(visit: exchange_pb2.Visit) -> str:
    """Return the title of a visit with its days, as far as they are known."""
    days = format_days(visit.start_date, visit.end_date)
    return f"{visit.title} ({days})" if days else visit.title


@blueprint.get("/<forum_id>")
@sign_in_required
def show(forum_id: str) -> ResponseReturnValue:
    forum = parts.get_forum(forum_id)
    working_groups = parts.list_groups(forum.name)
    recommendations = defaultdict(list)
    concluded = parts.list_conclusions(forum.name)
    for recommendation in parts.list_recommendations(forum.name):
        recommendations[recommendation.conclusion].append(recommendation)
    return render_template(
        "forums/show.html",
        forum=forum,
        titles={group.name: group.title for group in working_groups},
        nodes={node.name: parts.get_label(node) for node in parts.list_nodes(forum.name)},
        # A coordinator drafts without a group too.
        drafts=is_coordinator() or any(group.writable for group in working_groups),
        cities=cities.get_city_names(),
        conclusions=concluded,
        recommendations=recommendations,
        steps_with_a_page=conclusions.STEPS_WITH_A_PAGE,
    )
