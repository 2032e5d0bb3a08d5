"""The forms of pages: what was typed becomes a message, what a service refuses becomes a complaint beside its field."""

from collections.abc import Iterator

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from flask import Flask
from flask_babel import Babel

from chassis.error_metadata import flatten_indexed
from chassis.errors import AlreadyExists, FieldRequired, InvalidArgument, NotFound
from chassis.validation import validate
from gateway.forms.form import Form
from gateway.i18n import languages
from gateway.vocabulary import enum_labels, topics
from gateway.web import links, template_context


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.config.update(HOME_TIME_ZONE="Europe/Berlin", BABEL_TRANSLATION_DIRECTORIES=str(languages.TRANSLATIONS))
    Babel(app, locale_selector=languages.current_locale)
    return app


@pytest.fixture
def german(app: Flask) -> Iterator[None]:
    with app.test_request_context(headers={"Accept-Language": "de"}):
        yield


def posted(app: Flask, fields: dict[str, object], zone: str = "", language: str = "en") -> Form:
    """Return the form of a request that posts `fields`, in an app context that stays open for the test."""
    context = app.test_request_context(method="POST", data=fields, headers={"Accept-Language": language})
    context.push()
    return Form(zone=zone)


def test_what_is_typed_becomes_the_request(app: Flask) -> None:
    form = posted(
        app,
        {
            "visit.title": "  Controllers\r\nfrom Swansea ",
            "visit.direction": "DIRECTION_OUTGOING",
            "visit.start_date": "2027-04-12",
            "request_id": "0190d6c5-3f0a-4a57-9d44-0d6a1f2b3c4d",
            "csrf_token": "not a field of the request",
        },
    )
    request = form.build_request(pb.CreateVisitRequest)
    assert request.visit.title == "Controllers\nfrom Swansea"
    assert request.visit.direction == pb.Visit.DIRECTION_OUTGOING
    assert (request.visit.start_date.year, request.visit.start_date.month, request.visit.start_date.day) == (
        2027,
        4,
        12,
    )
    assert request.request_id == "0190d6c5-3f0a-4a57-9d44-0d6a1f2b3c4d"


def test_a_message_shown_in_a_form_and_sent_back_is_the_same(app: Flask) -> None:
    item = pb.AgendaItem(title="Budget", people=["people/a", "people/b"], interpretation_languages=["de", "cy"])
    item.start_time.FromJsonString("2027-04-12T08:00:00Z")
    with app.test_request_context():
        shown = Form({"agenda_item": item}, zone="Europe/London")
        assert shown["agenda_item.start_time"] == "2027-04-12T09:00"
    back = posted(app, dict(shown.values.lists()), zone="Europe/London").build_request(pb.UpdateAgendaItemRequest)
    assert back.agenda_item == item


def test_a_time_that_the_clocks_skip_is_refused(app: Flask) -> None:
    form = posted(app, {"agenda_item.start_time": "2027-03-28T02:30"}, zone="Europe/Berlin")
    with pytest.raises(InvalidArgument) as refusal:
        form.build_request(pb.CreateAgendaItemRequest)
    assert refusal.value.violations[0].field == "agenda_item.start_time"


@pytest.mark.parametrize(("path", "text"), [
    ("visit.start_date", "soon"),
    ("visit.direction", "SIDEWAYS"),
    ("visit.start_date", "2027-02-30"),
])  # fmt: skip
def test_what_cannot_be_read_is_named_by_its_field(path: str, text: str, app: Flask) -> None:
    form = posted(app, {path: text})
    with form.catch_refusal():
        form.build_request(pb.CreateVisitRequest)
    assert form.get_complaints(path)
    assert form.status == 400
    assert form[path] == text


def test_a_complaint_of_a_service_stands_beside_its_field_in_the_readers_language(app: Flask) -> None:
    form = posted(app, {"debrief.entries.0.title": ""}, language="de")
    with form.catch_refusal():
        raise FieldRequired("debrief.entries[0].title")
    assert form.get_complaints("debrief.entries.0.title") == ["Bitte füllen Sie dieses Feld aus."]
    form.note_field("debrief.entries.0.title", "Titel")
    assert form.summarize_complaints() == [("debrief.entries.0.title", "Titel", "Bitte füllen Sie dieses Feld aus.")]


def test_an_unknown_language_is_told_in_words(app: Flask) -> None:
    form = posted(app, {"delegate.languages": "Klingonisch?"}, language="de")
    with form.catch_refusal():
        validate(form.build_request(pb.CreateDelegateRequest, parent="visits/a"))
    assert form.get_complaints("delegate.languages") == [
        "Diese Sprache ist nicht bekannt. Bitte geben Sie ihren Namen an, zum Beispiel: Polnisch."
    ]


def test_of_several_languages_the_unknown_one_is_named(app: Flask) -> None:
    form = posted(app, {"delegate.languages": "Deutsch, Klingonisch?"}, language="de")
    with form.catch_refusal():
        validate(form.build_request(pb.CreateDelegateRequest, parent="visits/a"))
    assert form.get_complaints("delegate.languages")[0].startswith("Klingonisch?: Diese Sprache ist nicht bekannt.")


