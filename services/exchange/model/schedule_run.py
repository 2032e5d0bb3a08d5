"""Runs of the planner."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, DateTime, ForeignKey, Index, and_, or_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.model import Resource, Stateful, enum_column, now
from services.exchange.model.base import Base

LONGEST_SILENCE = timedelta(seconds=30)
"""A run under way of which nothing was heard for longer is not worked on any more."""


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    SCHEDULED = "scheduled"
    INFEASIBLE = "infeasible"
    UNDECIDED = "undecided"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    APPLIED = "applied"


OUTCOMES = (RunState.SCHEDULED, RunState.INFEASIBLE, RunState.UNDECIDED, RunState.INTERRUPTED)


class ScheduleRun(Stateful, Resource, Base):
    """
    A run of the planner on the programme of a visit.

    `options` are the fields of the message ``ScheduleRun`` that the caller set, `plan` those of ``ProgrammePlan``.
    `items` says how the programme was when the run began: id of each item → its `version` and `title`. `heard_time` is
    when the process that works on it last gave a sign of life.
    """

    __tablename__ = "schedule_runs"
    __table_args__ = (
        Index(None, "visit_id", "create_time", "id"),
        # One at a time: two would only take each other's processors.
        Index("uq_schedule_runs_running", "visit_id", unique=True, postgresql_where="state = 'running'"),
    )
    NAME = "visits/{visit_id}/scheduleRuns/{id}"
    TRANSITIONS = {
        "cancel": (frozenset({RunState.RUNNING}), RunState.CANCELLED),
        "apply": (
            frozenset({RunState.SCHEDULED, RunState.INFEASIBLE, RunState.CANCELLED, RunState.INTERRUPTED}),
            RunState.APPLIED,
        ),
    }

    visit_id: Mapped[str] = mapped_column(ForeignKey("visits.id", ondelete="CASCADE"))
    state: Mapped[RunState] = enum_column(RunState, default=RunState.RUNNING)
    options: Mapped[dict[str, Any]] = mapped_column(JSONB)
    items: Mapped[dict[str, dict[str, Any]]] = mapped_column(JSONB)
    plan: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    heard_time: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)

    @property
    def is_lost(self) -> bool:
        """Whether the process that worked on it is gone."""
        return self.state is RunState.RUNNING and self.heard_time < now() - LONGEST_SILENCE

    @property
    def present_state(self) -> RunState:
        """Its state, as it is for who asks now."""
        return RunState.INTERRUPTED if self.is_lost else self.state

    @classmethod
    def stands_in(cls, state: RunState) -> ColumnElement[bool]:
        """Return the condition that the present state of a run is a given one."""
        heard_since = now() - LONGEST_SILENCE
        if state is RunState.RUNNING:
            return and_(cls.state == state, cls.heard_time >= heard_since)
        if state is RunState.INTERRUPTED:
            return or_(cls.state == state, and_(cls.state == RunState.RUNNING, cls.heard_time < heard_since))
        return cls.state == state

    def allowed_transitions(self) -> list[str]:
        """Return the verbs that exist now: only what has a plan can be applied."""
        has_plan = bool(self.plan and self.plan.get("items"))
        state = self.present_state
        return [
            verb
            for verb, (sources, _) in self.TRANSITIONS.items()
            if state in sources and (verb != "apply" or has_plan)
        ]
