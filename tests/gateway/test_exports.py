"""Lists as files: all that a list shows, as the reader may see it, and nothing that a spreadsheet would carry out."""

import re
from datetime import date, datetime
from itertools import count
from typing import Any
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from gateway.vocabulary.cities import get_home_day
from gateway.web import exports
from tests.gateway.browsing import browser, text_of
from tests.gateway.conftest import Browse, Gateway, Rest
from tests.gateway.exported import export, read_csv, read_xlsx
from tests.gateway.forums import draft, recommend, seat
from tests.gateway.samples import a_city, a_visit, an_exchange, created, visit_of

_number = count(1)


def a_room(rest: Rest, **fields: Any) -> str:
    """Return the name, for people, of a new room."""
    body = {"displayName": f"Saal {next(_number)}", **fields}
    return str(created(rest.post("/v1/rooms", body))["displayName"])


def find_row(rows: list[dict[str, Any]], **cells: Any) -> dict[str, Any]:
    """Return the only row that has these cells."""
    (row,) = (row for row in rows if cells.items() <= row.items())
    return row


def test_a_file_has_what_the_list_shows_with_its_filters(office: FlaskClient, rest: Rest) -> None:
    a_city(rest, "hebron", timeZone="Asia/Hebron", countryCode="PS")
    exchange = an_exchange(rest)
    titles = {
        direction: created(rest.post("/v1/visits", visit_of(exchange, direction=direction)))["title"]
        for direction in ("DIRECTION_INCOMING", "DIRECTION_OUTGOING")
    }
    address = "/visits?view=list&direction=DIRECTION_OUTGOING&city=cities/swansea"
    page = office.get(address).text
    links = re.findall(r'href="([^"]*format=[^"]*)"', page)
    assert [link.replace("&amp;", "&").replace("%2F", "/") for link in links] == [
        f"{address}&format=csv",
        f"{address}&format=xlsx",
    ]
    rows = read_csv(export(office, address))
    assert titles["DIRECTION_OUTGOING"] in {row["Visit"] for row in rows}
    assert {row["Direction"] for row in rows} == {"Outgoing"}
    assert "Incoming" in {row["Direction"] for row in read_csv(export(office, "/visits?view=list"))}


