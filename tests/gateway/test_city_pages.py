"""The pages of cities and partnerships: entering what exchanges begin with."""

from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from gateway.i18n.countries_and_zones import get_zone_name
from tests.gateway.browsing import PageForm, browser, send, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_city, created

_number = count(1)
KLAIPEDA = {
    "city__display_name": "Klaipeda",
    "city__local_name": "Klaipėda",
    "city__country_code": "LT",
    "city__subdivision_code": "lt-kl",
    "city__time_zone": "vilnius",
    "city__working_week": ["MONDAY", "TUESDAY"],
    "city__languages": "Lithuanian, English",
    "city__holiday_calendar": "lt",
}


@pytest.fixture
def rest(gateway: Gateway) -> Rest:
    return gateway.as_(Role.COORDINATOR)


def an_id() -> str:
    return f"city-{next(_number)}"


def a_partnership(rest: Rest) -> dict[str, Any]:
    city = a_city(rest, an_id())
    return created(rest.post("/v1/partnerships", {"city": city["name"], "kind": "KIND_CONTACT"}))


def test_a_city_is_entered_in_words_and_small_letters(office: FlaskClient, rest: Rest) -> None:
    city_id = an_id()
    answer = send(office, "/cities/new", city_id=city_id, **KLAIPEDA)
    assert (answer.status_code, answer.location) == (303, f"/cities/{city_id}")
    city = rest.get(f"/v1/cities/{city_id}").json
    assert city["timeZone"] == "Europe/Vilnius"
    assert city["subdivisionCode"] == "LT-KL"
    assert city["holidayCalendar"] == "LT"
    assert city["languages"] == ["lt", "en"]
    assert city["workingWeek"] == ["MONDAY", "TUESDAY"]
    page = text_of(office.get(answer.location))
    assert "Working days Monday, Tuesday" in page
    assert "Next: record what binds Klaipeda to the home city." in page


def test_the_short_name_of_a_city_is_made_from_its_name_and_can_be_taken(office: FlaskClient) -> None:
    named = KLAIPEDA | {"city__display_name": "Görlitz at the River"}
    assert send(office, "/cities/new", **named).location == "/cities/goerlitz-at-the-river"
    again = send(office, "/cities/new", **named)
    assert again.status_code == 409
    assert "This short name is taken." in text_of(again)
    assert PageForm(again.text).fields["city.display_name"] == "Görlitz at the River"


def test_a_short_name_left_empty_stays_empty_and_is_made_from_the_corrected_name(office: FlaskClient) -> None:
    slip = KLAIPEDA | {"city__display_name": "Galatzi", "city__time_zone": "Nowhere"}
    form = PageForm(send(office, "/cities/new", **slip).text).fields
    assert form["city_id"] == ""
    form["city.display_name"], form["city.time_zone"] = "Galati", "Europe/Bucharest"
    assert office.post("/cities/new", data=form).location == "/cities/galati"


def test_a_bad_field_of_a_city_is_named_and_nothing_typed_is_lost(office: FlaskClient) -> None:
    answer = send(office, "/cities/new", **(KLAIPEDA | {"city__time_zone": "Nowhere", "city__display_name": "K"}))
    assert answer.status_code == 400
    assert "Time zone: This time zone is not known." in text_of(answer)
    assert PageForm(answer.text).fields.getlist("city.working_week") == ["", "MONDAY", "TUESDAY"]
    assert PageForm(answer.text).fields["city.time_zone"] == "Nowhere"
    empty = text_of(send(office, "/cities/new"))
    for label in ("Name", "Country", "Time zone", "Short name in addresses"):
        assert f"{label}: Please fill this in." in empty


def test_who_overtakes_another_is_told_and_decides(office: FlaskClient, rest: Rest) -> None:
    city = a_city(rest, an_id())
    typed = PageForm(office.get(f"/{city['name']}/edit").text).fields
    typed["city.local_name"] = "Abertawe"
    created(rest.patch(f"/v1/{city['name']}", {"localName": "Somebody else's"}))
    overtaken = office.post(f"/{city['name']}/edit", data=typed)
    assert overtaken.status_code == 409
    assert "Take this instead: “Somebody else's”" in text_of(overtaken)
    assert "What you typed is still below." in text_of(overtaken)
    assert office.post(f"/{city['name']}/edit", data=PageForm(overtaken.text).fields).status_code == 303
    assert rest.get(f"/v1/{city['name']}").json["localName"] == "Abertawe"


def test_a_city_keeps_its_coordinates_when_something_else_changes(office: FlaskClient, rest: Rest) -> None:
    city = a_city(rest, an_id(), location={"latitude": 51.5, "longitude": -3.9})
    assert send(office, f"/{city['name']}/edit", city__working_week=[""]).status_code == 303
    assert rest.get(f"/v1/{city['name']}").json["location"] == {"latitude": 51.5, "longitude": -3.9}


