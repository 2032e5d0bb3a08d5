"""Pages on which the whole delegation or programme of a visit is edited in one table, or pasted from a spreadsheet."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from chassis.convert import date_of
from chassis.errors import InvalidFields, NotFound, Violation
from gateway import rpc
from gateway.auth import permissions
from gateway.auth.callers import is_reader
from gateway.auth.sign_in import sign_in_required
from gateway.forms import resubmission
from gateway.forms.entries import MAX_ENTRIES
from gateway.forms.form import Form
from gateway.forms.table import Table, write_rows
from gateway.i18n.formats import format_parts
from gateway.i18n.languages import get_language_name
from gateway.pages.visits import precedence_cells
from gateway.pages.visits.bookable import list_people, list_rooms, list_venues
from gateway.pages.visits.cells import ANY_ROOM, DelegateCells, ItemCells, list_attending
from gateway.pages.visits.delegation import get_title, list_cities, list_delegates
from gateway.pages.visits.programme import list_items
from gateway.pages.visits.timeline import list_days
from gateway.vocabulary import enum_labels
from gateway.web.links import href

# How many stored rows are on one page; the rest of what a form can hold is for new ones.
ON_A_PAGE = 80
# Blank rows of an empty table, blank rows below any other, and how many the button adds.
OFFERED, BELOW, ADDED = 12, 3, 10
ITEMS, DELEGATES = "agenda_items", "delegates"
# What a button does that does not save.
BUTTON, ADD_ROWS = "do", "add_rows"


@dataclass(frozen=True)
class Column:
    """
    One cell of each row.

    Attributes:
        options: (value, label) of a choice.
        suggestions: What is often typed here.
        size: How many letters it shows, about.
    """

    field: str
    label: str
    type: str = "text"
    options: Sequence[tuple[str, str]] = ()
    suggestions: Sequence[str] = ()
    size: int = 12


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of visits the pages of many rows."""
    blueprint.add_url_rule("/<visit_id>/agendaItems/rows", view_func=edit_items, methods=["GET", "POST"])
    blueprint.add_url_rule("/<visit_id>/delegates/rows", view_func=edit_delegates, methods=["GET", "POST"])


@sign_in_required
def edit_items(visit_id: str) -> ResponseReturnValue:
    permissions.require("AgendaItemService.BatchEditAgendaItems")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    items, cells = list_items(visit), ItemCells(visit)
    columns = _list_item_columns(visit, items)
    shown = items[_read_start() :][:ON_A_PAGE]
    form = _open_form(
        write_rows(ITEMS, cells, shown) | precedence_cells.write_rows(ITEMS, items, shown), visit.time_zone
    )
    table = Table(form, ITEMS, cells, items, _list_choices(columns))
    if form.submitted and form[BUTTON] != ADD_ROWS:
        with form.catch_refusal():
            table.fill_ticked()
            if not form[BUTTON]:
                rows = precedence_cells.arrange(form, table.read(), items, visit.name)
                for row in rows:
                    # What is moved stays as long as it is.
                    is_moved = row.message.HasField("start_time") and "start_time" in row.fields
                    if is_moved and "duration_minutes" not in row.fields:
                        row.fields.append("duration_minutes")
                sent = table.build_request(pb.BatchEditAgendaItemsRequest, visit.name, rows, "agenda_item")
                _send(rpc.agenda_items.BatchEditAgendaItems, sent)
                return _finish(table, sent, f"{href(visit.name)}#programme")
        table.place_complaints(
            {"": "title", "people": "time", "end_time": "duration_minutes", "after": precedence_cells.COLUMN}
        )
    return _render(
        form,
        visit,
        ITEMS,
        columns,
        len(items),
        heading=_("Edit the programme"),
        explanation=_("Each row is an item. It needs a title and how long it takes; everything else can follow."),
        predecessors=precedence_cells.describe_predecessors(items),
    )


@sign_in_required
def edit_delegates(visit_id: str) -> ResponseReturnValue:
    permissions.require("DelegateService.BatchEditDelegates")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    delegates, cells = list_delegates(visit.name), DelegateCells()
    columns = _list_delegate_columns(visit, delegates)
    form = _open_form(write_rows(DELEGATES, cells, delegates[_read_start() :][:ON_A_PAGE]))
    table = Table(form, DELEGATES, cells, delegates, _list_choices(columns))
    if form.submitted and form[BUTTON] != ADD_ROWS:
        with form.catch_refusal():
            table.fill_ticked()
            if not form[BUTTON]:
                sent = table.build_request(pb.BatchEditDelegatesRequest, visit.name, table.read(), "delegate")
                _send(rpc.delegates.BatchEditDelegates, sent)
                return _finish(table, sent, f"{href(visit.name)}#delegation")
        table.place_complaints({"": "display_name"})
    return _render(
        form,
        visit,
        DELEGATES,
        columns,
        len(delegates),
        heading=_("Edit the delegation"),
        explanation=_("Each row is a person. It needs the function; everything else can follow."),
    )


def _read_start() -> int:
    """Return the place of the first row of the page that is asked for."""
    token = request.args.get("page_token", "")
    return int(token) if token.isascii() and token.isdecimal() and len(token) < 5 else 0


def _open_form(initial: Mapping[str, str], zone: str = "") -> Form:
    """Return the form of a table, with what was typed into it, else with what it starts with."""
    return Form(None if resubmission.get_typed() else initial, zone=zone)


