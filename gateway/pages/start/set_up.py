"""What an installation begins with, in its order: what is entered, and what the reader enters next."""

from collections.abc import Callable
from dataclasses import dataclass

from austausch.accounts.v1 import accounts_pb2
from austausch.exchange.v1 import exchange_pb2
from flask import current_app
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth import account_rpc
from gateway.auth.permissions import may
from gateway.vocabulary import cities


@dataclass(frozen=True)
class Step:
    """
    One step of the set-up.

    Attributes:
        title: What it is about.
        text: What it is for, in a sentence.
        path: Address of the page on which one takes it.
        button: What the button to that page says.
        done: Whether something is entered.
    """

    title: str
    text: str
    path: str
    button: str
    done: bool


def is_begun() -> bool:
    """Return whether there is a visit already, or the reader may not know: then the set-up is over for them."""
    return not may("VisitService.ListVisits") or bool(
        rpc.visits.ListVisits(exchange_pb2.ListVisitsRequest(page_size=1)).visits
    )


def list_steps() -> list[Step]:
    """Return the steps that the reader may take, in their order; none for who may take none of them."""
    offers: list[tuple[str, Callable[[], Step]]] = [
        ("CityService.CreateCity", _offer_home_city),
        ("CityService.CreateCity", _offer_partner_cities),
        ("PartnershipService.CreatePartnership", _offer_partnership),
        ("RoomService.CreateRoom", _offer_rooms_and_people),
        ("AccountService.CreateAccount", _offer_accounts),
        ("ExchangeService.CreateExchange", _offer_exchange),
        ("VisitService.CreateVisit", _offer_visit),
    ]
    if not any(map(may, ("CityService.CreateCity", "AccountService.CreateAccount"))):
        return []  # a department does not set a platform up
    return [step() for method, step in offers if may(method)]


def _offer_home_city() -> Step:
    home = str(current_app.config["HOME_CITY"])
    return Step(
        _("Your own city"),
        _("Everything belongs to it: partnerships, exchanges, visits."),
        f"/cities/new?city={home}",
        _("Enter your own city"),
        home in cities.get_city_names(anew=True),
    )


def _offer_partner_cities() -> Step:
    return Step(
        _("Partner cities"),
        _("The cities that you work with, with their time zones, languages and public holidays."),
        "/cities/new",
        _("Enter a partner city"),
        bool(cities.list_other_cities()),
    )


def _offer_partnership() -> Step:
    partnerships = rpc.partnerships.ListPartnerships(exchange_pb2.ListPartnershipsRequest(page_size=1)).partnerships
    return Step(
        _("First partnership"),
        _("What binds the two cities, by contract or informally."),
        "/partnerships/new",
        _("Record a partnership"),
        bool(partnerships),
    )


def _offer_rooms_and_people() -> Step:
    rooms = rpc.rooms.ListRooms(exchange_pb2.ListRoomsRequest(page_size=1)).rooms
    people = rpc.people.ListPeople(exchange_pb2.ListPeopleRequest(page_size=1)).people if rooms else []
    return Step(
        _("Rooms and people"),
        _("What programmes book: where you receive guests, and hosts, interpreters, drivers."),
        "/people/new" if rooms else "/rooms/new",
        _("Enter a person") if rooms else _("Enter a room"),
        bool(rooms and people),
    )


def _offer_accounts() -> Step:
    accounts = account_rpc.accounts.ListAccounts(accounts_pb2.ListAccountsRequest(page_size=2)).accounts
    return Step(
        _("Accounts"),
        _("Who else may sign in: colleagues, departments, staff of partner cities, experts."),
        "/accounts/new",
        _("Create an account"),
        len(accounts) > 1,
    )


def _offer_exchange() -> Step:
    exchanges = rpc.exchanges.ListExchanges(exchange_pb2.ListExchangesRequest(page_size=1)).exchanges
    return Step(
        _("First exchange"),
        _("A series of visits on one subject, for example controlling or wastewater."),
        "/exchanges/new",
        _("Create an exchange"),
        bool(exchanges),
    )


def _offer_visit() -> Step:
    return Step(
        _("First visit"),
        _("Days, host department, delegation and programme. With it this list has done its work."),
        "/visits/new",
        _("Create a visit"),
        is_begun(),
    )
