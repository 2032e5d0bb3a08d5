"""Learnings: what exchanges and forums taught, and how far it has come."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import FetchedValue

from chassis.errors import FailedPrecondition, FieldRequired, IllegalTransition, InvalidArgument, PermissionDenied
from chassis.model import Resource, Stateful, enum_column
from services.knowledge.model.base import Base


class LearningState(StrEnum):
    """How far a learning has come, in the order of the NATO Joint Analysis and Lessons Learned Centre."""

    OBSERVATION = "observation"
    INSIGHT = "insight"
    LESSON_IDENTIFIED = "lesson_identified"
    IMPLEMENTED = "implemented"
    VALIDATED = "validated"
    EMBEDDED = "embedded"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


class Visibility(StrEnum):
    """Who may read a learning: the home city, also partner cities, or anyone."""

    INTERNAL = "internal"
    PARTNERS = "partners"
    PUBLIC = "public"


def get_audience(visibility: Visibility, author: str) -> list[str]:
    """Return who may read a learning besides the home city: a visibility, its author."""
    return [visibility.value, author]


SET_ASIDE = frozenset({LearningState.REJECTED, LearningState.SUPERSEDED})
UNPROVEN = frozenset(
    {LearningState.OBSERVATION, LearningState.INSIGHT, LearningState.LESSON_IDENTIFIED, LearningState.IMPLEMENTED}
)
IN_USE = frozenset(LearningState) - SET_ASIDE
# The author of what a forum adopted. Such texts never change again.
FORUM_AUTHOR = "services/forum"
ADOPTED_FIELDS = frozenset({"title", "language", "observation", "discussion", "conclusion", "recommendation"})
# Somebody other than the author has confirmed it.
PROVEN = frozenset({LearningState.VALIDATED, LearningState.EMBEDDED})
# From here on it is known what is to be done, and who does it.
ASSIGNED = frozenset(
    {LearningState.LESSON_IDENTIFIED, LearningState.IMPLEMENTED, LearningState.VALIDATED, LearningState.EMBEDDED}
)


class Learning(Stateful, Resource, Base):
    """
    A lesson (Lernerfahrung) in ODCR form: observation, discussion, conclusion, recommendation.

    `source` is the name of the visit, forum, conclusion or recommendation that it comes from, or empty. The database
    writes `revision`, the id of the last transaction that changed the row, and notifies the channel `learnings`.
    `source_version` is the version of the recommendation that it has followed; 0 before. `successor` is the id of the
    learning that replaced it: empty unless it is superseded, and where that one was deleted. `installation_id` is the
    installation that published it here, at whose `original_uri` it is; of one of our own there is none.
    """

    __tablename__ = "learnings"
    __table_args__ = (
        CheckConstraint("title <> '' AND language <> '' AND observation <> ''", name="complete"),
        CheckConstraint(
            "state NOT IN ('lesson_identified', 'implemented', 'validated', 'embedded')"
            " OR (remedial_action <> '' AND owner <> '')",
            name="assigned",
        ),
        CheckConstraint(
            "state NOT IN ('validated', 'embedded') OR validator <> '' OR installation_id IS NOT NULL",
            name="validated_by",
        ),
        CheckConstraint("validator = '' OR validator <> author", name="validated_by_another"),
        CheckConstraint("(state = 'rejected') = (reject_reason <> '')", name="rejected_for"),
        CheckConstraint("state = 'superseded' OR successor = ''", name="superseded_by"),
        CheckConstraint("successor <> id", name="superseded_by_another"),
        CheckConstraint("application_count >= 0", name="application_count"),
        Index(None, "create_time"),
        Index(None, "update_time"),
        Index(None, "source", postgresql_ops={"source": "text_pattern_ops"}),
        Index(None, "revision", "id"),
        Index(None, "application_count", "id"),
        Index(None, "successor", postgresql_where="successor <> ''"),
        Index(None, "author"),
        Index(None, "owner"),
        Index(None, "topics", postgresql_using="gin"),
        Index(None, "cities", postgresql_using="gin"),
        Index(None, "installation_id", postgresql_where="installation_id IS NOT NULL"),
        Index("ix_learnings_own_public", "id", postgresql_where="installation_id IS NULL AND visibility = 'public'"),
    )
    NAME = "learnings/{id}"
    TRANSITIONS = {
        "analyze": (frozenset({LearningState.OBSERVATION}), LearningState.INSIGHT),
        "identify": (frozenset({LearningState.INSIGHT}), LearningState.LESSON_IDENTIFIED),
        "implement": (frozenset({LearningState.LESSON_IDENTIFIED}), LearningState.IMPLEMENTED),
        "validate": (frozenset({LearningState.IMPLEMENTED}), LearningState.VALIDATED),
        "embed": (frozenset({LearningState.VALIDATED}), LearningState.EMBEDDED),
        "reject": (UNPROVEN, LearningState.REJECTED),
        "supersede": (IN_USE, LearningState.SUPERSEDED),
    }

    title: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    observation: Mapped[str] = mapped_column(Text)
    discussion: Mapped[str] = mapped_column(Text, default="")
    conclusion: Mapped[str] = mapped_column(Text, default="")
    recommendation: Mapped[str] = mapped_column(Text, default="")
    topics: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    sdg_targets: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    cities: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    source: Mapped[str] = mapped_column(Text, default="")
    source_title: Mapped[str] = mapped_column(Text, default="")
    remedial_action: Mapped[str] = mapped_column(Text, default="")
    owner: Mapped[str] = mapped_column(Text, default="")
    department: Mapped[str] = mapped_column(Text, default="")
    author: Mapped[str] = mapped_column(Text)
    author_name: Mapped[str] = mapped_column(Text, default="")
    validator: Mapped[str] = mapped_column(Text, default="")
    validator_name: Mapped[str] = mapped_column(Text, default="")
    review_date: Mapped[date | None]
    visibility: Mapped[Visibility] = enum_column(Visibility, default=Visibility.INTERNAL)
    state: Mapped[LearningState] = enum_column(LearningState, default=LearningState.OBSERVATION)
    reject_reason: Mapped[str] = mapped_column(Text, default="")
    successor: Mapped[str] = mapped_column(Text, default="")
    source_version: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    application_count: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    installation_id: Mapped[str | None] = mapped_column(Text, ForeignKey("installations.id"))
    original_uri: Mapped[str] = mapped_column(Text, default="", server_default="")
    revision: Mapped[int] = mapped_column(BigInteger, FetchedValue(), FetchedValue(for_update=True))

    @property
    def audience(self) -> list[str]:
        """Who may read it besides the home city."""
        return get_audience(self.visibility, self.author)

    @property
    def text_adopted(self) -> bool:
        """Whether its text is what a forum adopted, and never changes again."""
        return self.author == FORUM_AUTHOR

    def edit(self, values: Mapping[str, Any]) -> None:
        """
        Change fields.

        Args:
            values: New value by column.

        Raises:
            IllegalTransition: It is rejected or superseded.
            FailedPrecondition: A text would change that a forum adopted; reason ADOPTED.
        """
        if self.state in SET_ASIDE:
            raise IllegalTransition("update", self.state.value.upper(), self.allowed_transitions())
        changed = self.list_changes(values)
        if self.text_adopted and changed.keys() & ADOPTED_FIELDS:
            raise FailedPrecondition(
                f"{self.name} says what a forum adopted; its text cannot be changed.", reason="ADOPTED"
            )
        self.assign(changed)

    def require_complete(self) -> None:
        """
        Raise where a field is empty that its state requires.

        Raises:
            FieldRequired: With each empty field.
        """
        required = ["title", "language", "observation"]
        if self.state in ASSIGNED:
            required += ["remedial_action", "owner"]
        empty = [f"learning.{field}" for field in required if not getattr(self, field).strip()]
        if empty:
            raise FieldRequired(*empty)

    def identify(self, remedial_action: str, owner: str) -> None:
        """
        Turn an insight into a lesson identified.

        Args:
            remedial_action: What is to be done.
            owner: Department that does it.

        Raises:
            IllegalTransition: It is not an insight.
        """
        self.transition("identify")
        self.remedial_action = remedial_action
        self.owner = owner

    def validate(self, validator: str, name: str) -> None:
        """
        Confirm that the remedial action works.

        Args:
            validator: Resource name of who confirms it.
            name: Their display name.

        Raises:
            PermissionDenied: They are the author; reason VALIDATED_BY_AUTHOR.
            IllegalTransition: It is not implemented.
        """
        if validator == self.author:
            message = "The author of a learning cannot validate it; someone else has to."
            raise PermissionDenied(message, reason="VALIDATED_BY_AUTHOR")
        self.transition("validate")
        self.validator = validator
        self.validator_name = name

    def reject(self, reason: str) -> None:
        """
        Set it aside.

        Args:
            reason: Why.

        Raises:
            IllegalTransition: It is validated, or set aside already.
        """
        self.transition("reject")
        self.reject_reason = reason

    def supersede(self, successor: "Learning") -> None:
        """
        Replace it by another.

        Raises:
            InvalidArgument: The other is itself; reason OWN_SUCCESSOR.
            FailedPrecondition: The other is set aside; reason SUCCESSOR_SET_ASIDE.
            IllegalTransition: It is set aside already.
        """
        if successor.id == self.id:
            raise InvalidArgument("successor", "must be another learning", reason="OWN_SUCCESSOR")
        if successor.state in SET_ASIDE:
            raise FailedPrecondition(
                f"{successor.name} is itself {successor.state.value} and cannot replace another learning.",
                reason="SUCCESSOR_SET_ASIDE",
                metadata={"successor": successor.name, "state": successor.state.value.upper()},
            )
        self.transition("supersede")
        self.successor = successor.id

    def follow_deletion(self, successor: "Learning") -> None:
        """
        Follow the deletion of the learning that replaced it: what had replaced that one, if any, replaces it, too.

        Args:
            successor: The learning that is deleted.
        """
        self.successor = successor.successor

    def follow_acceptance(self, remedial_action: str, owner: str, reason: str) -> None:
        """
        Follow the city's acceptance of the recommendation that it comes from: it becomes a lesson identified.

        Nothing changes where people have already taken it further or set it aside; so it is with all that it follows.
        Without an owner it stays an insight, until someone names one.

        Args:
            remedial_action: What the city does.
            owner: Department that does it; may be empty.
            reason: Why the city does it, or in which part.
        """
        if self.state not in {LearningState.OBSERVATION, LearningState.INSIGHT}:
            return
        self.discussion = self.discussion or reason
        if self.state is LearningState.OBSERVATION:
            self.transition("analyze")
        if owner.strip():
            self.identify(remedial_action, owner)

    def follow_rejection(self, reason: str, accepted: str = "") -> None:
        """
        Follow the city's rejection of the recommendation that it comes from.

        Args:
            reason: Why the city does not do it.
            accepted: Where an acceptance was corrected, the remedial action that came of it: it is taken back, too.
        """
        taken_back = self.state is LearningState.LESSON_IDENTIFIED and self.remedial_action == accepted
        if taken_back or self.state in {LearningState.OBSERVATION, LearningState.INSIGHT}:
            self.reject(reason)

    def follow_correction(self, reason: str, discussion: str) -> None:
        """
        Follow the correction of an answer: where it was a rejection, come back to an insight.

        Args:
            reason: Why the city had answered so.
            discussion: What the learning says instead, where it repeats that reason.
        """
        if self.state is LearningState.REJECTED and self.reject_reason == reason:
            self.state, self.reject_reason = LearningState.INSIGHT, ""
        if self.discussion == reason:
            self.discussion = discussion

    def follow_return(self) -> None:
        """Follow the recommendation that it comes from where that came back as not done."""
        if self.state is LearningState.IMPLEMENTED:
            self.state = LearningState.LESSON_IDENTIFIED

    def follow_implementation(self) -> None:
        """Follow the implementation of the recommendation that it comes from."""
        if self.state is LearningState.LESSON_IDENTIFIED:
            self.transition("implement")

    def follow_verification(self, validator: str, name: str) -> None:
        """
        Follow the verification of the recommendation that it comes from.

        Args:
            validator: Resource name of who verified it; where it is not known, nothing changes.
            name: Their display name.
        """
        if self.state is LearningState.IMPLEMENTED and validator not in ("", self.author):
            self.validate(validator, name)
