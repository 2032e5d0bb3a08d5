"""The external expert forum on the Leitbild Mannheim 2030: subject, panel, working groups and their conclusions."""

from dataclasses import dataclass

from austausch.forum.v1.forum_pb2 import Conclusion, Forum, Panelist, Recommendation, SubjectNode, WorkingGroup

FORUM_ID = "leitbild-mannheim-2030"
FORUM_NAME = f"forums/{FORUM_ID}"
FORUM = Forum(
    title="Leitbild Mannheim 2030",
    subject="Externes Expertenforum zur Qualitätssicherung der bisherigen Ergebnisse im Mannheimer Leitbildprozess.",
    city="cities/mannheim",
    purpose="Aus politisch neutraler, externer und globaler kommunaler Sicht fachlich bewerten, ob die erarbeiteten "
    "Ziele und Maßnahmen ambitioniert und schlüssig sind, und Empfehlungen zur erfolgreichen Umsetzung geben. "
    "Explizit ohne lokale Stakeholder.",
    panel_city_cap=2,
    language="de",
)

Node = SubjectNode
# id → node; a parent stands before its children.
NODES: dict[str, SubjectNode] = {
    "bildung": Node(kind=Node.KIND_STRATEGIC_GOAL, code="1", title="Bildung", sdg_targets=["4"], topics=["education"]),
    "klimaschutz": Node(
        kind=Node.KIND_STRATEGIC_GOAL, code="2", title="Klimaschutz", sdg_targets=["13"], topics=["climate"]
    ),
    "kultur": Node(kind=Node.KIND_STRATEGIC_GOAL, code="3", title="Kultur", sdg_targets=["11"], topics=["culture"]),
    "umsetzung": Node(
        kind=Node.KIND_STRATEGIC_GOAL,
        code="4",
        title="Umsetzung des Leitbilds im Verwaltungshandeln",
        description="Das von der Bürgerschaft erarbeitete Leitbild soll im Verwaltungshandeln umgesetzt werden.",
        sdg_targets=["16.6"],
        topics=["strategy", "steering"],
    ),
    "charta": Node(
        kind=Node.KIND_COMMITMENT,
        code="C",
        title="Internationale Chartas",
        description="Verpflichtungen aus Internationalen Chartas, umgesetzt über das Mannheimer Steuerungssystem.",
        topics=["international-charters"],
    ),
    "agenda-2030": Node(
        kind=Node.KIND_COMMITMENT, code="C.1", title="UN-Nachhaltigkeitsziele", parent="charta",
        topics=["sustainability"],
    ),
    "massnahmen-bildung": Node(
        kind=Node.KIND_MEASURE, code="1.1", title="Maßnahmen im Bereich Bildung", parent="bildung",
        fulfils=["agenda-2030"]
    ),
    "massnahmen-klimaschutz": Node(
        kind=Node.KIND_MEASURE, code="2.1", title="Maßnahmen im Bereich Klimaschutz", parent="klimaschutz",
        fulfils=["agenda-2030"],
    ),
    "massnahmen-kultur": Node(
        kind=Node.KIND_MEASURE, code="3.1", title="Maßnahmen im Bereich Kultur", parent="kultur",
        fulfils=["agenda-2030"]
    ),
    "indikator-bildung": Node(
        kind=Node.KIND_INDICATOR, code="1.1.1", title="Vorgeschlagene Indikatoren: Bildung",
        parent="massnahmen-bildung",
        topics=["indicators"],
    ),
    "indikator-klimaschutz": Node(
        kind=Node.KIND_INDICATOR, code="2.1.1", title="Vorgeschlagene Indikatoren: Klimaschutz",
        parent="massnahmen-klimaschutz",
        topics=["indicators"],
    ),
    "indikator-kultur": Node(
        kind=Node.KIND_INDICATOR, code="3.1.1", title="Vorgeschlagene Indikatoren: Kultur", parent="massnahmen-kultur",
        topics=["indicators"],
    ),
    "spitzenkennzahl": Node(
        kind=Node.KIND_TOP_INDICATOR, code="4.1", title="Spitzenkennzahl zur Umsetzung", parent="umsetzung",
        topics=["indicators"],
    ),
    "managementziel": Node(
        kind=Node.KIND_MANAGEMENT_GOAL, code="4.1.1", title="Managementziel einer Dienststelle",
        parent="spitzenkennzahl",
        fulfils=["charta"],
    ),
    "haushaltsprodukt": Node(
        kind=Node.KIND_BUDGET_PRODUCT, code="4.1.1.1", title="Haushaltsprodukt", parent="managementziel",
        topics=["budget"],
    ),
}  # fmt: skip

# The cities from whose administrations and universities the text says that experts came.
GUESTS = {
    "bydgoszcz": "Bydgoszcz", "haifa": "Haifa", "hebron": "Hebron", "klaipeda": "Klaipėda", "windsor": "Windsor",
    "zhenjiang": "Zhenjiang", "chernivtsi": "Chernivtsi", "kilis": "Kilis", "qingdao": "Qingdao",
}  # fmt: skip
FRIENDSHIP_CITIES = {"chernivtsi", "kilis", "qingdao"}
EXPERT = "bydgoszcz-verwaltung"  # the panelist whose account is expert@