def test_a_calendar_is_exported_with_the_visits_of_its_time(office: FlaskClient, rest: Rest) -> None:
    inside = a_visit(rest, startDate={"year": 2041, "month": 3, "day": 4}, endDate={"year": 2041, "month": 3, "day": 5})
    a_visit(rest, startDate={"year": 2041, "month": 4, "day": 4}, endDate={"year": 2041, "month": 4, "day": 5})
    address = "/visits?view=month&from=2041-03-01"
    assert "format=xlsx" in office.get(address).text
    assert [row["Visit"] for row in read_csv(export(office, address))] == [inside["title"]]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_all_pages_of_a_list_are_in_its_file(
    office: FlaskClient, rest: Rest, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    names = {a_room(rest) for _ in range(8)}
    monkeypatch.setattr(exports, "PAGE_SIZE", 3)
    # Which page of the list it was exported from makes no difference.
    read = {"csv": read_csv, "xlsx": read_xlsx}[kind]
    rows = read(export(office, "/rooms?page_token=abc", kind))
    assert len(rows) == len({row["Identifier"] for row in rows}) == rest.get("/v1/rooms").json["totalSize"]
    assert names <= {row["Room"] for row in rows}


def test_a_reader_gets_what_the_reader_sees(browse: Browse, gateway: Gateway, rest: Rest) -> None:
    a_city(rest, "hebron", timeZone="Asia/Hebron", countryCode="PS")
    partnership = created(rest.post("/v1/partnerships", {"city": "cities/hebron", "kind": "KIND_FRIENDSHIP"}))
    hebron = an_exchange(rest, partnership=partnership["name"])
    of_hebron = created(rest.post("/v1/visits", visit_of(hebron)))["title"]
    of_swansea = a_visit(rest)["title"]
    for role in (Role.ADMINISTRATOR, Role.COORDINATOR, Role.MEMBER, Role.PARTNER):
        client = browse(role)
        titles = {row["Visit"] for row in read_csv(export(client, "/visits?view=list"))}
        assert of_swansea in titles
        assert (of_hebron in titles) == (role is not Role.PARTNER), role
    expert = browse(Role.EXPERT)
    for path in ("/visits", "/rooms", "/people", "/learnings", "/search", "/accounts", "/cities"):
        assert expert.get(path, query_string={"view": "list", "format": "csv"}).status_code == 403, path
    export(expert, "/forums")
    stranger = gateway.app.test_client().get("/visits?view=list&format=csv")
    assert (stranger.status_code, stranger.location.partition("?")[0]) == (303, "/sign-in")


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.MEMBER, Role.PARTNER, Role.ADMINISTRATOR])
def test_delegation_and_programme_are_exported_as_the_reader_sees_them(browse: Browse, rest: Rest, role: Role) -> None:
    a_city(rest, "hebron", timeZone="Asia/Hebron", countryCode="PS")
    visit = a_visit(rest, otherGuestCities=["cities/hebron"])
    for city, function in (("cities/swansea", "Head of controlling"), ("cities/hebron", "Head of water")):
        created(rest.post(f"/v1/{visit['name']}/delegates", {"function": function, "city": city, "rank": 3}))
    item = {"title": "Welcome", "notes": "Flowers", "wholeDelegation": True}
    times = {"startTime": "2030-05-14T07:00:00Z", "endTime": "2030-05-14T08:30:00Z"}
    created(rest.post(f"/v1/{visit['name']}/agendaItems", {**item, **times}))
    client = browse(role)

    programme = read_xlsx(export(client, f"/{visit['name']}/programme", "xlsx"))
    assert [row["Item"] for row in programme] == ["Welcome"]
    assert programme[0]["Begins at"] == datetime(2030, 5, 14, 9, 0)  # noqa: DTZ001 - as clocks in Mannheim show it
    assert (programme[0]["Duration in minutes"], programme[0]["Time zone"]) == (90, "Europe/Berlin")
    assert programme[0]["People"] == "Whole delegation"
    assert (programme[0].get("Notes for the hosts") == "Flowers") == (role is not Role.PARTNER)
    page, delegation = client.get(f"/{visit['name']}").text, f"/{visit['name']}/delegates"
    if role is Role.ADMINISTRATOR:
        assert f"{delegation}?format=csv" not in page
        assert client.get(f"{delegation}?format=csv").status_code == 403
        return
    assert f"{delegation}?format=csv" in page
    rows = read_csv(export(client, delegation))
    seen = ["Head of controlling"] if role is Role.PARTNER else ["Head of controlling", "Head of water"]
    assert [row["Function"] for row in rows] == seen
    assert (rows[0]["City"], rows[0]["Head of delegation"]) == ("Swansea", "no")
    assert rows[0]["Place in the protocol order"] == "3"
    assert client.get(delegation).location == f"/{visit['name']}#delegation"
    assert client.get(f"/{visit['name']}/programme").location == f"/{visit['name']}#programme"


def test_panel_and_recommendations_of_a_forum_are_exported(
    browse: Browse, gateway: Gateway, rest: Rest, forum: str
) -> None:
    seat(gateway, rest, forum)
    conclusion = draft(rest, forum)
    recommend(rest, conclusion, ownerDepartment="Controlling", dueDate={"year": 2041, "month": 6, "day": 30})
    for role in (Role.COORDINATOR, Role.EXPERT):
        client = browse(role)
        (row,) = read_xlsx(export(client, f"/{forum}/recommendations", "xlsx"))
        assert (row["Title"], row["Follows from"], row["State"]) == ("Voranstellen", "Präambel", "Draft")
        assert (row["Owner"], row["Due"]) == ("Controlling", date(2041, 6, 30))
        (row,) = read_csv(export(client, f"/{forum}/panel"))
        assert (row["Affiliation"], row["Invitation"]) == ("Universität Speyer", "Has accepted")
        assert f"/{forum}/recommendations?format=csv" in client.get(f"/{forum}").text
    assert browse(Role.PARTNER).get(f"/{forum}/recommendations?format=csv").status_code == 403


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\uff1d"])
def test_no_text_is_carried_out_as_a_formula(office: FlaskClient, rest: Rest, beginning: str) -> None:
    name = a_room(rest, displayName=f'{beginning}HYPERLINK("https://evil.example","{next(_number)}")')
    (cell,) = (row["Room"] for row in read_csv(export(office, "/rooms")) if name in row["Room"])
    assert cell == f"'{name}"
    # Excel's own format says what is text.
    assert name in {row["Room"] for row in read_xlsx(export(office, "/rooms", "xlsx"))}


