"""Rows as messages, and messages as column values."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from austausch.forum.v1 import forum_pb2
from google.protobuf.message import Message

from chassis.convert import date_message, full_date, history, member, numbers, timestamp
from chassis.model import Resource
from services.forum.eligibility import Reason
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

NODE_KINDS = numbers(forum_pb2.SubjectNode.Kind.DESCRIPTOR, NodeKind)
PANELIST_KINDS = numbers(forum_pb2.Panelist.Kind.DESCRIPTOR, PanelistKind)
PANELIST_STATES = numbers(forum_pb2.Panelist.State.DESCRIPTOR, PanelistState)
ORIGINS = numbers(forum_pb2.Panelist.Origin.DESCRIPTOR, Origin)
REASONS = numbers(forum_pb2.Eligibility.Reason.DESCRIPTOR, Reason)
OCCASIONS = numbers(forum_pb2.EligibilityCheck.Occasion.DESCRIPTOR, Occasion)
CONCLUSION_STATES = numbers(forum_pb2.Conclusion.State.DESCRIPTOR, ConclusionState)
RECOMMENDATION_STATES = numbers(forum_pb2.Recommendation.State.DESCRIPTOR, RecommendationState)
VERDICTS = numbers(forum_pb2.Recommendation.Answer.Verdict.DESCRIPTOR, Verdict)


def optional_date(message: Message, field: str, path: str) -> date | None:
    """
    Return a ``google.type.Date`` field as a date; None when absent.

    Args:
        path: Path of the field in the request, for the error.

    Raises:
        InvalidArgument: There is no such day.
    """
    return full_date(getattr(message, field), path) if message.HasField(field) else None


def column_values(message: Message, fields: Iterable[str], model: type[Resource]) -> dict[str, Any]:
    """
    Return the values of fields that a resource and its table have under the same name, as the columns take them.

    Raises:
        InvalidArgument: A date is none.
    """
    values: dict[str, Any] = {}
    columns = model.__table__.c  # type: ignore[attr-defined]
    for name in fields:
        field = message.DESCRIPTOR.fields_by_name[name]
        value = getattr(message, name)
        if field.message_type is not None and field.message_type.full_name == "google.type.Date":
            values[name] = optional_date(message, name, f"{_resource_field(message)}.{name}")
        elif field.enum_type is not None:
            values[name] = member(field.enum_type, value, columns[name].type.enum_class)
        elif isinstance(value, str | int | bool):
            values[name] = value
        else:
            values[name] = list(value)
    return values


def _resource_field(message: Message) -> str:
    """Return the field in which Create and Update requests carry a resource, e.g. ``subject_node``."""
    name: str = message.DESCRIPTOR.name
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def name_of(model: type[Resource], forum_id: str, resource_id: str) -> str:
    """Return the name of something that belongs to a forum."""
    return model.NAME.format(forum_id=forum_id, id=resource_id)


def _names(model: type[Resource], forum_id: str, ids: Iterable[str]) -> list[str]:
    return [name_of(model, forum_id, each) for each in ids]


def forum_message(row: Forum) -> forum_pb2.Forum:
    """Return a forum as a message."""
    return forum_pb2.Forum(
        name=row.name,
        title=row.title,
        subject=row.subject,
        city=row.city,
        purpose=row.purpose,
        panel_city_cap=row.panel_city_cap,
        language=row.language,
        start_date=date_message(row.start_date),
        end_date=date_message(row.end_date),
        **history(row),
    )


def subject_node_message(row: SubjectNode) -> forum_pb2.SubjectNode:
    """Return a node as a message."""
    return forum_pb2.SubjectNode(
        name=row.name,
        parent=name_of(SubjectNode, row.forum_id, row.parent_id) if row.parent_id else "",
        kind=NODE_KINDS[row.kind],
        code=row.code,
        title=row.title,
        description=row.description,
        sdg_targets=row.sdg_targets,
        fulfils=_names(SubjectNode, row.forum_id, row.commitment_ids),
        department=row.department,
        **history(row),
    )


def eligibility_message(row: Panelist | EligibilityCheck) -> forum_pb2.Eligibility:
    """Return what a check said as a message."""
    return forum_pb2.Eligibility(
        eligible=row.eligible,
        reasons=[REASONS[Reason(reason)] for reason in row.ineligible_reasons],
        check_time=row.check_time if isinstance(row, EligibilityCheck) else row.eligibility_check_time,
    )


def eligibility_check_message(row: EligibilityCheck) -> forum_pb2.EligibilityCheck:
    """Return an entry of the log as a message."""
    return forum_pb2.EligibilityCheck(
        name=row.name,
        panelist=name_of(Panelist, row.forum_id, row.panelist_id) if row.panelist_id else "",
        occasion=OCCASIONS[row.occasion],
        eligibility=eligibility_message(row),
        city=row.city,
    )


def panelist_message(row: Panelist, verbs: Sequence[str] = (), *, private: bool = False) -> forum_pb2.Panelist:
    """
    Return a panelist as a message.

    Args:
        verbs: Transitions that the reader may make.
        private: Whether the reader may see the account, the residence, the declarations and the eligibility.
    """
    message = forum_pb2.Panelist(
        name=row.name,
        function=row.function,
        affiliation=row.affiliation,
        kind=PANELIST_KINDS[row.kind],
        origin=ORIGINS[row.origin],
        city=row.city,
        state=PANELIST_STATES[row.state],
        allowed_transitions=verbs,
        **history(row),
    )
    if private:
        message.residence_city = row.residence_city
        message.politically_neutral = row.politically_neutral
        message.conflict_of_interest = row.conflict_of_interest
        message.has_conflict = row.has_conflict
        message.account = row.account
        message.eligibility.CopyFrom(eligibility_message(row))
    return message


def working_group_message(row: WorkingGroup) -> forum_pb2.WorkingGroup:
    """Return a working group as a message."""
    return forum_pb2.WorkingGroup(
        name=row.name,
        title=row.title,
        nodes=_names(SubjectNode, row.forum_id, row.node_ids),
        members=_names(Panelist, row.forum_id, row.member_ids),
        **history(row),
    )


def conclusion_message(row: Conclusion, verbs: Sequence[str] = ()) -> forum_pb2.Conclusion:
    """Return a conclusion as a message, with the transitions that its reader may make."""
    return forum_pb2.Conclusion(
        name=row.name,
        title=row.title,
        text=row.text,
        language=row.language,
        working_groups=_names(WorkingGroup, row.forum_id, row.working_group_ids),
        nodes=_names(SubjectNode, row.forum_id, row.node_ids),
        dissent=row.dissent,
        state=CONCLUSION_STATES[row.state],
        allowed_transitions=verbs,
        adopt_time=row.adopt_time,
        **history(row),
    )


def recommendation_message(row: Recommendation, verbs: Sequence[str] = ()) -> forum_pb2.Recommendation:
    """Return a recommendation as a message, with the transitions that its reader may make."""
    message = forum_pb2.Recommendation(
        name=row.name,
        conclusion=name_of(Conclusion, row.forum_id, row.conclusion_id),
        title=row.title,
        text=row.text,
        language=row.language,
        owner_department=row.owner_department,
        due_date=date_message(row.due_date),
        evidence=row.evidence,
        state=RECOMMENDATION_STATES[row.state],
        allowed_transitions=verbs,
        implementer=row.implementer,
        verifier=row.verifier,
        verify_time=row.verify_time,
        forum_title=row.forum.title,
        **history(row),
    )
    if row.verdict:
        message.answer.verdict = VERDICTS[row.verdict]
        message.answer.reason = row.answer_reason
        message.answer.answerer = row.answerer
        if row.answer_time:
            message.answer.answer_time.CopyFrom(timestamp(row.answer_time))
    for former in row.former_answers:
        message.former_answers.add(
            verdict=VERDICTS[Verdict(former["verdict"])],
            reason=former["reason"],
            answerer=former["answerer"],
            answer_time=timestamp(datetime.fromisoformat(former["answer_time"])),
        )
    if row.return_time:
        message.last_return.reason = row.return_reason
        message.last_return.returner = row.returner
        message.last_return.return_time.CopyFrom(timestamp(row.return_time))
    return message
