"""Recommendations and their way from the draft to the verified implementation."""

from collections.abc import Collection
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, ForeignKeyConstraint, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from chassis.errors import FailedPrecondition, IllegalTransition, InvalidArgument, PermissionDenied
from chassis.folded_names import index_folded_name, map_folded_name
from chassis.identity import same_department
from chassis.model import Resource, Stateful, enum_column, now
from services.forum.model.base import Base
from services.forum.model.conclusion import ConclusionGroup, select_accounts_sharing
from services.forum.model.forum import Forum
from services.forum.model.working_group import map_accounts

# An event carries them all.
MAX_CORRECTIONS = 10


class RecommendationState(StrEnum):
    """Where a recommendation stands."""

    DRAFT = "draft"
    ADOPTED = "adopted"
    ANSWERED = "answered"
    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    IMPLEMENTED = "implemented"
    VERIFIED = "verified"


# From here on it is known by when it is implemented; once it is verified, nothing changes.
PLANNED = frozenset({RecommendationState.PLANNED, RecommendationState.IN_PROGRESS, RecommendationState.IMPLEMENTED})


class Verdict(StrEnum):
    """Whether the city follows a recommendation."""

    ACCEPTED = "accepted"
    PARTLY = "partly"
    REJECTED = "rejected"


class Recommendation(Stateful, Resource, Base):
    """
    A recommendation (Empfehlung).

    `answerer`, `implementer`, `verifier` and `returner` are display names; `implementer_subject` is the resource name
    of the account that reported the implementation. All are "" before. `former_answers` are the answers that were
    corrected, oldest first, each with `verdict`, `reason`, `answerer` and `answer_time` (ISO 8601).
    """

    __tablename__ = "recommendations"
    __table_args__ = (
        ForeignKeyConstraint(["forum_id", "conclusion_id"], ["conclusions.forum_id", "conclusions.id"]),
        Index(None, "forum_id", "conclusion_id"),
        Index(None, "owner_department"),
        index_folded_name("recommendations"),
        CheckConstraint("(verdict IS NULL) = (state IN ('draft', 'adopted'))", name="verdict_when_answered"),
        CheckConstraint("verdict IS DISTINCT FROM 'rejected' OR state = 'answered'", name="rejected_stays_answered"),
        CheckConstraint("(state = 'verified') = (verify_time IS NOT NULL)", name="verify_time_when_verified"),
        CheckConstraint("(return_time IS NULL) = (return_reason = '')", name="returned_for"),
    )
    NAME = "forums/{forum_id}/recommendations/{id}"
    # From draft to adopted leads `adopt`, which belongs to the conclusion.
    TRANSITIONS = {
        "answer": (frozenset({RecommendationState.ADOPTED}), RecommendationState.ANSWERED),
        "correct": (frozenset({RecommendationState.ANSWERED}), RecommendationState.ANSWERED),
        "plan": (frozenset({RecommendationState.ANSWERED}), RecommendationState.PLANNED),
        "start": (frozenset({RecommendationState.PLANNED}), RecommendationState.IN_PROGRESS),
        "implement": (frozenset({RecommendationState.IN_PROGRESS}), RecommendationState.IMPLEMENTED),
        "verify": (frozenset({RecommendationState.IMPLEMENTED}), RecommendationState.VERIFIED),
        "return": (frozenset({RecommendationState.IMPLEMENTED}), RecommendationState.IN_PROGRESS),
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
    former_answers: Mapped[list[dict[str, str]]] = mapped_column(JSONB, default=list)
    return_reason: Mapped[str] = mapped_column(Text, default="")
    returner: Mapped[str] = mapped_column(Text, default="")
    return_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    folded_name: Mapped[str] = map_folded_name("title")

    forum: Mapped[Forum] = relationship(lazy="joined", innerjoin=True)

    @declared_attr
    def writers(cls) -> Mapped[list[str]]:
        """Accounts of the experts who write for a group that shares its conclusion."""
        own = (ConclusionGroup.forum_id == cls.forum_id, ConclusionGroup.conclusion_id == cls.conclusion_id)
        return map_accounts(select_accounts_sharing().where(*own))

    def allowed_transitions(self) -> list[str]:
        """Return the verbs that exist from the present state: once it is rejected, only the answer can be corrected."""
        return ["correct"] if self.verdict is Verdict.REJECTED else super().allowed_transitions()

    def transition(self, verb: str) -> None:
        """
        Change the state.

        Raises:
            IllegalTransition: The verb does not start from the present state, or the recommendation was rejected.
        """
        if verb not in self.allowed_transitions():
            raise IllegalTransition(verb, self.state.value.upper(), self.allowed_transitions())
        super().transition(verb)

    def require_unverified(self) -> None:
        """
        Raise unless anything of it may still be changed.

        Raises:
            FailedPrecondition: It is verified; reason VERIFIED.
        """
        if self.state is RecommendationState.VERIFIED:
            raise FailedPrecondition("The recommendation is verified and cannot be changed.", reason="VERIFIED")

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

    def correct(self, verdict: Verdict, reason: str, answerer: str) -> None:
        """
        Replace the answer, and keep the one before.

        Raises:
            IllegalTransition: It is not answered, or planned already.
            FailedPrecondition: It was corrected `MAX_CORRECTIONS` times; reason ANSWER_CORRECTED_TOO_OFTEN.
        """
        self.transition("correct")
        former = self.former_answers or []
        if len(former) >= MAX_CORRECTIONS:
            raise FailedPrecondition(
                f"The answer was corrected {MAX_CORRECTIONS} times already.",
                reason="ANSWER_CORRECTED_TOO_OFTEN",
                metadata={"corrections": str(len(former))},
            )
        if self.verdict and self.answer_time:
            answer = {"verdict": self.verdict.value, "reason": self.answer_reason, "answerer": self.answerer}
            self.former_answers = [*former, {**answer, "answer_time": self.answer_time.isoformat()}]
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
        self._require_due_date("due_date")

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
        self._require_evidence("evidence")
        self.implementer, self.implementer_subject = implementer, subject

    def require_kept(self, fields: Collection[str]) -> None:
        """
        Raise where a field that was changed is empty, and was needed to come as far as it has.

        Raises:
            InvalidArgument: It is planned, and has no due date (reason DUE_DATE_REQUIRED), or implemented, and has no
                evidence (EVIDENCE_REQUIRED).
        """
        if "due_date" in fields and self.state in PLANNED:
            self._require_due_date("recommendation.due_date")
        if "evidence" in fields and self.state is RecommendationState.IMPLEMENTED:
            self._require_evidence("recommendation.evidence")

    def _require_due_date(self, field: str) -> None:
        if self.due_date is None:
            message = "A planned recommendation needs a day by which it is implemented."
            raise InvalidArgument(field, message, reason="DUE_DATE_REQUIRED")

    def _require_evidence(self, field: str) -> None:
        if not self.evidence.strip():
            message = "What shows that the recommendation is implemented?"
            raise InvalidArgument(field, message, reason="EVIDENCE_REQUIRED")

    def send_back(self, reason: str, returner: str) -> None:
        """
        Say that the implementation which was reported is not done: it goes on.

        Args:
            reason: Why.
            returner: Display name of who says so.

        Raises:
            IllegalTransition: It is not implemented.
        """
        self.transition("return")
        self.return_reason, self.returner, self.return_time = reason, returner, now()

    def may_be_verified_by(self, subject: str, department: str) -> bool:
        """
        Return whether an account neither reported the implementation nor is a member of the owner department.

        Args:
            subject: Resource name of the account.
            department: Department of which it is a member; "" for one that only coordinates. The international office
                may own a recommendation itself: there, one of it verifies what another reported.
        """
        return not same_department(self.owner_department, department) and subject != self.implementer_subject

    def verify(self, verifier: str, subject: str, department: str) -> None:
        """
        Confirm the implementation.

        Args:
            verifier: Display name of who confirms it.
            subject: Resource name of that account.
            department: As for `may_be_verified_by`.

        Raises:
            PermissionDenied: It reported the implementation (reason VERIFIER_IS_IMPLEMENTER), or is a member of the
                owner department (reason VERIFIER_IS_OWNER).
            IllegalTransition: It is not implemented.
        """
        if subject == self.implementer_subject:
            message = "A recommendation is verified by someone other than who reported its implementation."
            metadata = {"implementer": self.implementer}
            raise PermissionDenied(message, reason="VERIFIER_IS_IMPLEMENTER", metadata=metadata)
        if not self.may_be_verified_by(subject, department):
            message = "A recommendation is verified by someone other than its owner."
            metadata = {"department": self.owner_department}
            raise PermissionDenied(message, reason="VERIFIER_IS_OWNER", metadata=metadata)
        self.transition("verify")
        self.verifier, self.verify_time = verifier, now()