def test_a_double_booking_names_what_it_collides_with(app: Flask) -> None:
    form = posted(app, {"agenda_item.title": "Tour"}, zone="Europe/Berlin")
    with form.catch_refusal():
        raise AlreadyExists(
            "",
            reason="DOUBLE_BOOKING",
            metadata={
                "clashes_0_resource_title": "Ratssaal",
                "clashes_0_conflict": "visits/a/agendaItems/b",
                "clashes_0_conflict_title": "Welcome",
                "clashes_0_start_time": "2027-04-12T08:00:00Z",
                "clashes_0_end_time": "2027-04-12T09:00:00Z",
                "clashes": "1",
            },
        )
    assert form.explanation is not None
    assert "Ratssaal" in form.explanation.text
    assert "10:00" in form.explanation.text
    assert form.explanation.links == [("visits/a/agendaItems/b", "Welcome")]
    assert form.status == 409


def test_a_double_booking_names_every_clash_and_how_many_more_there_are(app: Flask) -> None:
    form = posted(app, {"agenda_item.title": "Tour"}, zone="Europe/Berlin")
    seen = {"resource_title": "Ratssaal", "conflict": "visits/a/agendaItems/b", "conflict_title": "Welcome"}
    unseen = {"resource_title": "Interpreter", "start_time": "2027-04-12T08:00:00Z"}
    metadata = {**flatten_indexed("clashes", [seen, unseen]), "clashes": "5"}
    with form.catch_refusal():
        raise AlreadyExists("", reason="DOUBLE_BOOKING", metadata=metadata)
    assert form.explanation is not None
    first, second, more = form.explanation.text.splitlines()
    assert first.startswith("Ratssaal is taken by “Welcome”")
    assert second.startswith("Interpreter is taken: Mon")
    assert more == "There are 3 more clashes."
    assert form.explanation.links == [("visits/a/agendaItems/b", "Welcome")]


def test_what_no_form_can_answer_is_not_kept_in_one(app: Flask) -> None:
    form = posted(app, {})
    with pytest.raises(NotFound), form.catch_refusal():
        raise NotFound("visits/gone")


def test_entries_are_removed_and_numbered_anew(app: Flask) -> None:
    form = posted(app, {f"debrief.entries.{index}.title": text for index, text in enumerate("abc")})
    form.keep_entries("debrief.entries", lambda index: index != 1)
    assert [entry.title for entry in form.build_request(pb.ReportVisitRequest).debrief.entries] == ["a", "c"]


@pytest.mark.usefixtures("german")
def test_languages_are_written_in_words() -> None:
    assert languages.find_language("Walisisch") == "cy"
    assert languages.find_language("en") == "en"
    assert languages.find_language("Klingonisch?") == "Klingonisch?"


@pytest.mark.parametrize(("typed", "slug"), [
    ("Grünflächen", "grünflächen"),
    ("Gru\u0308nfla\u0308chen", "grünflächen"),
    ("Bürger & Verwaltung", "bürger-verwaltung"),
    ("Straßenbau", "straßenbau"),
    ("水资源", "水资源"),
    ("नगर नियोजन", "नगर-नियोजन"),
    ("!?", "!?"),  # no slug: the service says so
])  # fmt: skip
def test_a_topic_keeps_the_letters_of_its_script(typed: str, slug: str) -> None:
    assert topics.make_slug(typed) == slug


@pytest.mark.parametrize(("snippet", "safe"), [
    ("a <mark>b</mark> &lt;c&gt; &amp;", "a <mark>b</mark> &lt;c&gt; &amp;"),
    ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
    ("<mark onclick=x>", "&lt;mark onclick=x&gt;"),
    ("&lt;mark&gt;", "&lt;mark&gt;"),
])  # fmt: skip
def test_a_snippet_brings_no_markup_but_its_marks(snippet: str, safe: str) -> None:
    assert template_context.render_snippet(snippet) == safe


@pytest.mark.parametrize(("name", "path"), [
    ("visits/a", "/visits/a"),
    ("forums/a/conclusions/b", "/forums/a#conclusions-b"),
    ("forums/a/panelists/b", "/forums/a/panel#panelists-b"),
    ("forums/a/subjectNodes/b", "/forums/a/subject#subjectNodes-b"),
    ("visits/é", "/visits/%C3%A9"),
])  # fmt: skip
def test_every_resource_has_an_address(name: str, path: str, app: Flask) -> None:
    with app.test_request_context():
        assert links.href(name) == path


def test_every_state_verb_and_kind_of_the_contract_has_words() -> None:
    from google.protobuf.descriptor import EnumDescriptor

    from gateway import rpc

    def enums(message: object) -> Iterator[EnumDescriptor]:
        yield from message.enum_types  # type: ignore[attr-defined]
        for nested in message.nested_types:  # type: ignore[attr-defined]
            yield from enums(nested)

    # Of these a page says whole sentences, or programs alone are told.
    unnamed = {
        "DateReason.Kind",
        "ListOccupanciesRequest.Kind",
        "ScheduleProgrammeResponse.State",
        "SchedulingRequirement.Kind",
    }
    shown = {"State", "Kind", "Direction", "Origin", "Verdict", "Visibility", "Reason", "Outcome"}
    for file in (file for files in rpc.CONTRACTS.values() for file in files):
        for message in file.message_types_by_name.values():
            for enum in enums(message):
                name = f"{enum.containing_type.name}.{enum.name}"
                if enum.name in shown and name not in unnamed:
                    words = enum_labels.TERMS[name]
                    assert {value.name for value in enum.values if value.number} == set(words)


def test_an_empty_form_names_the_fields_and_not_the_whole(app: Flask) -> None:
    form = posted(app, {"room.display_name": "", "request_id.inside": "x", "nothing.of_this": ""})
    with form.catch_refusal():
        validate(form.build_request(pb.CreateRoomRequest))
    assert form.get_complaints("room.display_name") == ["Please fill this in."]