def test_coordinates_of_a_city_are_typed_and_read_as_the_reader_writes_numbers(office: FlaskClient, rest: Rest) -> None:
    city_id = an_id()
    place = {"city__location__latitude": "51.6214", "city__location__longitude": " −3.9436° "}
    assert send(office, "/cities/new", city_id=city_id, **KLAIPEDA, **place).status_code == 303
    assert rest.get(f"/v1/cities/{city_id}").json["location"] == {"latitude": 51.6214, "longitude": -3.9436}
    assert "Coordinates 51.6214° N, 3.9436° W" in text_of(office.get(f"/cities/{city_id}"))

    german = {"Accept-Language": "de"}
    assert "Koordinaten 51,6214° N, 3,9436° W" in text_of(office.get(f"/cities/{city_id}", headers=german))
    form = PageForm(office.get(f"/cities/{city_id}/edit", headers=german).text).fields
    assert (form["city.location.latitude"], form["city.location.longitude"]) == ("51,6214", "-3,9436")
    form["city.location.latitude"], form["city.location.longitude"] = "-0,5", "0"
    assert office.post(f"/cities/{city_id}/edit", data=form, headers=german).status_code == 303
    assert "Koordinaten 0,5° S, 0° O" in text_of(office.get(f"/cities/{city_id}", headers=german))
    form = PageForm(office.get(f"/cities/{city_id}/edit").text).fields
    assert (form["city.location.latitude"], form["city.location.longitude"]) == ("-0.5", "0")

    blank = {"city__location__latitude": "", "city__location__longitude": ""}
    assert send(office, f"/cities/{city_id}/edit", **blank).status_code == 303
    assert "location" not in rest.get(f"/v1/cities/{city_id}").json
    assert "Coordinates" not in text_of(office.get(f"/cities/{city_id}"))


@pytest.mark.parametrize(
    ("latitude", "longitude", "complaint"),
    [
        ("51.6", "", "Longitude: Please fill this in."),
        ("", "0", "Latitude: Please fill this in."),
        ("90.1", "8", "Latitude: Please give a number from -90 to 90."),
        ("470105", "8", "Latitude: Please give a number from -90 to 90."),
        ("-90", "-180,5", "Longitude: Please give a number from -180 to 180."),
        ("north", "8", "Latitude: Please give a number, for example: 49.4875."),
        ("nan", "8", "Latitude: Please give a number, for example: 49.4875."),
        ("49.4875, 8.4660", "8.4660", "Latitude: Please give a number, for example: 49.4875."),
    ],
)
def test_coordinates_that_are_no_place_are_refused_beside_their_field(
    office: FlaskClient, latitude: str, longitude: str, complaint: str
) -> None:
    place = {"city__location__latitude": latitude, "city__location__longitude": longitude}
    answer = send(office, "/cities/new", city_id=an_id(), **KLAIPEDA, **place)
    assert answer.status_code == 400
    assert complaint in text_of(answer)
    assert PageForm(answer.text).fields["city.location.latitude"] == latitude


def test_a_program_is_told_which_coordinate_lies_outside(rest: Rest) -> None:
    sample = {"displayName": "Far", "countryCode": "LT", "timeZone": "Europe/Vilnius"}
    answer = rest.post("/v1/cities", sample | {"location": {"latitude": -91, "longitude": 181}}, cityId=an_id())
    violations = answer.get_json()["error"]["details"][1]["fieldViolations"]
    assert [one["field"] for one in violations] == ["city.location.latitude", "city.location.longitude"]


