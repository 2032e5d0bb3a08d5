"""Pages of the working groups of a forum: each owns a part of the subject, and has experts of the panel in it."""

from austausch.forum.v1 import forum_pb2 as pb
from flask import Blueprint, flash, redirect, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.deletion import delete_after_asking
from gateway.pages.forums import parts
from gateway.web.links import href

ON_PANEL = (pb.Panelist.STATE_INVITED, pb.Panelist.STATE_ACCEPTED)


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of forums the pages of working groups."""
    both, base = ["GET", "POST"], "/<forum_id>/workingGroups"
    blueprint.add_url_rule(f"{base}/new", view_func=create_group, methods=both)
    blueprint.add_url_rule(f"{base}/<group_id>/edit", view_func=edit_group, methods=both)
    blueprint.add_url_rule(f"{base}/<group_id>/remove", view_func=remove_group, methods=both)


def _render_form(form: Form, forum: pb.Forum, group: pb.WorkingGroup | None) -> ResponseReturnValue:
    """Return the page with the form of a group: it offers nodes that no other group owns, and experts on the panel."""
    others = [other for other in parts.list_groups(forum.name) if group is None or other.name != group.name]
    taken = {node for other in others for node in other.nodes}
    present = set(group.members) if group else set()
    return render_template(
        "forums/group.html",
        form=form,
        forum=forum,
        group=group,
        nodes=[(node.name, parts.get_label(node)) for node in parts.list_nodes(forum.name) if node.name not in taken],
        members=[
            (panelist.name, f"{panelist.function}, {panelist.affiliation}")
            for panelist in parts.list_panelists(forum.name)
            if panelist.state in ON_PANEL or panelist.name in present
        ],
    ), form.status


@sign_in_required
def create_group(forum_id: str) -> ResponseReturnValue:
    permissions.require("WorkingGroupService.CreateWorkingGroup")
    forum = parts.get_forum(forum_id)
    form = Form()
    if form.submitted:
        with form.catch_refusal():
            group = rpc.working_groups.CreateWorkingGroup(
                form.build_request(pb.CreateWorkingGroupRequest, parent=forum.name)
            )
            flash(_("The working group is created."), "success")
            return redirect(href(group.name), 303)
    return _render_form(form, forum, None)


@sign_in_required
def edit_group(forum_id: str, group_id: str) -> ResponseReturnValue:
    permissions.require("WorkingGroupService.UpdateWorkingGroup")
    forum = parts.get_forum(forum_id)
    group = _get_group(forum_id, group_id)
    form = Form({"working_group": group})
    if form.submitted:
        with form.catch_refusal():
            form.save(rpc.working_groups.UpdateWorkingGroup, pb.UpdateWorkingGroupRequest, "working_group")
            flash(_("The working group is saved."), "success")
            return redirect(href(group.name), 303)
    return _render_form(form, forum, group)


@sign_in_required
def remove_group(forum_id: str, group_id: str) -> ResponseReturnValue:
    permissions.require("WorkingGroupService.DeleteWorkingGroup")
    group = _get_group(forum_id, group_id)
    return delete_after_asking(
        group,
        rpc.working_groups.DeleteWorkingGroup,
        pb.DeleteWorkingGroupRequest,
        question=_("Delete the working group “%(title)s”?", title=group.title),
        consequence=_("Its experts stay on the panel, and its part of the subject has no group any more."),
        done=_("The working group is deleted."),
        then=f"{href(f'forums/{forum_id}')}/panel",
        above=parts.build_trail(forum_id),
    )


def _get_group(forum_id: str, group_id: str) -> pb.WorkingGroup:
    request = pb.GetWorkingGroupRequest(name=f"forums/{forum_id}/workingGroups/{group_id}")
    group: pb.WorkingGroup = rpc.working_groups.GetWorkingGroup(request)
    return group
