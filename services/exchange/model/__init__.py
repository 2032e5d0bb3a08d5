"""The exchange service's tables, by aggregate, with their invariants, states and transitions. No I/O."""

from services.exchange.model.agenda import NO_DOUBLE_BOOKING, AgendaItem, Booking, Precedence, Transport
from services.exchange.model.base import Base
from services.exchange.model.city import City, Location
from services.exchange.model.consent import ConsentStep
from services.exchange.model.delegate import Delegate, Group
from services.exchange.model.exchange import Exchange, ExchangeKind
from services.exchange.model.partnership import Partnership, PartnershipKind, PartnershipState
from services.exchange.model.person import Person
from services.exchange.model.room import Room
from services.exchange.model.schedule_run import RunState, ScheduleRun
from services.exchange.model.visit import Direction, Visit, VisitState
from services.exchange.model.visit_lesson import Decision, VisitLesson

__all__ = [
    "NO_DOUBLE_BOOKING",
    "AgendaItem",
    "Base",
    "Booking",
    "City",
    "ConsentStep",
    "Decision",
    "Delegate",
    "Direction",
    "Exchange",
    "ExchangeKind",
    "Group",
    "Location",
    "Partnership",
    "PartnershipKind",
    "PartnershipState",
    "Person",
    "Precedence",
    "Room",
    "RunState",
    "ScheduleRun",
    "Transport",
    "Visit",
    "VisitLesson",
    "VisitState",
]
