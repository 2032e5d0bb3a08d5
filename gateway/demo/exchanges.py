"""The two exchanges that the text names: a visit each with what it taught, and the next one; venues, rooms, people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from austausch.exchange.v1.exchange_pb2 import Debrief, DebriefEntry, Exchange, Person, Room
from austausch.exchange.v1.venues_pb2 import Venue
from google.type.dayofweek_pb2 import FRIDAY, MONDAY, SATURDAY, THURSDAY, TUESDAY, WEDNESDAY
from google.type.latlng_pb2 import LatLng

OVER = ("agree", "plan", "confirm", "start", "report", "close")
PLANNED = ("agree", "plan")
CONFIRMED = (*PLANNED, "confirm")


@dataclass(frozen=True)
class DemoItem:
    """
    An item of a programme.

    Attributes:
        day: Of the visit, from 0.
        hour: When it starts, as the clocks of the host show it.
        room: Id of the room; "" for none.
        delegations: Cities whose delegations take part; the whole delegation does where it is empty.
    """

    title: str
    day: int
    hour: int
    room: str = ""
    minutes: int = 90
    place: str = ""
    delegations: tuple[str, ...] = ()


Guests = tuple[tuple[str, tuple[str, ...]], ...]  # function, languages


@dataclass(frozen=True)
class DemoVisit:
    """
    A visit, from a Monday on, with delegation and agenda.

    Attributes:
        begins: Its Monday; or how far ahead of the day of loading it lies at least, or behind it; None where its dates
            are open.
        course: Verbs of the transitions that it has made.
        delegates: Who travels for the city of the exchange; for the home city where `is_outgoing`.
        other_delegations: Who travels for other cities, by their ids.
        interpreter: Id of who interprets all of its items; "" for nobody.
        debrief: What it taught; None before it is reported.
        reason: Why it was cancelled.
        wishes: Items for the whole delegation that are still to be planned, from the welcome to the debrief, and how
            many minutes they take.
        kept_as: Title of the template as which its programme is kept; "" where it is not.
    """

    title: str
    begins: date | timedelta | None
    course: tuple[str, ...]
    host_department: str
    purpose: str
    delegates: Guests
    agenda: tuple[DemoItem, ...]
    interpreter: str = ""
    interpretation: tuple[str, ...] = ()
    debrief: Debrief | None = None
    reason: str = ""
    wishes: tuple[tuple[str, int], ...] = ()
    kept_as: str = ""
    is_outgoing: bool = False
    lasts: timedelta = timedelta(days=3)
    other_delegations: Mapping[str, Guests] = field(default_factory=dict)

    def first_day(self, today: date) -> date | None:
        """Return the Monday on which it begins, when the demo data is loaded today; None where that is open."""
        if self.begins is None or isinstance(self.begins, date):
            return self.begins
        earliest = today + self.begins
        return earliest + timedelta(days=-earliest.weekday() % 7)


@dataclass(frozen=True)
class DemoExchange:
    """An exchange with one city, and its visits, the first one first."""

    city: str
    exchange: Exchange
    visits: tuple[DemoVisit, ...]


WORKDAYS = (MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)
VENUES = {
    "stadthaus-n-1": Venue(
        display_name="Stadthaus N 1",
        address="N 1, Mannheim (die Öffnungszeiten sind ein Beispiel)",
        location=LatLng(latitude=49.4871, longitude=8.4655),
        step_free=True,
        opening_hours=[
            Venue.OpeningHours(weekday=day, start_time="07:00", end_time="20:00") for day in (*WORKDAYS, SATURDAY)
        ],
    ),
    "rathaus-e-5": Venue(
        display_name="Rathaus E 5",
        address="E 5, Mannheim (die Öffnungszeiten sind ein Beispiel)",
        location=LatLng(latitude=49.4899, longitude=8.4628),
        step_free=True,
        opening_hours=[Venue.OpeningHours(weekday=day, start_time="08:00", end_time="18:00") for day in WORKDAYS],
    ),
}
ROOMS = {
    "ratssaal": Room(
        display_name="Ratssaal",
        venue="venues/stadthaus-n-1",
        address="Stadthaus N 1, Mannheim",
        seats=60,
        step_free=True,
    ),
    "besprechungsraum": Room(
        display_name="Besprechungsraum des Internationalen Büros",
        venue="venues/rathaus-e-5",
        address="Rathaus E 5, Mannheim",
        seats=14,
        step_free=True,
    ),
    **{
        f"sitzungszimmer-{number}": Room(
            display_name=f"Sitzungszimmer {number}",
            venue="venues/stadthaus-n-1",
            address="Stadthaus N 1, Mannheim",
            seats=20,
            step_free=True,
        )
        for number in (1, 2, 3)
    },
}
PEOPLE = {
    "internationales-buero": Person(
        function="Leitung Internationales Büro", department="Internationales Büro", languages=["de", "en"]
    ),
    "dezernatscontrolling": Person(
        function="Dezernatscontrolling", department="Dezernatscontrolling", languages=["de", "en"]
    ),
    "dolmetschen-englisch": Person(
        function="Dolmetschen Englisch–Deutsch", languages=["en", "de"], language_pairs=["de-en"]
    ),
    "dolmetschen-arabisch": Person(
        function="Dolmetschen Arabisch–Deutsch", languages=["ar", "de"], language_pairs=["ar-de"]
    ),
    "dolmetschen-polnisch": Person(
        function="Dolmetschen Polnisch–Deutsch", languages=["pl", "de"], language_pairs=["de-pl"]
    ),
    "dolmetschen-chinesisch": Person(
        function="Dolmetschen Chinesisch–Deutsch", languages=["zh", "de"], language_pairs=["de-zh"]
    ),
}

SWANSEA_CAME = DemoVisit(
    title="Controller aus Swansea in Mannheim",
    begins=date(2024, 5, 13),
    course=OVER,
    host_department="Dezernatscontrolling",
    purpose="Erfahrungen mit dem Controlling austauschen. (Die Tage sind ein Beispiel.)",
    delegates=(("Head of controlling", ("en",)), ("Directorate controller", ("en", "cy"))),
    agenda=(
        DemoItem("Begrüßung durch das Internationale Büro", 0, 9, "besprechungsraum"),
        DemoItem("Controlling in den Dezernaten", 0, 11, "ratssaal"),
        DemoItem("Controlling in Swansea", 1, 10, "ratssaal"),
        DemoItem("Nachbereitung", 3, 10, "besprechungsraum"),
    ),
    interpreter="dolmetschen-englisch",
    interpretation=("en", "de"),
    kept_as="Fachbesuch von vier Tagen",
    debrief=Debrief(
        summary="Die Dezernatscontroller und ihre Kollegen aus Swansea haben ihre Erfahrungen ausgetauscht.",
        entries=[
            DebriefEntry(
                title="Verwaltungsaustausch festigt eine Städtepartnerschaft",
                language="de",
                observation="Ein Erfahrungsaustausch der Dezernatscontroller mit den jeweiligen Kollegen aus "
                "der walisischen Partnerstadt Swansea stand auf dem Programm.",
                discussion="Die Beziehungen deutscher Kommunen zu ihren Partnerstädten bestehen naturgemäß "
                "schwerpunktmäßig aus Schüler- oder Kulturaustauschen sowie Freundschaftsbesuchen.",
                conclusion="Neben den klassischen Partnerschaftsaktivitäten festigt der Verwaltungsaustausch "
                "diese Besuche noch stärker.",
                recommendation="Den Verwaltungsaustausch neben den klassischen Partnerschaftsaktivitäten einplanen.",
                topics=["controlling", "administrative-exchange"],
                visibility=DebriefEntry.VISIBILITY_PARTNERS,
            ),
            DebriefEntry(
                title="Colleagues in the same function make a visit an exchange of knowledge",
                language="en",
                observation="Mannheim's directorate controllers exchanged their experience with their "
                "respective colleagues from the Welsh partner city of Swansea.",
                conclusion="When those who do the same work in both administrations meet, a partnership's "
                "visits become a structured exchange of knowledge.",
                recommendation="Bring together the controllers of both cities, function by function.",
                topics=["controlling", "administrative-exchange"],
                visibility=DebriefEntry.VISIBILITY_PARTNERS,
            ),
        ],
    ),
)
SWANSEA_COMES = DemoVisit(
    title="Zweiter Besuch der Controller aus Swansea",
    begins=timedelta(weeks=2),
    course=CONFIRMED,
    host_department="Dezernatscontrolling",
    purpose="Den Erfahrungsaustausch der Dezernatscontroller fortsetzen. (Der Besuch ist ein Beispiel.)",
    delegates=(("Head of controlling", ("en",)), ("Directorate controller", ("en", "cy"))),
    agenda=(
        DemoItem("Begrüßung durch das Internationale Büro", 0, 14, "besprechungsraum"),
        DemoItem("Steuerung in den Dezernaten", 1, 14, "besprechungsraum"),
        DemoItem("Nachbereitung", 3, 14, "besprechungsraum"),
    ),
    interpreter="dolmetschen-englisch",
    interpretation=("en", "de"),
)
SWANSEA_IS_TO_BE_PLANNED = DemoVisit(
    title="Dritter Besuch der Controller aus Swansea: Programm noch zu planen",
    begins=timedelta(weeks=10),
    course=("agree",),
    host_department="Dezernatscontrolling",
    purpose="An diesem Besuch lässt sich die Planung ausprobieren. (Der Besuch ist ein Beispiel.)",
    delegates=(("Head of controlling", ("en",)), ("Directorate controller", ("en", "cy"))),
    agenda=(),
    wishes=(
        ("Begrüßung durch das Internationale Büro", 45),
        ("Steuerung über Kennzahlen", 90),
        ("Haushalt und Produkte", 90),
        ("Berichte an den Gemeinderat", 60),
        ("Beteiligungen der Stadt", 90),
        ("Gespräch mit der Kämmerei", 60),
        ("Nachbereitung", 60),
    ),
    interpreter="dolmetschen-englisch",
    interpretation=("en", "de"),
)
SWANSEA_MAY_COME = DemoVisit(
    title="Vierter Besuch der Controller aus Swansea: Tage noch offen",
    begins=None,
    course=(),
    host_department="Dezernatscontrolling",
    purpose="An dieser Idee lassen sich Tage finden. (Der Besuch ist ein Beispiel.)",
    delegates=(),
    agenda=(),
    interpreter="dolmetschen-englisch",
    interpretation=("en", "de"),
)
SWANSEA = DemoExchange(
    city="swansea",
    exchange=Exchange(
        title="Controlling in den Dezernaten",
        kind=Exchange.KIND_ADMINISTRATIVE,
        department="Dezernatscontrolling",
        topics=["controlling"],
        objectives="Erfahrungsaustausch der Mannheimer Dezernatscontroller mit den jeweiligen Kollegen aus der "
        "walisischen Partnerstadt Swansea.",
        sdg_targets=["16.6", "17.16"],
    ),
    visits=(SWANSEA_CAME, SWANSEA_COMES, SWANSEA_IS_TO_BE_PLANNED, SWANSEA_MAY_COME),
)
HEBRON_CAME = DemoVisit(
    title="Fachleute für Wasser und Abwasser aus Hebron in Mannheim",
    begins=date(2024, 9, 16),
    course=OVER,
    host_department="Stadtentwässerung",
    purpose="Erfahrungen mit Wasser und Abwasser austauschen. (Die Tage sind ein Beispiel.)",
    delegates=(("Head of water and wastewater", ("ar", "en")), ("Wastewater engineer", ("ar",))),
    agenda=(
        DemoItem("Begrüßung durch das Internationale Büro", 0, 9, "besprechungsraum"),
        DemoItem("Wasser", 1, 9, "ratssaal"),
        DemoItem("Abwasser", 2, 9, "ratssaal"),
        DemoItem("Nachbereitung", 3, 10, "besprechungsraum"),
    ),
    interpreter="dolmetschen-arabisch",
    interpretation=("ar", "de"),
    debrief=Debrief(
        summary="Mannheim und Hebron haben ihre Erfahrungen mit Wasser und Abwasser ausgetauscht.",
        entries=[
            DebriefEntry(
                title="Ein Fachthema trägt den Austausch: Wasser und Abwasser",
                language="de",
                observation="Mit der Partnerstadt Hebron fand ein Erfahrungsaustausch zum Thema Wasser und "
                "Abwasser statt.",
                conclusion="Ein gemeinsames Fachthema führt von Besuchen zu einem strukturierten Wissensaustausch.",
                recommendation="Besuche einer Partnerstadt um ein Fachthema beider Verwaltungen herum planen.",
                topics=["water", "wastewater", "administrative-exchange"],
            ),
            DebriefEntry(
                title="Water and wastewater as the subject of an exchange between administrations",
                language="en",
                observation="Mannheim and its partner city Hebron exchanged their experience with water and "
                "wastewater.",
                conclusion="For years Mannheim has been strengthening the visits of its partnerships by an "
                "exchange between administrations, to arrive at a structured exchange of knowledge.",
                recommendation="Choose a subject of the administration's own work, such as wastewater, for the "
                "next visit.",
                topics=["water", "wastewater", "administrative-exchange"],
            ),
        ],
    ),
)
HEBRON_COMES = DemoVisit(
    title="Zweiter Besuch der Fachleute für Wasser und Abwasser aus Hebron",
    begins=timedelta(weeks=5),
    course=PLANNED,
    host_department="Stadtentwässerung",
    purpose="Den Erfahrungsaustausch zum Thema Wasser und Abwasser fortsetzen. (Der Besuch ist ein Beispiel.)",
    delegates=(("Head of water and wastewater", ("ar", "en")), ("Wastewater engineer", ("ar",))),
    agenda=(
        DemoItem("Begrüßung durch das Internationale Büro", 0, 14, "besprechungsraum"),
        DemoItem("Wasser und Abwasser", 1, 14, "besprechungsraum"),
        DemoItem("Nachbereitung", 3, 14, "besprechungsraum"),
    ),
    interpreter="dolmetschen-arabisch",
    interpretation=("ar", "de"),
)
HEBRON = DemoExchange(
    city="hebron",
    exchange=Exchange(
        title="Wasser und Abwasser",
        kind=Exchange.KIND_ADMINISTRATIVE,
        department="Stadtentwässerung",
        topics=["water", "wastewater"],
        objectives="Erfahrungsaustausch zum Thema Wasser und Abwasser mit der Partnerstadt Hebron.",
        sdg_targets=["6.3", "17.16"],
    ),
    visits=(HEBRON_CAME, HEBRON_COMES),
)
