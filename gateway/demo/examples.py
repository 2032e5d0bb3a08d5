"""Two years of visits as a city has them, all made up and marked so: for calendar, occupancy and desk."""

from datetime import timedelta

from austausch.exchange.v1.exchange_pb2 import Debrief, DebriefEntry, Exchange

from gateway.demo.exchanges import CONFIRMED, OVER, PLANNED, DemoExchange, DemoItem, DemoVisit, Guests

EXAMPLE = "(Der Besuch ist ein Beispiel.)"
REPORTED = OVER[:-1]
OFFICE, HALL = "besprechungsraum", "ratssaal"


def _visit(
    weeks: int,
    title: str,
    department: str,
    subject: str,
    course: tuple[str, ...] = OVER,
    learned: DebriefEntry | None = None,
    guests: Guests = (("Amtsleitung", ("en",)), ("Fachplanung", ("en",))),
    interpreter: str = "",
    interpretation: tuple[str, ...] = (),
    reason: str = "",
) -> DemoVisit:
    """
    Return a visit to Mannheim on a subject.

    Args:
        weeks: From the day of loading to its Monday, at least; negative for one of the past.
    """
    return DemoVisit(
        title=title,
        begins=timedelta(weeks=weeks),
        course=course,
        host_department=department,
        purpose=f"{subject}. {EXAMPLE}",
        delegates=guests,
        agenda=(
            DemoItem("Begrüßung durch das Internationale Büro", 0, 9, OFFICE, 60),
            DemoItem(subject, 0, 11, HALL, 120),
            DemoItem("Gespräch mit der Amtsleitung", 1, 9, OFFICE),
            DemoItem("Besichtigung", 1, 14, "", 180, place="In der Stadt"),
            DemoItem("Nachbereitung", 2, 9, OFFICE),
        ),
        interpreter=interpreter,
        interpretation=interpretation,
        debrief=Debrief(summary=f"{subject}. (Beispiel.)", entries=[learned]) if learned else None,
        reason=reason,
        lasts=timedelta(days=2),
    )


def _journey(
    weeks: int, title: str, department: str, subject: str, learned: DebriefEntry, course: tuple[str, ...] = OVER
) -> DemoVisit:
    """Return a visit of Mannheim's to the other city; as `_visit`, `department` is the other city's."""
    return DemoVisit(
        title=title,
        begins=timedelta(weeks=weeks),
        course=course,
        host_department=department,
        purpose=f"{subject}. {EXAMPLE}",
        delegates=(("Fachbereichsleitung", ("de", "en")), ("Sachgebietsleitung", ("de", "en"))),
        agenda=(
            DemoItem("Empfang im Rathaus", 0, 10, "", 60, place="Rathaus"),
            DemoItem(subject, 0, 14, "", 150, place="Rathaus"),
            DemoItem("Besichtigung", 1, 9, "", 240, place="In der Stadt"),
        ),
        debrief=Debrief(summary=f"{subject}. (Beispiel.)", entries=[learned]),
        is_outgoing=True,
        lasts=timedelta(days=2),
    )


def _learned(title: str, observation: str, recommendation: str, *topics: str) -> DebriefEntry:
    return DebriefEntry(
        title=title,
        language="de",
        observation=f"{observation} (Beispiel.)",
        recommendation=recommendation,
        topics=topics,
    )


def _exchange(
    city: str,
    title: str,
    department: str,
    topics: list[str],
    *visits: DemoVisit,
    kind: Exchange.Kind = Exchange.KIND_ADMINISTRATIVE,
) -> DemoExchange:
    exchange = Exchange(title=title, kind=kind, department=department, topics=topics, objectives="(Ein Beispiel.)")
    return DemoExchange(city=city, exchange=exchange, visits=visits)


