"""
Pages by their names: which the main navigation offers to the reader, which of them this page belongs to, and which are
found by what somebody types.
"""

import unicodedata

from flask import request

from gateway.auth.permissions import ADMINISTRATION_RPCS, may
from gateway.i18n.gettext import translate_later as _l

# The main navigation: path, label, and RPCs; who may call none of them is not shown the page.
NAVIGATION = [
    ("/", _l("Start"), ()),
    ("/partnerships", _l("Partnerships"), ("PartnershipService.ListPartnerships",)),
    ("/exchanges", _l("Exchanges"), ("ExchangeService.ListExchanges",)),
    ("/visits", _l("Visits"), ("VisitService.ListVisits",)),
    ("/forums", _l("Expert forums"), ("ForumService.ListForums",)),
    ("/learnings", _l("Learnings"), ("LearningService.ListLearnings",)),
    ("/administration", _l("Administration"), ADMINISTRATION_RPCS),
]

# Further pages that are found by their names, as above.
FOUND = [
    ("/visits/new", _l("New visit"), ("VisitService.CreateVisit",)),
    ("/exchanges/new", _l("New exchange"), ("ExchangeService.CreateExchange",)),
    ("/partnerships/new", _l("New partnership"), ("PartnershipService.CreatePartnership",)),
    ("/learnings/new", _l("Record a learning"), ("LearningService.CreateLearning",)),
    ("/forums/new", _l("New forum"), ("ForumService.CreateForum",)),
    ("/cities", _l("Cities"), ("CityService.ListCities",)),
    ("/cities/new", _l("New city"), ("CityService.CreateCity",)),
    ("/venues", _l("Venues"), ("VenueService.ListVenues",)),
    ("/venues/new", _l("New venue"), ("VenueService.CreateVenue",)),
    ("/rooms", _l("Rooms"), ("RoomService.ListRooms",)),
    ("/rooms/new", _l("New room"), ("RoomService.CreateRoom",)),
    ("/people", _l("People for programmes"), ("PersonService.ListPeople",)),
    ("/people/new", _l("New person"), ("PersonService.CreatePerson",)),
    (
        "/programmeTemplates",
        _l("Programme templates"),
        ("ProgrammeTemplateService.ListProgrammeTemplates",),
    ),
    ("/accounts", _l("Accounts"), ("AccountService.ListAccounts",)),
    ("/accounts/new", _l("New account"), ("AccountService.CreateAccount",)),
    ("/installations", _l("Installations"), ("InstallationService.ListInstallations",)),
    ("/installations/new", _l("Register an installation"), ("InstallationService.CreateInstallation",)),
    ("/account", _l("Your account"), ()),
    ("/status", _l("State of the platform"), ()),
    ("/api/reference", _l("Interface for programs (API)"), ()),
]

# Parts of a page of the navigation that have addresses of their own.
BELOW = {
    "/administration": ("/cities", "/venues", "/rooms", "/people", "/programmeTemplates", "/accounts", "/installations")
}


def list_offered() -> list[tuple[str, str]]:
    """Return (path, label) of the main navigation's pages that the reader may see."""
    return [(path, str(label)) for path, label, rpcs in NAVIGATION if not rpcs or any(map(may, rpcs))]


def find_pages(query: str) -> list[tuple[str, str]]:
    """Return (path, label) of the pages that the reader may see, of whose label each typed word begins a word."""
    typed = _fold(query).split()
    return [
        (path, str(label))
        for path, label, rpcs in (*NAVIGATION, *FOUND)
        if (not rpcs or any(map(may, rpcs))) and _has_beginnings(_fold(str(label)), typed)
    ]


def _has_beginnings(label: str, typed: list[str]) -> bool:
    return bool(typed) and all(f" {word}" in f" {label}" for word in typed)


def _fold(words: str) -> str:
    """Return words without case, accents and punctuation."""
    letters = (
        letter for letter in unicodedata.normalize("NFKD", words.casefold()) if not unicodedata.combining(letter)
    )
    return "".join(letter if letter.isalnum() else " " for letter in letters)


def is_offered(path: str) -> bool:
    """Return whether the navigation offers its page at `path` to the reader."""
    return path in dict(list_offered())


def is_current(path: str) -> bool:
    """Return whether this page belongs to the part of the navigation at `path`."""
    if path == "/":
        return request.path == path
    return any((request.path + "/").startswith(each + "/") for each in (path, *BELOW.get(path, ())))