def test_no_formula_begins_inside_a_text(office: FlaskClient, rest: Rest) -> None:
    # Where commas are decimal, a spreadsheet divides at semicolons.
    room = a_room(rest, address="a;=1+1\n @2; -3;b=4")
    assert find_row(read_csv(export(office, "/rooms")), Room=room)["Address"] == "a;'=1+1\n' @2;' -3;b=4"


def test_what_looks_like_markup_or_a_link_stays_a_text(office: FlaskClient, rest: Rest) -> None:
    markup = a_room(rest, displayName=f"<r><t>{next(_number)}</t></v></r>")
    link = a_room(rest, displayName=f"https://city.example/{next(_number)}", address="a\n\tb \ufffe_x0041_ \x1f,\";'")
    rows = read_xlsx(export(office, "/rooms", "xlsx"))
    assert markup in {row["Room"].strip() for row in rows}
    assert find_row(rows, Room=link)["Address"].startswith("a\n\tb")
    assert find_row(read_csv(export(office, "/rooms")), Room=link)["Address"].startswith("a\n\tb")


def test_numbers_are_numbers_also_negative_ones(office: FlaskClient, rest: Rest) -> None:
    location = {"latitude": 51.6214, "longitude": -3.9436}
    a_city(rest, "west", displayName="West of all", location=location)
    room = a_room(rest, seats=48)
    without = a_room(rest)
    cities, rooms = export(office, "/cities"), export(office, "/rooms")
    assert find_row(read_csv(cities), City="West of all")["Longitude"] == "-3.9436"
    assert find_row(read_csv(rooms), Room=room)["Seats"] == "48"
    assert find_row(read_csv(rooms), Room=without)["Seats"] == ""
    row = find_row(read_xlsx(export(office, "/cities", "xlsx")), City="West of all")
    assert (row["Latitude"], row["Longitude"]) == (51.6214, -3.9436)
    assert find_row(read_xlsx(export(office, "/rooms", "xlsx")), Room=room)["Seats"] == 48