def build_panel() -> dict[str, Panelist]:
    """Return the panel by id: from each city somebody of its administration and of a university; national experts."""
    experts: dict[str, Panelist] = {}
    for city, name in GUESTS.items():
        for expert_id, function, affiliation, kind in (
            (f"{city}-verwaltung", "Verwaltungsmitarbeit", f"Stadtverwaltung {name}", Panelist.KIND_PRACTITIONER),
            (f"{city}-universitaet", "Universitätsvertretung", f"Universität in {name}", Panelist.KIND_ACADEMIC),
        ):
            experts[expert_id] = Panelist(
                function=function,
                affiliation=affiliation,
                kind=kind,
                origin=Panelist.ORIGIN_FRIENDSHIP_CITY if city in FRIENDSHIP_CITIES else Panelist.ORIGIN_PARTNER_CITY,
                city=f"cities/{city}",
                residence_city=f"cities/{city}",
            )
    experts["national"] = Panelist(
        function="Nationale Expertise",
        affiliation="Deutsche Hochschule außerhalb Mannheims",
        kind=Panelist.KIND_ACADEMIC,
        origin=Panelist.ORIGIN_NATIONAL,
    )
    for expert in experts.values():
        expert.politically_neutral = True
        expert.conflict_of_interest = "none"
    experts[EXPERT].account = "accounts/expert"
    return experts


# id → (group, ids of its nodes, cities of its members)
WORKING_GROUPS: dict[str, tuple[WorkingGroup, tuple[str, ...], tuple[str, ...]]] = {
    "bildung": (WorkingGroup(title="Bildung"), ("bildung",), ("bydgoszcz", "haifa")),
    "klimaschutz": (WorkingGroup(title="Klimaschutz"), ("klimaschutz",), ("hebron", "qingdao", "zhenjiang")),
    "kultur": (WorkingGroup(title="Kultur"), ("kultur",), ("chernivtsi", "kilis")),
    "umsetzung": (WorkingGroup(title="Umsetzung und Steuerung"), ("umsetzung", "charta"), ("klaipeda", "windsor")),
}


@dataclass(frozen=True)
class DemoConclusion:
    """A conclusion with its recommendations, by id."""

    conclusion: Conclusion
    groups: tuple[str, ...]
    nodes: tuple[str, ...]
    recommendations: dict[str, Recommendation]
    adopted: bool = True


# Recommendation → reason for which the city accepts it.
ACCEPTED = {"praeambel-voranstellen": "Eine Präambel hilft, die Ziele des Leitbilds besser einzuordnen."}

CONCLUSIONS: dict[str, DemoConclusion] = {
    "praeambel": DemoConclusion(
        Conclusion(
            title="Das Leitbild braucht eine Präambel",
            text="Nahezu alle Arbeitsgruppen sind zu dem Schluss gekommen, dass eine Präambel zur besseren "
            "Einordnung der Ziele für das Leitbild notwendig ist.",
        ),
        groups=("bildung", "klimaschutz", "kultur"),
        nodes=(),
        recommendations={
            "praeambel-voranstellen": Recommendation(
                title="Dem Leitbild eine Präambel voranstellen",
                text="Dem Leitbild Mannheim 2030 eine Präambel voranstellen, die die Ziele besser einordnet.",
                owner_department="Internationales Büro",
            )
        },
    ),
    "vorbild": DemoConclusion(
        Conclusion(
            title="Die Stadtverwaltung ist Vorbild",
            text="Die Stadtverwaltung soll als Vorbild gelten, insbesondere in Sachen Nachhaltigkeit und Umsetzung "
            "der UN-Nachhaltigkeitsziele.",
        ),
        groups=("bildung", "klimaschutz", "umsetzung"),
        nodes=("umsetzung", "agenda-2030"),
        recommendations={
            "vorbild-sein": Recommendation(
                title="Als Verwaltung Vorbild sein",
                text="In Sachen Nachhaltigkeit und bei der Umsetzung der UN-Nachhaltigkeitsziele vorangehen.",
                owner_department="Dezernatscontrolling",  # where member@ works, who can answer it
            )
        },
    ),
    "massnahmen": DemoConclusion(
        Conclusion(
            title="Die Maßnahmen in Bildung, Klimaschutz und Kultur sind gut",
            text="Die jeweiligen Maßnahmen in den Bereichen Bildung, Klimaschutz und Kultur werden als gut bewertet.",
        ),
        groups=("bildung", "klimaschutz", "kultur"),
        nodes=("massnahmen-bildung", "massnahmen-klimaschutz", "massnahmen-kultur"),
        recommendations={},
    ),
    "indikatoren": DemoConclusion(
        Conclusion(
            title="Die vorgeschlagenen Indikatoren sind gut",
            text="Die bis dato vorgeschlagenen Indikatoren werden als gut bewertet.",
        ),
        groups=("bildung", "klimaschutz", "kultur"),
        nodes=("indikator-bildung", "indikator-klimaschutz", "indikator-kultur"),
        recommendations={},
    ),
    "steuerung": DemoConclusion(
        Conclusion(
            title="Das Steuerungssystem gibt Zuversicht",
            text="Das Mannheimer Steuerungssystem zur Umsetzung von Internationalen Chartas fand breite Beachtung "
            "und gab allen die Zuversicht, dass das von der Mannheimer Bürgerschaft erarbeitete Leitbild auch "
            "tatsächlich im Verwaltungshandeln umgesetzt wird und nicht nur Deklarationscharakter hat.",
        ),
        groups=("umsetzung",),
        nodes=("umsetzung", "charta", "managementziel"),
        recommendations={
            "leitbild-steuern": Recommendation(
                title="Das Leitbild über das Steuerungssystem umsetzen",
                text="Das Leitbild wie die Internationalen Chartas über das Steuerungssystem im Verwaltungshandeln "
                "umsetzen.",
                owner_department="Dezernatscontrolling",
            ),
            "nicht-nur-erklaeren": Recommendation(
                title="Die Umsetzung nachweisen",
                text="Zeigen, was im Verwaltungshandeln umgesetzt ist, damit das Leitbild nicht nur "
                "Deklarationscharakter hat.",
            ),
        },
        adopted=False,  # left for whoever tries the last step of a forum
    ),
}