YOUTH, PLANNING, CULTURE = "Fachbereich Jugend", "Fachbereich Stadtplanung", "Kulturamt"
DIGITAL, GREEN, SCHOOLS = "Fachbereich Digitales", "Fachbereich Grünflächen", "Fachbereich Bildung"
FIRE, INTEGRATION = "Feuerwehr und Katastrophenschutz", "Fachbereich Integration"

EXAMPLES = (
    _exchange(
        "bydgoszcz", "Jugendbeteiligung", YOUTH, ["participation"],
        _visit(
            -96, "Jugendbeteiligung: Gäste aus Bydgoszcz", YOUTH, "Wie junge Menschen mitentscheiden",
            learned=_learned(
                "Jugendliche bleiben, wenn sie über Geld entscheiden",
                "Ein eigenes Budget hielt den Jugendrat zusammen, Anhörungen allein taten es nicht.",
                "Einem Jugendrat ein kleines eigenes Budget geben.", "participation", "budget",
            ),
            interpreter="dolmetschen-polnisch", interpretation=("pl", "de"), guests=(("Jugendamt", ("pl",)),),
        ),
        _journey(
            -46, "Jugendbeteiligung: Mannheim in Bydgoszcz", "Jugendamt", "Jugendräte im Alltag",
            _learned(
                "Sitzungen nach der Schule füllen den Jugendrat",
                "Am Nachmittag kamen doppelt so viele wie am Abend.",
                "Sitzungen mit Jugendlichen auf den frühen Nachmittag legen.", "participation",
            ),
        ),
    ),
    _exchange(
        "klaipeda", "Stadt am Wasser", PLANNING, ["mobility", "urban-development"],
        _journey(
            -92, "Stadt am Wasser: Mannheim in Klaipėda", "Stadtentwicklung", "Umbau alter Hafenflächen",
            _learned(
                "Zwischennutzung hält alte Hafenflächen offen",
                "Flächen, die vorläufig genutzt wurden, fanden leichter einen dauerhaften Zweck.",
                "Vor dem Umbau Zwischennutzungen zulassen.", "urban-development",
            ),
        ),
        _visit(
            -40, "Stadt am Wasser: Gäste aus Klaipėda", PLANNING, "Wege zum Fluss",
            learned=_learned(
                "Wege zum Wasser gewinnen, wenn sie durchgehen",
                "Kurze Lücken im Uferweg kosteten die meisten Nutzer.",
                "Zuerst die Lücken eines Uferwegs schließen.", "mobility",
            ),
        ),
        _visit(8, "Stadt am Wasser: zweiter Besuch aus Klaipėda", PLANNING, "Fähren im Nahverkehr", PLANNED),
    ),
    _exchange(
        "haifa", "Musikschulen", CULTURE, ["culture"],
        _visit(
            -84, "Musikschulen: Ensemble aus Haifa", CULTURE, "Gemeinsame Proben",
            learned=_learned(
                "Gemeinsame Proben brauchen einen freien Tag davor",
                "Am Tag nach der Anreise waren die Jüngsten zu müde.",
                "Nach der Anreise einen Tag ohne Proben einplanen.", "culture",
            ),
        ),
        _visit(
            -30, "Musikschulen: zweites Ensemble aus Haifa", CULTURE, "Konzert in der Aula", ("agree", "cancel"),
            reason="Das Ensemble konnte nicht reisen.",
        ),
        kind=Exchange.KIND_CULTURE,
    ),
    _exchange(
        "zhenjiang", "Digitale Verwaltung", DIGITAL, ["digital-administration"],
        _journey(
            -76, "Digitale Verwaltung: Mannheim in Zhenjiang", "Amt für Digitales", "Anträge am Telefon",
            _learned(
                "Wenige Anträge machen die meisten Wege aus",
                "Fünf Anträge standen für die Hälfte aller Vorsprachen.",
                "Die häufigsten Anträge zuerst digital anbieten.", "digital-administration",
            ),
        ),
        _visit(
            -22, "Digitale Verwaltung: Gäste aus Zhenjiang", DIGITAL, "Barrierefreie Formulare",
            learned=_learned(
                "Barrierefreie Formulare helfen allen",
                "Nach der Überarbeitung brachen weniger Menschen ihren Antrag ab.",
                "Formulare von Menschen prüfen lassen, die eine Vorlesehilfe nutzen.", "digital-administration",
            ),
            interpreter="dolmetschen-chinesisch", interpretation=("zh", "de"), guests=(("Amt für Digitales", ("zh",)),),
        ),
    ),
    _exchange(
        "qingdao", "Grünflächen im Klimawandel", GREEN, ["climate"],
        _visit(
            -68, "Grünflächen: Gäste aus Qingdao", GREEN, "Bäume für heiße Sommer",
            learned=_learned(
                "Junge Bäume überleben mit Wassersäcken",
                "Mit Bewässerungssäcken überstanden mehr Jungbäume den ersten Sommer.",
                "Neue Straßenbäume zwei Sommer lang mit Wassersäcken versorgen.", "climate",
            ),
            interpreter="dolmetschen-chinesisch", interpretation=("zh", "de"), guests=(("Gartenamt", ("zh",)),),
        ),
        _journey(
            -14, "Grünflächen: Mannheim in Qingdao", "Gartenamt", "Parks, die Wasser speichern",
            _learned(
                "Parks nehmen Starkregen auf",
                "Flache Mulden in Parks entlasteten die Kanäle bei Starkregen.",
                "Bei der Sanierung von Parks Mulden für Starkregen anlegen.", "climate", "water",
            ),
        ),
    ),
    _exchange(
        "windsor", "Schulen tauschen sich aus", SCHOOLS, ["education"],
        _visit(
            -60, "Schulen: Lehrkräfte aus Windsor", SCHOOLS, "Unterricht in zwei Sprachen",
            learned=_learned(
                "Lehrkräfte lernen beim Zuschauen",
                "Gegenseitige Unterrichtsbesuche brachten mehr als Vorträge.",
                "Bei Schulbesuchen Zeit für Unterrichtsbesuche einplanen.", "education",
            ),
            interpreter="dolmetschen-englisch", interpretation=("en", "de"),
        ),
        _journey(
            -8, "Schulen: Mannheim in Windsor", "Education department", "Ganztag an Grundschulen",
            _learned(
                "Der Ganztag lebt von Vereinen",
                "Angebote örtlicher Vereine wurden am häufigsten gewählt.",
                "Vereine früh in die Planung des Ganztags einbeziehen.", "education",
            ),
            REPORTED,
        ),
        kind=Exchange.KIND_SCHOOL,
    ),
    _exchange(
        "chernivtsi", "Katastrophenschutz", FIRE, ["civil-protection"],
        _visit(
            -54, "Katastrophenschutz: Gäste aus Chernivtsi", FIRE, "Warnung der Bevölkerung",
            learned=_learned(
                "Warnungen wirken in mehreren Sprachen",
                "Durchsagen in nur einer Sprache erreichten viele nicht.",
                "Warntexte in den häufigsten Sprachen der Stadt bereithalten.", "civil-protection",
            ),
        ),
        _visit(12, "Katastrophenschutz: zweiter Besuch aus Chernivtsi", FIRE, "Gemeinsame Übung", CONFIRMED),
    ),
    _exchange(
        "kilis", "Ankommen in der Stadt", INTEGRATION, ["integration"],
        _visit(
            -36, "Ankommen: Gäste aus Kilis", INTEGRATION, "Beratung aus einer Hand",
            learned=_learned(
                "Eine Anlaufstelle spart Wege",
                "Wo alle Ämter an einem Ort berieten, kam jede Familie seltener.",
                "Beratung für Neuankommende an einem Ort anbieten.", "integration",
            ),
        ),
        _visit(16, "Ankommen: zweiter Besuch aus Kilis", INTEGRATION, "Wohnen und Arbeit", ()),
        kind=Exchange.KIND_FRIENDSHIP,
    ),
)  # fmt: skip