def test_days_are_days(office: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    undated = a_visit(rest, startDate=None, endDate=None)
    address = "/visits?view=list"
    row = find_row(read_csv(export(office, address)), Visit=visit["title"])
    assert (row["First day"], row["Last day"]) == ("2030-05-14", "2030-05-16")
    rows = read_xlsx(export(office, address, "xlsx"))
    row = find_row(rows, Visit=visit["title"])
    assert (row["First day"], row["Last day"]) == (date(2030, 5, 14), date(2030, 5, 16))
    assert "First day" not in find_row(rows, Visit=undated["title"])


def test_a_file_is_in_the_readers_language_and_in_all_scripts(office: FlaskClient, rest: Rest) -> None:
    name = a_room(rest, displayName=f"قاعة الاجتماعات {next(_number)}", address="Großer Straßenüberweg 1, 上海")
    german = {"Accept-Language": "de"}
    answer = export(office, "/rooms", **german)
    assert answer.data.startswith("\ufeffRaum,".encode())
    assert b"\r\n" in answer.data
    assert find_row(read_csv(answer), Raum=name)["Adresse"] == "Großer Straßenüberweg 1, 上海"
    assert find_row(read_xlsx(export(office, "/rooms", "xlsx", **german)), Raum=name)["Adresse"].startswith("Großer")
    visit = a_visit(rest)
    row = find_row(read_csv(export(office, "/visits?view=list", **german)), Besuch=visit["title"])
    assert (row["Stand"], row["Richtung"]) == ("Idee", "Eingehend")


def test_a_file_is_called_like_its_list_and_day_and_kept_by_nobody(gateway: Gateway, office: FlaskClient) -> None:
    with gateway.app.app_context():
        today = get_home_day().isoformat()
    answer = export(office, "/cities", "xlsx", **{"Accept-Language": "de"})
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert f"filename*=UTF-8''Städte {today}.xlsx" in unquote(answer.headers["Content-Disposition"])
    asked = export(office, "/search?query=a%2Fb%0A%E2%80%AE%22c%22")
    assert f"Learnings – a b c {today}.csv" in unquote(asked.headers["Content-Disposition"])


def test_an_empty_list_is_a_file_with_headings(office: FlaskClient) -> None:
    address = "/visits?view=list&city=cities/atlantis"
    answer = export(office, address)
    assert read_csv(answer) == []
    assert answer.data.decode("utf-8-sig").startswith("Visit,Exchange,")
    assert read_xlsx(export(office, address, "xlsx")) == []


def test_what_is_found_is_exported_with_its_filters(office: FlaskClient, rest: Rest) -> None:
    for title, language in (("Zisternenplan", "de"), ("Zisternenplan auf Walisisch", "cy")):
        body = {"title": title, "language": language, "observation": "So war es.", "topics": ["water"]}
        created(rest.post("/v1/learnings", body))
    assert {row["Learning"] for row in read_csv(export(office, "/learnings?written_in=cy"))} == {
        "Zisternenplan auf Walisisch"
    }


def test_a_list_that_is_too_long_says_what_to_do(
    office: FlaskClient, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        a_room(rest)
    monkeypatch.setattr(exports, "MAX_ROWS", 2)
    refused = office.get("/rooms?format=csv&page_token=abc")
    assert (refused.status_code, refused.location) == (303, "/rooms")
    assert "a file takes 2 at most: filter it" in text_of(office.get("/rooms"))


def test_one_file_is_written_at_a_time(office: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "TURN_SECONDS", 0.01)
    with exports._turn:
        busy = office.get("/rooms?format=csv")
    assert (busy.status_code, busy.mimetype) == (503, "text/html")
    assert "Retry-After" in busy.headers
    export(office, "/rooms")


def test_what_the_list_refuses_its_file_refuses_alike(office: FlaskClient) -> None:
    for filters in ("city=" + "a" * 100, "state=STATE_NONE", "direction=%00", "city=%00"):
        address = f"/visits?view=list&{filters}"
        shown, exported = office.get(address), office.get(f"{address}&format=csv")
        assert shown.status_code == exported.status_code, filters
        assert exported.mimetype == ("text/csv" if shown.status_code == 200 else "text/html")
    for kind in ("", "pdf", "CSV", "csv/"):
        assert office.get(f"/rooms?format={kind}").mimetype == "text/html"
    assert office.post("/rooms?format=csv").status_code in (400, 405)


def test_more_topics_than_one_call_tells_are_named(gateway: Gateway, office: FlaskClient, rest: Rest) -> None:
    exchange = an_exchange(rest, topics=[f"own-topic-{next(_number)}" for _ in range(20)])
    row = find_row(read_csv(export(office, "/exchanges")), Exchange=exchange["title"])
    assert row["Topics"].split("; ")[0].startswith("Own topic")


def test_accounts_are_for_administrators(browse: Browse, gateway: Gateway) -> None:
    rows = read_csv(export(browser(gateway, Role.ADMINISTRATOR), "/accounts?query=partner"))
    row = find_row(rows, **{"E-mail address": "partner@city.example"})
    assert (row["City"], row["State"]) == ("Swansea", "Can sign in")
    assert browse(Role.COORDINATOR).get("/accounts?format=csv").status_code == 403
