"""What an administration's texts have besides plain words: compounds, departments, topics, targets and cities."""


def _list_words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# German compounds are without number: those of a modifier, perhaps another one, and a head grow with the collection.
MODIFIERS = _list_words(
    """
    abfall abwasser agrar alten anlagen anwohner arbeits archiv asyl aufsichts ausländer bade bahn bau baum
    beschaffungs besucher beteiligungs betriebs bezirks bibliotheks bildungs biotonnen boden brand brücken brunnen
    bücherei bürger bus dach daten denkmal dienst digital drogen ehrenamts eigentümer einkaufs einwohner elektro
    eltern energie entgelt entwässerungs erbbau ernährungs fahrrad familien feinstaub fernwärme feuerwehr finanz
    flächen flucht fluss förder forst freibad frei freiraum friedhofs frisch fußgänger ganztags garten gäste gebäude
    gebühren gefahren gemeinde geruchs gesundheits gewässer gewerbe gleichstellungs grund grünflächen hafen
    handwerks haus haushalts hausarzt heim hitze hoch hochwasser hort industrie innenstadt integrations investitions
    jugend kanal kassen katastrophen kinder kirchen klär klima kommunal kranken krisen kultur kunst lärm leih leit
    lern licht liegenschafts luft markt messe miet mobilitäts müll museums musik nachbarschafts nacht natur netz
    notfall nutzungs öffentlichkeits ordnungs park parkraum personal pflege planungs platz praktikums produkt
    prüfungs quartiers rad rats raum rechnungs rechts regen reinigungs reise renten rettungs sanierungs satzungs
    schadstoff schul schwimm senioren sicherheits siedlungs signal solar sozial spiel sport sprach stadt stadtteil
    standort starkregen stellen steuer straßen strom tarif tief tourismus trinkwasser ufer umwelt unterhalts
    unterkunfts veranstaltungs vereins vergabe verkehrs vermessungs versicherungs versorgungs verwaltungs volks
    vorschul wahl wald wärme wartungs wasser weiterbildungs werk wert wiesen wind winter wirtschafts wohn wohngeld
    wohnungs zuschuss zivil
    """
)
HEADS = _list_words(
    """
    abgabe ablauf abteilung abnahme amt analyse anlage anschluss antrag anzeige arbeit archiv aufsicht auftrag
    ausbau ausgleich auskunft ausschuss ausweis bank bau beauftragte bedarf behörde beirat beitrag bereich bericht
    bescheid bestand beteiligung betrieb bewertung bilanz börse büro dienst ebene einnahmen einrichtung entgelt
    entlastung entwicklung erhebung erlass ersatz fläche förderung fonds form forum frist gebiet gebühr gebäude
    genehmigung gesellschaft gesetz gremium grenze gruppe haushalt helfer hilfe hof hütte inspektion jahr kanal
    karte kasse kataster kennzahl konferenz kontrolle konzept kosten kräfte lager lage lasten leistung leitbild
    leitung liste management mangel markt maßnahme meldung mittel modell nachweis netz nutzung ordnung pass
    pauschale pflege plan planung platz politik portal praxis preis produkt programm projekt prüfung pumpe quote rat
    raum recht register regelung reinigung reserve richtlinie ring rückgang rücklage satzung schaden schutz schule
    sitzung sperrung sprecher stab station steuer stelle stiftung strategie strecke stunde system tag tarif technik
    team träger umbau umfrage unterhalt verband verbrauch verein verfahren vergabe verkehr verordnung versorgung
    vertrag verwaltung vorlage vorschrift wache wert wesen wettbewerb zahl zentrum zone zuschuss zuständigkeit
    """
)
DEPARTMENTS = (
    "Internationales Büro",
    "Stadtkämmerei",
    "Stadtentwässerung",
    "Stadtplanung",
    "Jugendamt",
    "Sozialamt",
    "Kulturamt",
    "Feuerwehr",
    "Bürgerdienste",
    "Klima und Umwelt",
    "Bildung",
    "Personal",
    "Informationstechnik",
    "Rechtsamt",
    "Wirtschaftsförderung",
    "Sport und Freizeit",
    "Wohnen",
    "Grünflächen",
    "Verkehrsplanung",
    "Abfallwirtschaft",
    "Gesundheitsamt",
    "Statistikstelle",
    "Stadtarchiv",
    "Stadtbibliothek",
    "Gleichstellung",
    "Ordnungsamt",
    "Presse",
    "Vermessung",
    "Liegenschaften",
    "Rechnungsprüfung",
)
TOPICS = _list_words(
    """
    water wastewater budget controlling mobility climate education culture participation housing digitalisation
    steering indicators strategy sustainability administrative-exchange international-charters waste energy health
    heat procurement refugees integration youth ageing inclusion fire-brigade civil-protection green roads fees
    economy tourism sport personnel audit real-estate open-data citizen-service partnership protocol agriculture
    markets volunteering equality security events noise air-quality children language archives museums libraries
    schools kindergartens construction monuments insurance
    """
)
SDG_TARGETS = tuple(
    f"{goal}.{target}"
    for goal, targets in enumerate((5, 5, 8, 7, 6, 6, 3, 10, 5, 7, 7, 8, 3, 7, 9, 10, 19), start=1)
    for target in range(1, targets + 1)
)
CITIES = tuple(
    f"cities/{slug}"
    for slug in _list_words(
        """
        swansea qingdao haifa bydgoszcz klaipeda chernivtsi kilis hebron windsor zhenjiang toulon chisinau riesa
        charlottenburg beyoglu speyer heidelberg ludwigshafen graz porto brno turku aarhus ghent lyon torino
        zaragoza maribor plovdiv cluj kaunas lublin gdansk lviv ternopil konya izmir nablus ramallah akko
        """
    )
)
# How often each state and visibility is met.
STATES = {
    "observation": 0.34,
    "insight": 0.2,
    "lesson_identified": 0.16,
    "implemented": 0.1,
    "validated": 0.12,
    "embedded": 0.04,
    "rejected": 0.02,
    "superseded": 0.02,
}
VISIBILITIES = {"internal": 0.6, "partners": 0.25, "public": 0.15}
# The mix of the collection.
LANGUAGES = {"de": 0.5, "en": 0.2} | dict.fromkeys(("cy", "pl", "uk", "he", "ar", "tr", "lt", "zh"), 0.3 / 8)
