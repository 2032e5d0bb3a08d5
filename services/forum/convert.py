"""
Rows ↔ messages, side by side: for each resource ``<resource>_message``, ``<resource>_columns``, and the fields that a
caller may set.

What experts write tells other experts nothing of who they are.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from austausch.forum.v1 import forum_pb2 as pb

from chassis.convert import date_message, enum_numbers, read_columns, resource_fields, timestamp_message, unique_nfc
from chassis.identity import Identity
from chassis.model import Resource
from services.forum import rights
from services.forum.eligibility_rule import Reason
from services.forum.model import (
    Conclusion,
    ConclusionState,
    EligibilityCheck,
    Forum,
    NodeKind,
    Occasion,
    Origin,
    Panelist,
    PanelistKind,
    PanelistState,
    Recommendation,
    RecommendationState,
    SubjectNode,
    Verdict,
    WorkingGroup,
)

NODE_KINDS = enum_numbers(pb.SubjectNode.Kind.DESCRIPTOR, NodeKind)
PANELIST_KINDS = enum_numbers(pb.Panelist.Kind.DESCRIPTOR, PanelistKind)
PANELIST_STATES = enum_numbers(pb.Panelist.State.DESCRIPTOR, PanelistState)
ORIGINS = enum_numbers(pb.Panelist.Origin.DESCRIPTOR, Origin)
REASONS = enum_numbers(pb.Eligibility.Reason.DESCRIPTOR, Reason)
OCCASIONS = enum_numbers(pb.EligibilityCheck.Occasion.DESCRIPTOR, Occasion)
CONCLUSION_STATES = enum_numbers(pb.Conclusion.State.DESCRIPTOR, ConclusionState)
RECOMMENDATION_STATES = enum_numbers(pb.Recommendation.State.DESCRIPTOR, RecommendationState)
VERDICTS = enum_numbers(pb.Recommendation.Answer.Verdict.DESCRIPTOR, Verdict)


FORUM_FIELDS = frozenset(
    {"title", "subject", "city", "purpose", "panel_city_cap", "language", "start_date", "end_date", "visit"}
)


def forum_columns(message: pb.Forum, fields: Iterable[str] = FORUM_FIELDS) -> dict[str, Any]:
    """Return fields of a forum as the columns take them; raises as `read_columns`."""
    return read_columns(message, Forum, fields)


def forum_message(forum: Forum) -> pb.Forum:
    """Return a forum as a message."""
    return pb.Forum(
        title=forum.title,
        subject=forum.subject,
        city=forum.city,
        purpose=forum.purpose,
        panel_city_cap=forum.panel_city_cap,
        visit=forum.visit,
        language=forum.language,
        start_date=date_message(forum.start_date),
        end_date=date_message(forum.end_date),
        **resource_fields(forum),
    )


# Names of others of the forum, which the servicer looks up.
SUBJECT_NODE_REFERENCES = frozenset({"parent", "fulfils"})
SUBJECT_NODE_FIELDS = SUBJECT_NODE_REFERENCES | {
    "kind", "code", "title", "description", "sdg_targets", "topics", "department",
}  # fmt: skip


def subject_node_columns(message: pb.SubjectNode, fields: Iterable[str] = SUBJECT_NODE_FIELDS) -> dict[str, Any]:
    """Return fields of a node that are no references as the columns take them; raises as `read_columns`."""
    readers = {"topics": lambda topics, _path: unique_nfc(topics)}
    return read_columns(message, SubjectNode, set(fields) - SUBJECT_NODE_REFERENCES, readers)


def subject_node_message(node: SubjectNode) -> pb.SubjectNode:
    """Return a node as a message."""
    return pb.SubjectNode(
        parent=_name(SubjectNode, node.forum_id, node.parent_id) if node.parent_id else "",
        kind=NODE_KINDS[node.kind],
        code=node.code,
        title=node.title,
        description=node.description,
        sdg_targets=node.sdg_targets,
        topics=node.topics,
        fulfils=_names(SubjectNode, node.forum_id, node.commitment_ids),
        department=node.department,
        **resource_fields(node),
    )


# What an expert changes of its own place on the panel.
DECLARATION_FIELDS = frozenset({"conflict_of_interest", "has_conflict"})
PANELIST_FIELDS = DECLARATION_FIELDS | {
    "function", "affiliation", "kind", "origin", "city", "residence_city", "politically_neutral", "account",
}  # fmt: skip


def panelist_columns(message: pb.Panelist, fields: Iterable[str] = PANELIST_FIELDS) -> dict[str, Any]:
    """Return fields of a panelist as the columns take them; raises as `read_columns`."""
    return read_columns(message, Panelist, fields)


def panelist_message(panelist: Panelist, caller: Identity | None = None) -> pb.Panelist:
    """Return a panelist as the caller sees it; without a caller, for an event, it tells nothing private."""
    message = pb.Panelist(
        function=panelist.function,
        affiliation=panelist.affiliation,
        kind=PANELIST_KINDS[panelist.kind],
        origin=ORIGINS[panelist.origin],
        city=panelist.city,
        state=PANELIST_STATES[panelist.state],
        allowed_transitions=rights.panelist_verbs(caller, panelist) if caller else [],
        **_anonymous_fields(panelist, caller),
    )
    if caller and rights.may_see_private(caller, panelist):
        message.residence_city = panelist.residence_city
        message.politically_neutral = panelist.politically_neutral
        message.conflict_of_interest = panelist.conflict_of_interest
        message.has_conflict = panelist.has_conflict
        message.account = panelist.account
        message.eligibility.CopyFrom(_eligibility_message(panelist, panelist.eligibility_check_time))
    return message


def eligibility_check_message(check: EligibilityCheck) -> pb.EligibilityCheck:
    """Return an entry of the log as a message."""
    return pb.EligibilityCheck(
        name=check.name,
        panelist=_name(Panelist, check.forum_id, check.panelist_id) if check.panelist_id else "",
        occasion=OCCASIONS[check.occasion],
        eligibility=_eligibility_message(check, check.check_time),
        city=check.city,
    )


def _eligibility_message(row: Panelist | EligibilityCheck, check_time: datetime) -> pb.Eligibility:
    return pb.Eligibility(
        eligible=row.eligible,
        reasons=[REASONS[Reason(reason)] for reason in row.ineligible_reasons],
        check_time=timestamp_message(check_time),
    )


# Names of others of the forum, which the servicer looks up.
WORKING_GROUP_REFERENCES = frozenset({"nodes", "members"})
WORKING_GROUP_FIELDS = WORKING_GROUP_REFERENCES | {"title"}


def working_group_columns(message: pb.WorkingGroup, fields: Iterable[str] = WORKING_GROUP_FIELDS) -> dict[str, Any]:
    """Return fields of a working group that are no references as the columns take them; raises as `read_columns`."""
    return read_columns(message, WorkingGroup, set(fields) - WORKING_GROUP_REFERENCES)


def working_group_message(group: WorkingGroup, caller: Identity) -> pb.WorkingGroup:
    """Return a working group as the caller sees it."""
    return pb.WorkingGroup(
        title=group.title,
        nodes=_names(SubjectNode, group.forum_id, group.node_ids),
        members=_names(Panelist, group.forum_id, group.member_ids),
        writable=rights.may_write_for(caller, group),
        **resource_fields(group),
    )


# Names of others of the forum, which the servicer looks up.
CONCLUSION_REFERENCES = frozenset({"working_groups", "nodes"})
CONCLUSION_FIELDS = CONCLUSION_REFERENCES | {"title", "text", "language", "dissent"}


def conclusion_columns(message: pb.Conclusion, fields: Iterable[str] = CONCLUSION_FIELDS) -> dict[str, Any]:
    """Return fields of a conclusion that are no references as the columns take them; raises as `read_columns`."""
    return read_columns(message, Conclusion, set(fields) - CONCLUSION_REFERENCES)


def conclusion_message(conclusion: Conclusion, caller: Identity | None = None) -> pb.Conclusion:
    """Return a conclusion as the caller sees it; without a caller, for an event, it offers nothing to do."""
    return pb.Conclusion(
        title=conclusion.title,
        text=conclusion.text,
        language=conclusion.language,
        working_groups=_names(WorkingGroup, conclusion.forum_id, conclusion.working_group_ids),
        nodes=_names(SubjectNode, conclusion.forum_id, conclusion.node_ids),
        dissent=conclusion.dissent,
        state=CONCLUSION_STATES[conclusion.state],
        allowed_transitions=rights.conclusion_verbs(caller, conclusion) if caller else [],
        editable=caller is not None and rights.may_edit_conclusion(caller, conclusion),
        adopt_time=timestamp_message(conclusion.adopt_time) if conclusion.adopt_time else None,
        **_anonymous_fields(conclusion, caller),
    )


# The conclusion cannot change, so the servicer reads it.
RECOMMENDATION_FIELDS = rights.ADOPTED_FIELDS | {"title", "text", "language"}


def recommendation_columns(message: pb.Recommendation, fields: Iterable[str] = RECOMMENDATION_FIELDS) -> dict[str, Any]:
    """Return fields of a recommendation as the columns take them; raises as `read_columns`."""
    return read_columns(message, Recommendation, fields)


def recommendation_message(recommendation: Recommendation, caller: Identity | None = None) -> pb.Recommendation:
    """Return a recommendation as the caller sees it; without a caller, for an event, it offers nothing to do."""
    return pb.Recommendation(
        conclusion=_name(Conclusion, recommendation.forum_id, recommendation.conclusion_id),
        title=recommendation.title,
        text=recommendation.text,
        language=recommendation.language,
        owner_department=recommendation.owner_department,
        due_date=date_message(recommendation.due_date),
        evidence=recommendation.evidence,
        state=RECOMMENDATION_STATES[recommendation.state],
        allowed_transitions=rights.recommendation_verbs(caller, recommendation) if caller else [],
        editable=caller is not None and rights.may_edit_recommendation(caller, recommendation),
        answer=_answer_message(recommendation),
        former_answers=map(_former_answer_message, recommendation.former_answers),
        implementer=recommendation.implementer,
        last_return=_return_message(recommendation),
        verifier=recommendation.verifier,
        verify_time=timestamp_message(recommendation.verify_time) if recommendation.verify_time else None,
        forum_title=recommendation.forum.title,
        **_anonymous_fields(recommendation, caller),
    )


def _answer_message(recommendation: Recommendation) -> pb.Recommendation.Answer | None:
    if recommendation.verdict is None:
        return None
    answer_time = recommendation.answer_time
    return pb.Recommendation.Answer(
        verdict=VERDICTS[recommendation.verdict],
        reason=recommendation.answer_reason,
        answerer=recommendation.answerer,
        answer_time=timestamp_message(answer_time) if answer_time else None,
    )


def _former_answer_message(answer: dict[str, str]) -> pb.Recommendation.Answer:
    return pb.Recommendation.Answer(
        verdict=VERDICTS[Verdict(answer["verdict"])],
        reason=answer["reason"],
        answerer=answer["answerer"],
        answer_time=timestamp_message(datetime.fromisoformat(answer["answer_time"])),
    )


def _return_message(recommendation: Recommendation) -> pb.Recommendation.Return | None:
    if recommendation.return_time is None:
        return None
    return pb.Recommendation.Return(
        reason=recommendation.return_reason,
        returner=recommendation.returner,
        return_time=timestamp_message(recommendation.return_time),
    )


def _anonymous_fields(row: Resource, caller: Identity | None) -> dict[str, Any]:
    """Return the fields that every resource has, without who changed it where the caller may not see that."""
    fields = resource_fields(row)
    if caller and not rights.may_see_updater(caller, row.updater):
        fields["updater"] = ""
    return fields


def _name(model: type[Resource], forum_id: str, resource_id: str) -> str:
    """Return the name of something that belongs to a forum."""
    return model.NAME.format(forum_id=forum_id, id=resource_id)


def _names(model: type[Resource], forum_id: str, ids: Iterable[str]) -> list[str]:
    return [_name(model, forum_id, each) for each in ids]
