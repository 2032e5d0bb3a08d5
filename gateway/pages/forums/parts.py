"""What a forum consists of, read whole: its pages show all of it."""

from collections.abc import Sequence
from typing import Any

from austausch.forum.v1 import forum_pb2 as pb
from flask import url_for
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth.permissions import may
from gateway.web.links import href


def _ask_for_all(forum: str) -> dict[str, Any]:
    """Return the fields of a request that lists all of something in a forum."""
    return {"parent": forum, "page_size": 1000}


def get_forum(forum_id: str) -> pb.Forum:
    """Return a forum by the last part of its name."""
    forum: pb.Forum = rpc.forums.GetForum(pb.GetForumRequest(name=f"forums/{forum_id}"))
    return forum


def build_trail(forum_id: str) -> list[tuple[str, str]]:
    """Return the breadcrumbs (path, title) above a page of a forum's part, by the last part of the forum's name."""
    forum = get_forum(forum_id)
    return [(url_for("forums.index"), _("Expert forums")), (href(forum.name), forum.title)]


def list_panelists(forum: str) -> Sequence[pb.Panelist]:
    """Return the panel of the forum of this name."""
    return rpc.panelists.ListPanelists(pb.ListPanelistsRequest(**_ask_for_all(forum))).panelists


def list_groups(forum: str) -> Sequence[pb.WorkingGroup]:
    """Return the working groups of the forum of this name."""
    return rpc.working_groups.ListWorkingGroups(pb.ListWorkingGroupsRequest(**_ask_for_all(forum))).working_groups


def list_nodes(forum: str) -> Sequence[pb.SubjectNode]:
    """Return the nodes under review in the forum of this name."""
    return rpc.subject_nodes.ListSubjectNodes(pb.ListSubjectNodesRequest(**_ask_for_all(forum))).subject_nodes


def list_conclusions(forum: str, state: Any = pb.Conclusion.STATE_UNSPECIFIED) -> Sequence[pb.Conclusion]:
    """Return the conclusions of the forum of this name; those in one state if it is given."""
    request = pb.ListConclusionsRequest(**_ask_for_all(forum), state=state)
    return rpc.conclusions.ListConclusions(request).conclusions


def list_recommendations(forum: str, conclusion: str = "") -> Sequence[pb.Recommendation]:
    """Return the recommendations of the forum of this name; those of one conclusion if it is given."""
    request = pb.ListRecommendationsRequest(**_ask_for_all(forum), conclusion=conclusion)
    return rpc.recommendations.ListRecommendations(request).recommendations


def get_label(node: pb.SubjectNode) -> str:
    """Return how a node is named in a choice: by code and title."""
    return f"{node.code} {node.title}".strip()


def is_coordinator() -> bool:
    """Return whether the reader runs the forums: it writes for everybody, not for working groups of its own only."""
    return may("ForumService.UpdateForum")