def test_the_list_asks_for_the_home_city_as_long_as_it_is_missing(
    gateway: Gateway, office: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(gateway.app.config, "HOME_CITY", "cities/home-to-be")
    assert "The home city is missing" in text_of(office.get("/cities"))
    assert "The home city is missing" not in text_of(browser(gateway, Role.MEMBER).get("/cities"))
    form = PageForm(office.get("/cities/new?city=cities/home-to-be").text).fields
    assert (form["city_id"], form["city.time_zone"]) == ("home-to-be", "Europe/Berlin")


@pytest.mark.parametrize("role", [Role.MEMBER, Role.PARTNER, Role.EXPERT, Role.ADMINISTRATOR])
def test_only_the_international_office_enters_cities_and_partnerships(gateway: Gateway, role: Role, rest: Rest) -> None:
    partnership, reader = a_partnership(rest), browser(gateway, role)
    city = partnership["city"]
    for path in ("/cities/new", f"/{city}/edit", "/partnerships/new", f"/{partnership['name']}/edit"):
        assert reader.get(path).status_code == 403
    assert "New city" not in text_of(reader.get("/cities"))
    assert "New partnership" not in text_of(reader.get(f"/{city}"))


def test_a_partnership_is_created_and_changed(office: FlaskClient, rest: Rest) -> None:
    city = a_city(rest, an_id())
    path = f"/partnerships/new?city={city['name']}"
    assert PageForm(office.get(path).text).fields["partnership.city"] == city["name"]
    made = send(office, path, partnership__kind="KIND_PROJECT", partnership__theme="Wastewater")
    assert made.status_code == 303
    assert "Next: its first exchange." in text_of(office.get(made.location))
    changed = send(office, f"{made.location}/edit", partnership__end_date="2031-12-31")
    assert changed.location == made.location
    partnership = rest.get(f"/v1{made.location}").json
    assert (partnership["kind"], partnership["theme"]) == ("KIND_PROJECT", "Wastewater")
    assert partnership["endDate"] == {"year": 2031, "month": 12, "day": 31}
    assert send(office, f"{made.location}/edit", partnership__end_date="").status_code == 303
    assert "endDate" not in rest.get(f"/v1{made.location}").json


def test_a_bad_field_of_a_partnership_is_named(office: FlaskClient, rest: Rest) -> None:
    city = a_city(rest, an_id())
    days = {"partnership__start_date": "2030-05-02", "partnership__end_date": "2030-05-01"}
    fields = {"partnership__city": city["name"], "partnership__kind": "KIND_CONTACT", **days}
    answer = send(office, "/partnerships/new", **fields)
    assert answer.status_code == 400
    assert "Last day: The last day is before the first." in text_of(answer)


def test_a_partnership_changed_meanwhile_is_not_overwritten(office: FlaskClient, rest: Rest) -> None:
    partnership = a_partnership(rest)
    typed = PageForm(office.get(f"/{partnership['name']}/edit").text).fields
    created(rest.patch(f"/v1/{partnership['name']}", {"theme": "Theirs"}))
    typed["partnership.theme"] = "Ours"
    answer = office.post(f"/{partnership['name']}/edit", data=typed)
    assert answer.status_code == 409
    assert "“Theirs”" in text_of(answer)
    assert rest.get(f"/v1/{partnership['name']}").json["theme"] == "Theirs"


def test_a_new_city_can_be_chosen_at_once(office: FlaskClient) -> None:
    city_id = an_id()
    office.get("/visits")  # the names of cities are remembered for a while
    send(office, "/cities/new", city_id=city_id, **(KLAIPEDA | {"city__display_name": "Brand-new"}))
    assert f'value="cities/{city_id}"' in office.get("/visits").text


@pytest.mark.parametrize(
    ("role", "offered"),
    [(Role.ADMINISTRATOR, True), (Role.COORDINATOR, True), (Role.MEMBER, False), (Role.EXPERT, False)],
)
def test_the_administration_is_in_the_navigation_of_those_who_administer(
    gateway: Gateway, role: Role, offered: bool
) -> None:
    reader = browser(gateway, role)
    assert ('href="/administration"' in reader.get("/").text) is offered
    assert ('href="/accounts"' in reader.get("/administration").text) is (role is Role.ADMINISTRATOR)


@pytest.mark.parametrize("role", list(Role)[:5])
def test_the_administration_and_its_list_of_cities_open_to_those_who_administer_only(
    gateway: Gateway, role: Role, rest: Rest
) -> None:
    city, reader = a_city(rest, an_id())["name"], browser(gateway, role)
    status = 200 if role in (Role.ADMINISTRATOR, Role.COORDINATOR) else 403
    assert reader.get("/administration").status_code == status
    assert reader.get("/cities").status_code == status
    page = reader.get(f"/{city}")
    assert page.status_code == 200
    assert ('href="/cities"' in page.text) is (status == 200)


def test_a_city_names_the_country_of_its_codes_and_keeps_what_has_no_name(gateway: Gateway, rest: Rest) -> None:
    city = a_city(rest, an_id(), subdivisionCode="GB-SWA", holidayCalendar="GB-WLS")["name"]
    whole = a_city(rest, an_id(), holidayCalendar="LT")["name"]
    reader = browser(gateway, Role.COORDINATOR)
    page = text_of(reader.get(f"/{city}"))
    assert "Part of the country GB-SWA" in page
    assert "Public holidays United Kingdom (GB-WLS)" in page
    assert "Public holidays Lithuania" in text_of(reader.get(f"/{whole}"))


@pytest.mark.parametrize(
    ("zone", "german", "english"),
    [
        ("Europe/Kyiv", "Ukraine (Kyiv)", "Ukraine (Kyiv) Time"),
        ("Europe/London", "Vereinigtes Königreich", "United Kingdom Time"),
    ],
)
def test_the_name_of_a_time_zone_does_not_say_local_time_again(
    gateway: Gateway, zone: str, german: str, english: str
) -> None:
    for language, name in (("de", german), ("en", english)):
        with gateway.app.test_request_context(headers={"Cookie": f"language={language}"}):
            assert get_zone_name(zone) == name
