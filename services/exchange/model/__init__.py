"""The exchange service's tables, by aggregate, with their invariants, states and transitions. No I/O."""

from services.exchange.model.agenda import NO_DOUBLE_BOOKING, AgendaItem, Booking, Precedence, Transport
from services.exchange.model.base import Base
from services.exchange.model.calendar import Calendar, CalendarKind, CalendarState
from services.exchange.model.city import City
from services.exchange.model.consent import ConsentStep
from services.exchange.model.date_option import Answer, DateOption
from services.exchange.model.delegate import Delegate, Group
from services.exchange.model.exchange import Exchange, ExchangeKind
from services.exchange.model.location import Location
from services.exchange.model.partnership import Partnership, PartnershipKind, PartnershipState
from services.exchange.model.person import Person
from services.exchange.model.programme_template import ProgrammeTemplate
from services.exchange.model.room import Room
from services.exchange.model.schedule_run import RunState, ScheduleRun
from services.exchange.model.venue import Venue, Way
from services.exchange.model.visit import Visit
from services.exchange.model.visit_lesson import Decision, VisitLesson
from services.exchange.model.visit_state import Direction, VisitState

__all__ = [
    "NO_DOUBLE_BOOKING",
    "AgendaItem",
    "Answer",
    "Base",
    "Booking",
    "Calendar",
    "CalendarKind",
    "CalendarState",
    "City",
    "ConsentStep",
    "DateOption",
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
    "ProgrammeTemplate",
    "Room",
    "RunState",
    "ScheduleRun",
    "Transport",
    "Venue",
    "Visit",
    "VisitLesson",
    "VisitState",
    "Way",
]
