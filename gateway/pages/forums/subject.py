"""Pages of what a forum reviews: the tree, and the form of its nodes."""

from collections import defaultdict
from collections.abc import Iterable

from austausch.forum.v1 import forum_pb2 as pb
from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.deletion import delete_after_asking
from gateway.pages.forums import parts
from gateway.vocabulary import departments, topics
from gateway.web.links import href


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of forums the pages of what is under review."""
    both, base = ["GET", "POST"], "/<forum_id>/subjectNodes"
    blueprint.add_url_rule("/<forum_id>/subject", view_func=subject)
    blueprint.add_url_rule(f"{base}/new", view_func=create_node, methods=both)
    blueprint.add_url_rule(f"{base}/<node_id>/edit", view_func=edit_node, methods=both)
    blueprint.add_url_rule(f"{base}/<node_id>/remove", view_func=remove_node, methods=both)


@sign_in_required
def subject(forum_id: str) -> ResponseReturnValue:
    forum = parts.get_forum(forum_id)
    nodes = parts.list_nodes(forum.name)
    titles = {node.name: node.title for node in nodes}
    topics.load_labels(slug for node in nodes for slug in node.topics)
    return render_template("forums/subject.html", forum=forum, tree=_group_by_parent(nodes), titles=titles)


@sign_in_required
def create_node(forum_id: str) -> ResponseReturnValue:
    permissions.require("SubjectNodeService.CreateSubjectNode")
    forum = parts.get_forum(forum_id)
    form = Form({"subject_node.parent": request.args.get("parent", "")})
    if form.submitted:
        with form.catch_refusal():
            node = rpc.subject_nodes.CreateSubjectNode(
                form.build_request(pb.CreateSubjectNodeRequest, parent=forum.name)
            )
            flash(_("“%(title)s” is under review.", title=node.title), "success")
            return redirect(href(node.name), 303)
    return _render_form(form, forum, None)


@sign_in_required
def edit_node(forum_id: str, node_id: str) -> ResponseReturnValue:
    permissions.require("SubjectNodeService.UpdateSubjectNode")
    forum = parts.get_forum(forum_id)
    node = _get_node(forum_id, node_id)
    form = Form({"subject_node": node})
    if form.submitted:
        with form.catch_refusal():
            saved = form.save(rpc.subject_nodes.UpdateSubjectNode, pb.UpdateSubjectNodeRequest, "subject_node")
            flash(_("“%(title)s” is saved.", title=saved.title), "success")
            return redirect(href(node.name), 303)
    return _render_form(form, forum, node)


@sign_in_required
def remove_node(forum_id: str, node_id: str) -> ResponseReturnValue:
    permissions.require("SubjectNodeService.DeleteSubjectNode")
    node = _get_node(forum_id, node_id)
    return delete_after_asking(
        node,
        rpc.subject_nodes.DeleteSubjectNode,
        pb.DeleteSubjectNodeRequest,
        question=_("Delete “%(title)s”?", title=node.title),
        consequence=_("It is deleted for good. That works only while nothing lies below it or refers to it."),
        done=_("“%(title)s” is deleted.", title=node.title),
        then=f"{href(f'forums/{forum_id}')}/subject",
        above=parts.build_trail(forum_id),
    )


def _render_form(form: Form, forum: pb.Forum, node: pb.SubjectNode | None) -> ResponseReturnValue:
    """Return the page with the form of a node: the others offered as its parent, commitments as what it fulfils."""
    others = [other for other in parts.list_nodes(forum.name) if node is None or other.name != node.name]
    commitments = [other for other in others if other.kind == pb.SubjectNode.KIND_COMMITMENT]
    return render_template(
        "forums/node.html",
        form=form,
        forum=forum,
        node=node,
        parents=[(other.name, parts.get_label(other)) for other in others],
        commitments=[(other.name, parts.get_label(other)) for other in commitments],
        departments=departments.suggest_departments(),
    ), form.status


def _get_node(forum_id: str, node_id: str) -> pb.SubjectNode:
    asked = pb.GetSubjectNodeRequest(name=f"forums/{forum_id}/subjectNodes/{node_id}")
    node: pb.SubjectNode = rpc.subject_nodes.GetSubjectNode(asked)
    return node


def _group_by_parent(nodes: Iterable[pb.SubjectNode]) -> dict[str, list[pb.SubjectNode]]:
    """Return the nodes below each node, by its name; those at the top by ""."""
    tree = defaultdict(list)
    for node in nodes:
        tree[node.parent].append(node)
    return tree
