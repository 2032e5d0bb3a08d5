"""The calendar of visits: what is drawn where, where its links lead, what is booked, and what is said beside dates."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from tests.gateway.browsing import browser, send, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_visit, an_exchange, created, visit_of


@pytest.fixture
def office(gateway: Gateway) -> Rest:
    """The international office, through REST."""
    return gateway.as_(Role.COORDINATOR)


@pytest.fixture
def client(gateway: Gateway) -> FlaskClient:
    """The browser of the international office."""
    return browser(gateway, Role.COORDINATOR)


def day(text: str) -> dict[str, int]:
    """Return a day, `2031-05-14`, as REST takes it."""
    return dict(zip(("year", "month", "day"), map(int, text.split("-")), strict=True))


def visit_from(office: Rest, first: str, last: str, **fields: Any) -> dict[str, Any]:
    """Return a new visit on some days."""
    return a_visit(office, startDate=day(first), endDate=day(last), **fields)


def rows_of(page: str) -> dict[str, str]:
    """Return the markup of each row of the calendar by its title."""
    bodies = re.findall(r"<tbody>.*?<th[^>]*>(.*?)</th>(.*?)</tbody>", page, re.DOTALL)
    return {unescape(re.sub(r"<[^>]+>", "", title)).strip(): row for title, row in bodies}


def read_rows(client: FlaskClient, address: str, **headers: str) -> dict[str, str]:
    """Return the rows of the calendar on all its pages: what other tests have entered may come first."""
    page = client.get(address, headers=headers).text
    rows = rows_of(page)
    for text, parameters in links_of(page).items():
        if text in ("Next page", "Nächste Seite"):
            rows |= read_rows(client, f"/visits?{urlencode(parameters)}", **headers)
    return rows


def links_of(page: str) -> dict[str, dict[str, str]]:
    """Return the parameters of the links to the calendar, by the text of the link."""
    found = re.findall(r'<a[^>]* href="(/visits(?:\?[^"]*)?)"[^>]*>(.*?)</a>', page, re.DOTALL)
    texts = {re.sub(r"<[^>]+>", "", text).strip(): unescape(address) for address, text in found}
    return {
        text: {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        for text, address in texts.items()
    }


@pytest.mark.parametrize(
    ("view", "start", "columns", "said"),
    [("year", "2041-01-01", 2, "31 May – 3 Jun"), ("quarter", "2041-04-01", 2, "31 May – 3 Jun"),
     ("month", "2041-06-01", 3, "31 May – 3 Jun")],
)  # fmt: skip
def test_a_visit_is_a_bar_as_wide_as_its_days_in_the_row_of_its_city(
    view: str, start: str, columns: int, said: str, client: FlaskClient, office: Rest
) -> None:
    visit = visit_from(office, "2041-05-31", "2041-06-03", title=f"Choir by {view}")
    row = rows_of(client.get(f"/visits?view={view}&from={start}").text)["Swansea"]
    (cell,) = [cell for cell in row.split("<td ") if f'href="/{visit["name"]}"' in cell]
    assert cell.startswith(f'colspan="{columns}"')
    assert f"Choir by {view} {said} Idea" in " ".join(re.sub(r"<[^>]+>", " ", f"<td {cell}").split())


def test_spans_lead_to_the_one_before_and_the_one_after_and_keep_the_filters(client: FlaskClient, office: Rest) -> None:
    visit_from(office, "2042-05-14", "2042-05-16")
    kept = {"state": "STATE_IDEA", "city": "cities/swansea"}
    links = links_of(client.get("/visits?view=quarter&from=2042-05-14&state=STATE_IDEA&city=cities/swansea").text)
    assert links["Q1 2042"] == {"view": "quarter", "from": "2042-03-31", **kept}
    assert links["Q3 2042"] == {"view": "quarter", "from": "2042-07-01", **kept}
    assert links["Today"] == {"view": "quarter", **kept}
    assert links["Month"] == {"view": "month", "from": "2042-05-14", **kept}
    assert links["Rooms"] == {"view": "quarter", "from": "2042-05-14", "rows": "rooms", **kept}


def test_filters_hold_in_the_calendar_and_keep_its_span(client: FlaskClient, office: Rest) -> None:
    visit = visit_from(office, "2043-05-14", "2043-05-16")
    shown = f'href="/{visit["name"]}"'
    span = "/visits?view=year&from=2043-01-01"
    for query, matches in (
        ("state=STATE_IDEA", True),
        ("state=STATE_CLOSED", False),
        ("direction=DIRECTION_INCOMING", True),
        ("direction=DIRECTION_OUTGOING", False),
        ("city=cities/swansea", True),
        ("city=cities/mannheim", False),
    ):
        page = client.get(f"{span}&{query}").text
        assert (shown in page) is matches, query
        # Where what other tests have entered matches in another year, the page leads there.
        assert ("No visit matches" in page or "No visit in this time" in page) is not matches, query
        assert '<input type="hidden" name="from" value="2043-01-01">' in page


def test_an_empty_span_leads_to_the_nearest_visits(client: FlaskClient, office: Rest) -> None:
    before, after = visit_from(office, "2044-11-02", "2044-11-04"), visit_from(office, "2046-02-05", "2046-02-06")
    assert "No visit in this time" in client.get("/visits?from=2045-07-01&rows=departments").text
    page = client.get("/visits?from=2045-07-01").text
    assert "No visit in this time" in page
    assert all(f'href="/{visit["name"]}"' in page for visit in (before, after))
    assert {"from": "2044-11-02"}.items() <= links_of(page)["Go to Wed, 2 Nov 2044"].items()
    assert {"from": "2046-02-05"}.items() <= links_of(page)["Go to Mon, 5 Feb 2046"].items()


def test_holidays_of_both_cities_are_drawn_and_said_in_words(client: FlaskClient, office: Rest) -> None:
    visit_from(office, "2047-12-18", "2047-12-20")
    page = client.get("/visits?view=month&from=2047-12-01").text
    drawn = re.findall(r'class="day--(\w+)" x="([\d.]+)" y="(\d)" width="([\d.]+)"', rows_of(page)["Swansea"])
    assert {("public", "24.0", "0", "2.0")[:3], ("public", "24.0", "1")} <= {mark[:3] for mark in drawn}
    # The first day of December 2047 is a Sunday: days off from then on, in both cities.
    assert {("off", "0.0", "0", "1.0"), ("off", "0.0", "1", "1.0"), ("off", "6.0", "0", "2.0")} <= set(drawn)
    said = text_of(client.get("/visits?view=month&from=2047-12-01"))
    assert "is a public holiday in Mannheim" in said
    assert "Saturday and Sunday: nobody works in Mannheim and Swansea." in said


def test_a_year_of_which_no_holidays_are_known_says_so(client: FlaskClient, office: Rest) -> None:
    visit_from(office, "2201-05-14", "2201-05-16")
    said = text_of(client.get("/visits?view=year&from=2201-01-01"))
    assert "The public holidays of Mannheim and Swansea in 2201 are not known." in said


def test_cities_without_a_visit_are_named_to_those_who_see_all(
    gateway: Gateway, office: Rest, client: FlaskClient
) -> None:
    visit_from(office, "2048-05-14", "2048-05-16")
    city = {"city__display_name": "Kilis", "city__country_code": "TR", "city__time_zone": "Europe/Istanbul"}
    assert send(client, "/cities/new", **city).status_code == 303
    path = "/visits?from=2048-01-01"
    page = client.get(path)
    assert "without a visit in this time" in text_of(page)
    assert ">Kilis</a>" in page.text.partition("without a visit")[2]
    assert "without a visit" not in text_of(client.get(f"{path}&state=STATE_IDEA"))
    assert "without a visit" not in text_of(browser(gateway, Role.PARTNER).get(path))


def test_departments_are_shown_with_the_visits_that_they_host(client: FlaskClient, office: Rest) -> None:
    hosted = visit_from(office, "2049-05-14", "2049-05-16", hostDepartment="Waterworks 2049")
    abroad = visit_from(office, "2049-05-20", "2049-05-21", hostDepartment="Highways", direction="DIRECTION_OUTGOING")
    rows = rows_of(client.get("/visits?rows=departments&from=2049-01-01").text)
    assert list(rows) == ["Waterworks 2049"]
    assert f'href="/{hosted["name"]}"' in rows["Waterworks 2049"]
    created(office.post(f"/v1/{hosted['name']}:cancel", {"reason": "Strike"}))
    page = text_of(client.get("/visits?rows=departments&from=2049-01-01&state=STATE_IDEA"))
    assert "No department of Mannheim hosts in this time" in page
    assert abroad["title"] not in page


def test_visits_too_many_to_be_drawn_are_counted_and_lead_to_their_month(client: FlaskClient, office: Rest) -> None:
    exchange = an_exchange(office)
    for number in range(501):
        first = day(f"2052-{5 + number % 2:02}-14")
        created(office.post("/v1/visits", visit_of(exchange, startDate=first, endDate=first)))
    page = client.get("/visits?from=2052-01-01&state=STATE_IDEA")
    assert "501 visits are too many to be drawn." in text_of(page)
    row = rows_of(page.text)["Swansea"]
    assert 'class="bar' not in row
    assert [row.count(f'title="{number} visits"') for number in (251, 250)] == [1, 1]
    (month,) = re.findall(r'href="([^"]+)" title="250 visits"', row)
    drawn = client.get(unescape(month)).text
    assert drawn.count('class="bar ') == 250
    assert "June 2052" in drawn
    # Of one city there is nothing to lead to: what fits is drawn.
    cut = client.get("/visits?from=2052-01-01&city=cities/swansea")
    assert "The first 500 of 501 visits are shown" in text_of(cut)
    assert cut.text.count('class="bar ') == 500


def test_rooms_and_interpreters_are_shown_with_their_hours(client: FlaskClient, office: Rest) -> None:
    visit = visit_from(office, "2050-05-16", "2050-05-18")
    room = created(office.post("/v1/rooms", {"displayName": "Turm 2050"}))
    who = {"function": "Interpreter 2050", "languagePairs": ["en-de"]}
    interpreter = created(office.post("/v1/people", who))
    for hour in ("07", "09"):
        item = {"startTime": f"2050-05-16T{hour}:00:00Z", "endTime": f"2050-05-16T{hour}:45:00Z", "title": "Talk"}
        booked = {"room": room["name"], "people": [interpreter["name"]]}
        created(office.post(f"/v1/{visit['name']}/agendaItems", {**item, **booked}))
    for rows, title in (("rooms", "Turm 2050"), ("interpreters", "Interpreter 2050"), ("people", "Interpreter 2050")):
        row = read_rows(client, f"/visits?view=month&from=2050-05-01&rows={rows}")[title]
        assert 'title="1.5 hours in 2 items"' in row
        assert row.count("<td") == 31
        assert 'class="load load--1" data-label="16 Mo"' in row
        assert row.count("load--") == 1
        year = read_rows(client, f"/visits?from=2050-01-01&rows={rows}")[title]
        (month,) = re.findall(r'href="([^"]+)" title="1.5 hours in 2 items"', year)
        assert f"rows={rows}" in month
        assert read_rows(client, unescape(month))[title] == row


def test_hours_and_items_are_counted_in_words_that_fit(client: FlaskClient, office: Rest) -> None:
    visit = visit_from(office, "2050-06-13", "2050-06-15")
    lengths = {"Turm 2051": ("08:00",), "Turm 2052": ("07:30", "07:30"), "Turm 2053": ("08:30",)}
    for number, (name, ends) in enumerate(lengths.items()):
        room = created(office.post("/v1/rooms", {"displayName": name}))["name"]
        for day, end in enumerate(ends, 13):
            times = {"startTime": f"2050-06-{day}T07:00:00Z", "endTime": f"2050-06-{day}T{end}:00Z"}
            created(office.post(f"/v1/{visit['name']}/agendaItems", {"title": f"Talk {number}", "room": room, **times}))
    address = "/visits?from=2050-01-01&rows=rooms"
    english = read_rows(client, address)
    german = read_rows(client, address, **{"Accept-Language": "de"})
    said = [(english[name], german[name]) for name in lengths]
    for (row, in_german), words in zip(
        said,
        [
            ("1 hour in one item", "1 Stunde in einem Programmpunkt"),
            ("1 hour in 2 items", "1 Stunde in 2 Programmpunkten"),
            ("1.5 hours in one item", "1,5 Stunden in einem Programmpunkt"),
        ],
        strict=True,
    ):
        assert (f'title="{words[0]}"' in row, f'title="{words[1]}"' in in_german) == (True, True)


def test_people_are_shown_to_those_only_who_may_see_them(gateway: Gateway) -> None:
    offered = {
        Role.COORDINATOR: {"Rooms", "Interpreters", "People"},
        Role.MEMBER: {"Rooms", "Interpreters", "People"},
        Role.ADMINISTRATOR: {"Rooms"},
        Role.PARTNER: set(),
    }
    for role, choices in offered.items():
        client = browser(gateway, role)
        assert {"Rooms", "Interpreters", "People"} & set(links_of(client.get("/visits").text)) == choices
        assert client.get("/visits?rows=people").status_code == (200 if "People" in choices else 403)
        assert client.get("/visits?rows=rooms").status_code == (200 if "Rooms" in choices else 403)


@pytest.mark.parametrize(
    "query",
    ["view=decade", "from=yesterday", "from=0001-01-01", "from=9999-12-31", "from=2999-12-31", "from=1900-01-01",
     "rows=chairs", "state=STATE_UNHEARD_OF"],
)  # fmt: skip
def test_whatever_the_address_says_there_is_a_calendar(query: str, client: FlaskClient) -> None:
    answer = client.get(f"/visits?{query}")
    assert answer.status_code == 200
    assert 'id="calendar"' in answer.text


def test_the_list_stays_and_its_filters_keep_it(client: FlaskClient, office: Rest) -> None:
    visit = visit_from(office, "2951-05-14", "2951-05-16")
    page = client.get("/visits?view=list&state=STATE_IDEA&city=cities/swansea").text
    assert f'href="/{visit["name"]}"' in page
    assert '<input type="hidden" name="view" value="list">' in page
    assert 'id="calendar"' not in page


def test_a_visit_says_what_is_to_be_known_of_its_days_until_it_is_over(client: FlaskClient, office: Rest) -> None:
    visit = visit_from(office, "2047-12-24", "2047-12-29")
    path = f"/{visit['name']}"
    said = text_of(client.get(path))
    assert "Wed, 25 Dec 2047 is a public holiday in Mannheim and Swansea: Christmas Day" in said
    assert "In Mannheim and Swansea nobody works: Sat, 28 Dec 2047 – Sun, 29 Dec 2047" in said
    created(office.post(f"/v1/{visit['name']}:cancel", {"reason": "Strike"}))
    assert "nobody works" not in text_of(client.get(path))


def test_weekends_of_a_long_stay_go_without_saying(client: FlaskClient, office: Rest) -> None:
    visit = visit_from(office, "2047-12-02", "2047-12-29")
    said = text_of(client.get(f"/{visit['name']}"))
    assert "public holiday in Mannheim and Swansea: Christmas Day" in said
    assert "nobody works" not in said


def test_the_form_of_a_visit_tells_of_its_days_before_it_is_saved(client: FlaskClient, office: Rest) -> None:
    exchange = an_exchange(office)
    query = f"exchange={exchange['name']}&start_date=2047-12-24&end_date=2047-12-26"
    assert "public holiday in Mannheim and Swansea: Christmas Day" in text_of(client.get(f"/visits/new?{query}"))
    visit = created(
        office.post("/v1/visits", visit_of(exchange, startDate=day("2047-12-24"), endDate=day("2047-12-26")))
    )
    assert "public holiday in Mannheim and Swansea: Christmas Day" in text_of(client.get(f"/{visit['name']}/edit"))
    # Days that are no span are complained about, and nothing is known of them.
    reversed_ = send(client, f"/visits/new?{query}", visit__end_date="2047-12-20", visit__title="Choir")
    assert reversed_.status_code == 400
    assert "public holiday" not in text_of(reversed_)


def test_the_days_that_are_typed_are_told_of_by_themselves(client: FlaskClient, office: Rest) -> None:
    exchange = an_exchange(office)["name"]
    days = "visit.start_date=2047-12-24&visit.end_date=2047-12-26"
    assert "Christmas Day" in client.get(f"/visits/date-hints?visit.exchange={exchange}&{days}").text
    for query in (days, f"visit.exchange=exchanges/none&{days}", f"visit.exchange={exchange}&visit.start_date=2047"):
        answer = client.get(f"/visits/date-hints?{query}")
        assert (answer.status_code, answer.text.strip()) == (200, ""), query
