"""The exchange service's process: ``python -m services.exchange`` serves, with ``migrate`` it migrates its database."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from austausch.exchange.v1 import (
    calendars_pb2_grpc,
    date_options_pb2_grpc,
    lessons_pb2_grpc,
    person_calendars_pb2_grpc,
    programme_templates_pb2_grpc,
    schedule_runs_pb2_grpc,
    scheduling_pb2_grpc,
    venues_pb2_grpc,
)
from austausch.exchange.v1 import exchange_pb2_grpc as contract

from chassis import server
from chassis.database import Database
from chassis.setting_types import City, NotNegative, Positive, WhenServing, at_least
from chassis.settings import ServiceSettings, load
from services.exchange.calendar_fetching import CalendarFetcher, Permission
from services.exchange.calendar_process import CalendarReader
from services.exchange.calendar_refresh import CalendarRefresh
from services.exchange.events import HANDLERS
from services.exchange.planner_pool import PlannerPool
from services.exchange.schedule_runs import RunsUnderWay
from services.exchange.school_holidays import SchoolHolidays
from services.exchange.service.agenda_items import AgendaItemServicer
from services.exchange.service.calendars import CalendarServicer
from services.exchange.service.cities import CityServicer
from services.exchange.service.date_options import DateOptionServicer
from services.exchange.service.delegates import DelegateServicer
from services.exchange.service.exchanges import ExchangeServicer
from services.exchange.service.names import ExchangeNameServicer
from services.exchange.service.partnerships import PartnershipServicer
from services.exchange.service.people import PersonServicer
from services.exchange.service.person_calendars import PersonCalendarServicer
from services.exchange.service.programme_templates import ProgrammeTemplateServicer
from services.exchange.service.programmes import ProgrammeServicer
from services.exchange.service.rooms import RoomServicer
from services.exchange.service.schedule_runs import ScheduleRunServicer
from services.exchange.service.scheduling import SchedulingServicer
from services.exchange.service.venues import VenueServicer
from services.exchange.service.visit_lessons import VisitLessonServicer
from services.exchange.service.visits import VisitServicer
from services.exchange.ways import Pace

NAME = "exchange"


@dataclass(frozen=True, kw_only=True)
class ExchangeSettings(ServiceSettings):
    """What the exchange service can be told."""

    home_city: City = "cities/mannheim"
    """The city that this installation serves."""
    school_holidays: Annotated[Path, WhenServing(SchoolHolidays)] | None = None
    """A folder with the school holidays of each country, ``DE.json``, as OpenHolidays has them; none if empty."""
    calendars_allowed: Annotated[str, Permission.parse] = ""
    """Hosts and networks (``10.2.0.0/16``), divided by commas, that calendars may come from beside the internet."""
    calendars_by_http: bool = False
    """Whether calendars may be fetched by http, which anybody on the way can read."""
    walking_speed: Positive = Pace.walking_speed
    """How far people walk, in metres a minute, where the way between two venues is estimated."""
    vehicle_speed: Positive = Pace.vehicle_speed
    """How far a vehicle gets in the city, in metres a minute, stops included."""
    longest_walk: NotNegative = Pace.longest_walk
    """Metres up to which people walk from one venue to another."""
    detour_percent: Annotated[int, at_least(100)] = Pace.detour_percent
    """How long a way is, in percent of the distance as the crow flies."""


def build(settings: ExchangeSettings) -> server.Service:
    """Wire the service up."""
    database = Database(settings.database_url, settings.pool_size)
    planners = PlannerPool()
    runs = RunsUnderWay(database, planners)
    reader = CalendarReader()
    fetcher = CalendarFetcher(settings.calendars_allowed, allows_http=settings.calendars_by_http)
    refresh = CalendarRefresh(database, settings.home_city, fetcher, reader)
    pace = Pace(
        walking_speed=settings.walking_speed,
        vehicle_speed=settings.vehicle_speed,
        longest_walk=settings.longest_walk,
        detour_percent=settings.detour_percent,
    )
    return server.Service(
        name=NAME,
        settings=settings,
        database=database,
        servicers=[
            (contract.add_CityServiceServicer_to_server, CityServicer(database, settings.home_city)),
            (contract.add_PartnershipServiceServicer_to_server, PartnershipServicer(database, settings.home_city)),
            (contract.add_ExchangeServiceServicer_to_server, ExchangeServicer(database)),
            (contract.add_VisitServiceServicer_to_server, VisitServicer(database, settings.home_city)),
            (contract.add_DelegateServiceServicer_to_server, DelegateServicer(database)),
            (contract.add_AgendaItemServiceServicer_to_server, AgendaItemServicer(database)),
            (contract.add_ProgrammeServiceServicer_to_server, ProgrammeServicer(database, pace)),
            (contract.add_RoomServiceServicer_to_server, RoomServicer(database, settings.home_city)),
            (contract.add_PersonServiceServicer_to_server, PersonServicer(database)),
            (contract.add_ExchangeNameServiceServicer_to_server, ExchangeNameServicer(database)),
            (
                calendars_pb2_grpc.add_CalendarServiceServicer_to_server,
                CalendarServicer(database, settings.home_city, SchoolHolidays(settings.school_holidays), reader),
            ),
            (
                person_calendars_pb2_grpc.add_PersonCalendarServiceServicer_to_server,
                PersonCalendarServicer(database, refresh),
            ),
            (
                programme_templates_pb2_grpc.add_ProgrammeTemplateServiceServicer_to_server,
                ProgrammeTemplateServicer(database),
            ),
            (date_options_pb2_grpc.add_DateOptionServiceServicer_to_server, DateOptionServicer(database)),
            (lessons_pb2_grpc.add_VisitLessonServiceServicer_to_server, VisitLessonServicer(database)),
            (scheduling_pb2_grpc.add_SchedulingServiceServicer_to_server, SchedulingServicer(planners)),
            (
                schedule_runs_pb2_grpc.add_ScheduleRunServiceServicer_to_server,
                ScheduleRunServicer(database, planners, runs, pace),
            ),
            (
                venues_pb2_grpc.add_VenueServiceServicer_to_server,
                VenueServicer(database, settings.home_city, pace),
            ),
        ],
        handlers=HANDLERS,
        tasks=[runs.work, refresh.work],
    )


if __name__ == "__main__":
    server.main(NAME, lambda: load(ExchangeSettings, NAME), build)
