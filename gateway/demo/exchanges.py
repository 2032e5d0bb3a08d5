"""The two exchanges that the text names, with a visit each and what it taught; rooms and people of the hosts."""

from dataclasses import dataclass
from datetime import date

from austausch.exchange.v1.exchange_pb2 import Debrief, DebriefEntry, Exchange, Person, Room


@dataclass(frozen=True)
class DemoVisit:
    """A visit to Mannheim that is over: four days from a Monday on, with delegation, agenda and debrief."""

    title: str
    first_day: date
    last_day: date
    host_department: str
    purpose: str
    delegates: tuple[tuple[str, tuple[str, ...]], ...]
    agenda: tuple[tuple[str, int, int, str], ...]  # title, day of the visit from 0, hour it starts, room
    interpreter: str
    interpretation: tuple[str, ...]
    debrief: Debrief


@dataclass(frozen=True)
class DemoExchange:
    """An exchange with one city, and its visit."""

    city: str
    exchange: Exchange
    visit: DemoVisit


ROOMS = {
    "ratssaal": Room(display_name="Ratssaal", address="Stadthaus N 1, Mannheim", seats=60, step_free=True),
    "besprechungsraum": Room(
        display_name="Besprechungsraum des Internationalen Büros",
        address="Rathaus E 5, Mannheim",
        seats=14,
        step_free=True,
    ),
}
PEOPLE = {
    "internationales-buero": Person(
        function="Leitung Internationales Büro", department="Internationales Büro", languages=["de", "en"]
    ),
    "dezernatscontrolling": Person(
        function="Dezernatscontrolling", department="Dezernatscontrolling", languages=["de", "en"]
    ),
    "dolmetschen-englisch": Person(function="Dolmetschen Englisch–Deutsch", languages=["en", "de"]),
    "dolmetschen-arabisch": Person(function="Dolmetschen Arabisch–Deutsch", languages=["ar", "de"]),
}

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
    visit=DemoVisit(
        title="Controller aus Swansea in Mannheim",
        first_day=date(2024, 5, 13),
        last_day=date(2024, 5, 16),
        host_department="Dezernatscontrolling",
        purpose="Erfahrungen mit dem Controlling austauschen. (Die Tage sind ein Beispiel.)",
        delegates=(("Head of controlling", ("en",)), ("Directorate controller", ("en", "cy"))),
        agenda=(
            ("Begrüßung durch das Internationale Büro", 0, 9, "besprechungsraum"),
            ("Controlling in den Dezernaten", 0, 11, "ratssaal"),
            ("Controlling in Swansea", 1, 10, "ratssaal"),
            ("Nachbereitung", 3, 10, "besprechungsraum"),
        ),
        interpreter="dolmetschen-englisch",
        interpretation=("en", "de"),
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
                    recommendation="Den Verwaltungsaustausch neben den klassischen Partnerschaftsaktivitäten "
                    "einplanen.",
                    topics=["controlling", "administrative-exchange"],
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
                ),
            ],
        ),
    ),
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
    visit=DemoVisit(
        title="Fachleute für Wasser und Abwasser aus Hebron in Mannheim",
        first_day=date(2024, 9, 16),
        last_day=date(2024, 9, 19),
        host_department="Stadtentwässerung",
        purpose="Erfahrungen mit Wasser und Abwasser austauschen. (Die Tage sind ein Beispiel.)",
        delegates=(("Head of water and wastewater", ("ar", "en")), ("Wastewater engineer", ("ar",))),
        agenda=(
            ("Begrüßung durch das Internationale Büro", 0, 9, "besprechungsraum"),
            ("Wasser", 1, 9, "ratssaal"),
            ("Abwasser", 2, 9, "ratssaal"),
            ("Nachbereitung", 3, 10, "besprechungsraum"),
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
    ),
)
EXCHANGES = (SWANSEA, HEBRON)