def _send(edit: Callable[[Any], object], sent: Any) -> None:
    """
    Let a service save what was changed, if anything was.

    Raises:
        InvalidFields: A row was removed since the page asked what is stored; reason ENTRY_REMOVED.
    """
    if not (sent.deletions or sent.changes or sent.additions):
        return
    try:
        edit(sent)
    except NotFound as gone:
        if "entry" not in gone.metadata:
            raise
        raise InvalidFields([Violation(gone.metadata["entry"], "ENTRY_REMOVED", "was removed meanwhile")]) from None


def _finish(table: Table, sent: Any, then: str) -> ResponseReturnValue:
    """Say what was saved, and what somebody else had changed, and lead to where it shows."""
    changed, added, removed = len(sent.changes), len(sent.additions), len(sent.deletions)
    said = [
        ngettext("%(num)s row is changed.", "%(num)s rows are changed.", changed) if changed else "",
        ngettext("%(num)s row is added.", "%(num)s rows are added.", added) if added else "",
        ngettext("%(num)s row is removed.", "%(num)s rows are removed.", removed) if removed else "",
    ]
    flash(" ".join(filter(None, said)) or _("Nothing was changed."), "success")
    if others := sorted({row.updater for row in table.theirs if not is_reader(row.updater)}):
        flash(
            _("%(updater)s changed something else here meanwhile; both are saved.", updater=", ".join(others)), "info"
        )
    return redirect(then, 303)


def _render(
    form: Form, visit: pb.Visit, path: str, columns: Sequence[Column], total: int, **texts: Any
) -> ResponseReturnValue:
    sent = form.count_entries(path)
    count = sent if form.submitted else max(sent + BELOW, OFFERED)
    if form[BUTTON] == ADD_ROWS:
        count += ADDED
    start = _read_start()
    return render_template(
        "visits/rows.html",
        form=form,
        visit=visit,
        path=path,
        columns=columns,
        count=min(count, MAX_ENTRIES),
        total=total,
        first=start + 1,
        next_start=start + ON_A_PAGE if total > start + ON_A_PAGE else 0,
        most=MAX_ENTRIES,
        **texts,
    ), form.status


def _list_choices(columns: Sequence[Column]) -> dict[str, Sequence[str]]:
    """Return what columns may be changed to in which one chooses or ticks; what is wrong with a day says its codec."""
    choices = {column.field: [value for value, _label in column.options] for column in columns if column.options}
    if precedence_cells.COLUMN in choices:
        choices[precedence_cells.COLUMN].append(precedence_cells.OTHER)
    ticks: dict[str, Sequence[str]] = {column.field: ["on"] for column in columns if column.type == "checkbox"}
    return {field: texts for field, texts in (choices | ticks).items() if field != "day"}


def _list_item_columns(visit: pb.Visit, items: Sequence[pb.AgendaItem]) -> list[Column]:
    rooms = [(room.name, room.display_name) for room in list_rooms(visit)]
    venues = [(venue.name, venue.display_name) for venue in list_venues(visit)]
    people = [person for person in list_people() if person.language_pairs]
    interpreters = {person.name: person.display_name or person.function for person in people} | {
        item.interpreter: item.interpreter_function for item in items if item.interpreter
    }
    pairs = [pair.split("-") for person in people for pair in person.language_pairs]
    pairs += [list(item.interpretation_languages) for item in items if item.interpretation_languages]
    has_dates = visit.HasField("start_date")
    visit_days = list_days(date_of(visit.start_date), date_of(visit.end_date)) if has_dates else ()
    days = [(day.isoformat(), format_parts("MMMEd", day)) for day in visit_days]
    return [
        Column("title", _("Title"), size=26),
        Column("duration_minutes", _("Minutes"), "minutes", size=5),
        *([Column("day", _("Day"), options=days), Column("time", _("Begins at"), "time", size=6)] if days else []),
        *([Column("room", _("Room"), options=[(ANY_ROOM, _("any room")), *rooms])] if rooms else []),
        *([Column("venue", _("Venue"), options=venues)] if venues else []),
        Column("place", _("Other place") if rooms or venues else _("Place"), size=16),
        Column("who", _("Who takes part"), options=list_attending(visit)),
        Column(
            "interpretation_languages",
            _("Interpretation between"),
            suggestions=list(dict.fromkeys(", ".join(map(get_language_name, pair)) for pair in pairs)),
            size=18,
        ),
        *([Column("interpreter", _("Interpreter"), options=list(interpreters.items()))] if interpreters else []),
        Column("fixed", _("Fixed"), "checkbox"),
        Column(precedence_cells.COLUMN, _("Order"), "order", options=precedence_cells.list_choices()),
        Column("notes", _("Notes for the hosts"), size=20),
    ]


def _list_delegate_columns(visit: pb.Visit, delegates: Sequence[pb.Delegate]) -> list[Column]:
    cities = list_cities(visit)
    titles = [(delegate.name, get_title(delegate)) for delegate in delegates]
    return [
        Column("function", _("Function"), size=24),
        Column("display_name", _("Name"), size=20),
        Column("group", _("Group"), options=enum_labels.list_options("Delegate.Group")),
        *([Column("companion_of", _("Accompanies"), options=titles)] if titles else []),
        Column("languages", _("Languages"), size=16),
        *([Column("city", _("Delegation"), options=cities)] if cities else []),
        Column("email", _("E-mail"), "email", size=20),
        Column("head", _("Head of delegation"), "checkbox"),
        Column("rank", _("Place in the protocol order"), "number", size=4),
        Column("dietary_needs", _("Dietary needs"), size=16),
        Column("access_needs", _("Access needs"), size=16),
    ]
