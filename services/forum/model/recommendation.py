"""Recommendations and their way from the draft to the verified implementation."""

from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, ForeignKeyConstraint, Index, Text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from chassis.errors import FailedPrecondition, IllegalTransition, InvalidArgument, PermissionDenied
from chassis.identity import same_department
from chassis.model import Resource, Stateful, enum_column, now
from services.forum.model.base import Base
from services.forum.model.conclusion import SharedBy, accounts_sharing
from services.forum.model.forum import Forum
from services.forum.model.working_group import read_along


class RecommendationState(StrEnum):
    """Where a recommendation stands."""

    DRAFT = "draft"
    ADOPTED = "adopted"
    ANSWERED = "answered"
    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    IMPLEMENTED = "implemented"
    VERIFIED = "verified"


class Verdict(StrEnum):
    """Whether the city follows a recommendation."""

    ACCEPTED = "accepted"
    PARTLY = "partly"
    REJECTED = "rejected"


class Recommendation(Stateful, Resource, Base):
    """
    A recommendation (Empfehlung).

    `answerer`, `implementer` and `verifier` are display names; `implementer_subject` is the resource name of the
    account that reported the implementation. All are "" before.
    """

    __tablename__ = "recommendations"
    __table_args__ = (
        ForeignKeyConstraint(["forum_id", "conclusion_id"], ["conclusions.forum_id", "conclusions.id"]),
        Index(None, "forum_id", "conclusion_id"),
        Index(None, "owner_department"),
        CheckConstraint("(verdict IS NULL) = (state IN ('draft', 'adopted'))", name="verdict_when_answered"),
        CheckConstraint("verdict IS DISTINCT FROM 'rejected' OR state = 'answered'", name="rejected_stays_answered"),
        CheckConstraint("(state = 'verified') = (verify_time IS NOT NULL)", name="verify_time_when_verified"),
    )
    NAME = "forums/{forum_id}/recommendations/{id}"
    # From draft to adopted leads `adopt`, which belongs to the conclusion.
    TRANSITIONS: ClassVar = {
        "answer": (frozenset({RecommendationState.ADOPTED}), RecommendationState.ANSWERED),
        "plan": (frozenset({RecommendationState.ANSWERED}), RecommendationState.PLANNED),
        "start": (frozenset({RecommendationState.PLANNED}), RecommendationState.IN_PROGRESS),
        "implement": (frozenset({RecommendationState.IN_PROGRESS}), RecommendationState.IMPLEMENTED),
        "verify": (frozenset({RecommendationState.IMPLEMENTED}), RecommendationState.VERIFIED),
    }

    forum_id: Mapped[str] = mapped_column(ForeignKey("forums.id"), primary_key=True)
    conclusion_id: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    owner_department: Mapped[str] = mapped_column(Text, default="")
    due_date: Mapped[date | None]
    evidence: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[RecommendationState] = enum_column(RecommendationState, default=RecommendationState.DRAFT)
    verdict: Mapped[Verdict | None] = enum_column(Verdict, nullable=True)
    answer_reason: Mapped[str] = mapped_column(Text, default="")
    answerer: Mapped[str] = mapped_column(Text, default="")
    answer_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    implementer: Mapped[str] = mapped_column(Text, default="")
    implementer_subject: Mapped[str] = mapped_column(Text, default="")
    verifier: Mapped[str] = mapped_column(Text, default="")
    verify_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    forum: Mapped[Forum] = relationship(lazy="joined", innerjoin=True)

    @declared_attr
    def writers(cls) -> Mapped[list[str]]:
        """Accounts of the experts who write for a group that shares its conclusion."""
        own = (SharedBy.forum_id == cls.forum_id, SharedBy.conclusion_id == cls.conclusion_id)
        return read_along(accounts_sharing().where(*own))

    def allowed_transitions(self) -> list[str]:
        """Return the verbs that exist from the present state: none once it is rejected."""
        return [] if self.verdict is Verdict.REJECTED else super().allowed_transitions()

    def transition(self, verb: str) -> None:
        """
        Change the state.

        Raises:
            IllegalTransition: The verb does not start from the present state, or the recommendation was rejected.
        """
        if self.verdict is Verdict.REJECTED:
            raise IllegalTransition(verb, self.state.value.upper(), [])
        super().transition(verb)

    def require_draft(self) -> None:
        """
        Raise unless the text may still be changed.

        Raises:
            FailedPrecondition: It is adopted; reason ADOPTED.
        """
        if self.state is not RecommendationState.DRAFT:
            raise FailedPrecondition("The recommendation is adopted; its text cannot be changed.", reason="ADOPTED")

    def adopt(self) -> None:
        """
        Adopt a draft, together with its conclusion.

        Raises:
            FailedPrecondition: It is no draft; reason ADOPTED.
        """
        self.require_draft()
        self.state = RecommendationState.ADOPTED

    def answer(self, verdict: Verdict, reason: str, answerer: str) -> None:
        """
        Answer for the city.

        Raises:
            IllegalTransition: It is not adopted, or answered already.
        """
        self.transition("answer")
        self.verdict, self.answer_reason = verdict, reason
        self.answerer, self.answer_time = answerer, now()

    def plan(self, due_date: date | None) -> None:
        """
        Plan the implementation, due on the given day or the one that is stored.

        Raises:
            IllegalTransition: It is not answered, or rejected.
            InvalidArgument: No day is given nor stored; reason DUE_DATE_REQUIRED.
        """
        self.transition("plan")
        self.due_date = due_date or self.due_date
        if self.due_date is None:
            message = "A planned recommendation needs a day by which it is implemented."
            raise InvalidArgument("due_date", message, reason="DUE_DATE_REQUIRED")

    def start(self) -> None:
        """
        Begin the implementation.

        Raises:
            IllegalTransition: It is not planned.
        """
        self.transition("start")

    def implement(self, evidence: str, implementer: str, subject: str) -> None:
        """
        Report the implementation, with the given evidence or that which is stored.

        Args:
            evidence: What shows it; "" keeps what is stored.
            implementer: Display name of who reports it.
            subject: Resource name of that account.

        Raises:
            IllegalTransition: It is not in progress.
            InvalidArgument: No evidence is given nor stored; reason EVIDENCE_REQUIRED.
        """
        self.transition("implement")
        self.evidence = evidence or self.evidence
        if not self.evidence:
            message = "What shows that the recommendation is implemented?"
            raise InvalidArgument("evidence", message, reason="EVIDENCE_REQUIRED")
        self.implementer, self.implementer_subject = implementer, subject

    def may_be_verified_by(self, subject: str, department: str) -> bool:
        """Tell whether an account is neither of the owner department nor the one that reported the implementation."""
        return not same_department(self.owner_department, department) and subject != self.implementer_subject

    def verify(self, verifier: str, subject: str, department: str) -> None:
        """
        Confirm the implementation.

        Args:
            verifier: Display name of who confirms it.
            subject: Resource name of that account.
            department: Its department; "" for none.

        Raises:
            PermissionDenied: The verifier is the owner, or reported the implementation; reason VERIFIED_BY_OWNER.
            IllegalTransition: It is not implemented.
        """
        if not self.may_be_verified_by(subject, department):
            message = "A recommendation is verified by someone other than its owner."
            raise PermissionDenied(message, reason="VERIFIED_BY_OWNER")
        self.transition("verify")
        self.verifier, self.verify_time = verifier, now()
