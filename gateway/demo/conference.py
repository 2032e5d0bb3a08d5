"""The conference of partner and friendship cities at which the expert forum met; the text names its guests."""

from datetime import date, timedelta

from austausch.exchange.v1.exchange_pb2 import Debrief, DebriefEntry, Exchange

from gateway.demo.cities import CITIES
from gateway.demo.exchanges import OVER, DemoExchange, DemoItem, DemoVisit, Guests
from gateway.demo.forum import GUESTS, WORKING_GROUPS

PARTNER, *OTHERS = GUESTS
LANGUAGES = {city.id: city.languages for city in CITIES}
GROUP_ROOMS = ("ratssaal", "sitzungszimmer-1", "sitzungszimmer-2", "sitzungszimmer-3")


def _list_experts(city: str) -> Guests:
    """Return who came from a city: somebody of the administration and somebody of a university."""
    languages = tuple(dict.fromkeys((*LANGUAGES[city], "en")))
    return (("Verwaltungsmitarbeit", languages), ("Universitätsvertretung", languages))


def _list_group_items(title: str, day: int, hour: int) -> list[DemoItem]:
    """Return the meetings of the working groups, all at one time."""
    return [
        DemoItem(f"{title}: {group.title}", day, hour, room, 120, delegations=members)
        for (group, _nodes, members), room in zip(WORKING_GROUPS.values(), GROUP_ROOMS, strict=True)
    ]


CONFERENCE_VISIT = DemoVisit(
    title="Partnerstädtekonferenz: Expertenforum zum Leitbild Mannheim 2030",
    begins=date(2018, 10, 15),
    course=OVER,
    host_department="Internationales Büro",
    purpose="Der Entwurf des Leitbilds wird aus politisch neutraler, externer und globaler kommunaler Sicht bewertet. "
    "(Tage und Programm sind ein Beispiel.)",
    delegates=_list_experts(PARTNER),
    other_delegations={city: _list_experts(city) for city in OTHERS},
    lasts=timedelta(days=2),
    agenda=(
        DemoItem("Begrüßung durch das Internationale Büro", 0, 9, "ratssaal", 60),
        DemoItem("Der Leitbildprozess und seine Ziele", 0, 10, "ratssaal"),
        *_list_group_items("Ziele und Maßnahmen", 0, 13),
        DemoItem("Das Mannheimer Steuerungssystem", 1, 9, "ratssaal"),
        *_list_group_items("Indikatoren", 1, 11),
        *_list_group_items("Fazit und Empfehlungen", 1, 14),
        DemoItem("Fazit der Arbeitsgruppen im Plenum", 2, 9, "ratssaal", 150),
        DemoItem("Nachbereitung", 2, 13, "ratssaal", 60),
    ),
    debrief=Debrief(
        summary="Neben nationalen Experten haben Verwaltungsmitarbeiter und Universitätsvertreter aus neun Partner- "
        "und Freundschaftsstädten den Entwurf des Leitbilds bewertet.",
        entries=[
            DebriefEntry(
                title="Experten aus Partnerstädten sichern die Qualität einer Strategie",
                language="de",
                observation="Zur Qualitätssicherung des Leitbilds Mannheim 2030 wurden neben nationalen Experten auch "
                "Experten aus den Partner- und Freundschaftsstädten eingeladen, ausdrücklich keine lokalen "
                "Stakeholder.",
                conclusion="Eine Stellungnahme aus politisch neutraler, externer und globaler kommunaler Sicht zeigt, "
                "ob Ziele und Maßnahmen ambitioniert und schlüssig sind.",
                recommendation="Eine Strategie von Fachleuten aus Partnerstädten bewerten lassen, bevor sie "
                "beschlossen wird.",
                topics=["strategy", "administrative-exchange"],
                visibility=DebriefEntry.VISIBILITY_PARTNERS,
            )
        ],
    ),
)
CONFERENCE = DemoExchange(
    city=PARTNER,
    exchange=Exchange(
        title="Leitbild Mannheim 2030",
        kind=Exchange.KIND_ADMINISTRATIVE,
        department="Internationales Büro",
        topics=["strategy"],
        objectives="Fachliche Stellungnahme von Experten aus Partner- und Freundschaftsstädten zum Entwurf des "
        "Leitbilds.",
        sdg_targets=["16.7", "17.16"],
    ),
    visits=(CONFERENCE_VISIT,),
)
