"""The column of a programme that says in which order items take place: in words of the table, for all rows at once."""

from collections.abc import Collection, Sequence
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from flask_babel import gettext as _

from chassis.errors import InvalidFields, Violation
from gateway.forms.form import TAKE, Form
from gateway.forms.merge import read_loaded, write_loaded
from gateway.forms.table import LOADED, Row
from gateway.pages.visits import precedences

# What the column says, and what it said when the page was loaded.
COLUMN, WAS = "order", "order_was"
ABOVE, FIRST, LAST, OTHER = "above", "first", "last", "other"


def list_choices() -> list[tuple[str, str]]:
    """Return what the column offers."""
    return [(ABOVE, _("after the row above")), (FIRST, _("first of all")), (LAST, _("last of all"))]


def write_rows(path: str, items: Sequence[pb.AgendaItem], shown: Sequence[pb.AgendaItem]) -> dict[str, str]:
    """Return what the column says of each item that a page shows, of all of a programme, by name of the cell."""
    order = precedences.read_order(items)
    firsts = {name for name in order if len(order) > 1 and order.keys() - {name} <= precedences.list_later(order, name)}
    above, said_above = "", ""
    values: dict[str, str] = {}
    for index, item in enumerate(shown):
        words = FIRST if item.name in firsts else _say(order, item.name, firsts, above, said_above)
        values |= {f"{path}.{index}.{column}": words for column in (COLUMN, WAS)}
        above, said_above = item.name, words
    return values


def _say(order: precedences.Order, name: str, firsts: Collection[str], above: str, said_above: str) -> str:
    """Return what the column says of an item that is not first of all; `above` is the row above, and what it says."""
    before = {each: minutes for each, minutes in order[name].items() if minutes or each not in firsts}
    is_below = before == {above: 0}
    if order.keys() - {name} <= precedences.list_earlier(order, name) and not (is_below and said_above == ABOVE):
        return LAST if order[name] else ""
    if is_below:
        return ABOVE
    return OTHER if before else ""


def describe_predecessors(items: Sequence[pb.AgendaItem]) -> dict[str, str]:
    """Return what comes directly before each item, by name, in the words of the choice `OTHER`."""
    titles = {item.name: item.title for item in items}
    return {
        item.name: _("after %(titles)s", titles=", ".join(titles.get(each.agenda_item, "…") for each in item.after))
        for item in items
        if item.after
    }


def arrange(form: Form, rows: Sequence[Row], items: Sequence[pb.AgendaItem], parent: str) -> list[Row]:
    """
    Write the order that the column says into the rows, and return them with the items besides that change with it.

    Where the table says of an item that it comes first or last of all, this holds for new items as well.

    Raises:
        InvalidFields: There is no row above (reason NO_ROW_ABOVE), an item would come directly after too many
            (ORDER_TOO_WIDE), or somebody else changed what comes before it as well (CHANGED_TWICE).
    """
    removed = {row.name for row in rows if row.is_deleted}
    kept = [row for row in rows if not row.is_deleted]
    for number, row in enumerate(kept):
        row.message.name = row.name or f"{parent}/agendaItems/new-{number}"
    stored = precedences.read_order(items)
    order = {name: dict(before) for name, before in stored.items()}
    precedences.bridge_over(order, removed)
    order |= {row.message.name: {} for row in kept if not row.name}
    violations = [
        *(violation for row in kept if (violation := _check_unchanged(form, row))),
        *_write_order(form, kept, order),
    ]
    if violations:
        raise InvalidFields(violations)
    return [*rows, *_write_into_rows(kept, items, order)]


def _write_order(form: Form, kept: Sequence[Row], order: precedences.Order) -> list[Violation]:
    """Write into an order what the column says, and return what is wrong with that."""
    violations = []
    said = {row.message.name: form[f"{row.path}.{COLUMN}"] for row in kept}
    previous = ""
    for row in kept:
        name, words, was = row.message.name, form[f"{row.path}.{COLUMN}"], form[f"{row.path}.{WAS}"]
        if words != was and words != OTHER:
            order[name] = {}
            if was == FIRST or words == LAST:
                precedences.remove_from(order, name)
        if words == ABOVE and not order[name]:
            if not previous:
                violations.append(Violation(f"{row.path}.{COLUMN}", "NO_ROW_ABOVE", "is the first row"))
            order[name] = {previous: 0} if previous else {}
        previous = name
    for place, put, walk in (
        (FIRST, precedences.put_first, precedences.list_earlier),
        (LAST, precedences.put_last, precedences.list_later),
    ):
        chosen = [name for name, words in said.items() if words == place]
        for name in chosen:
            # What was put beyond it by the table is there all the same.
            beyond = walk(order, name)
            put(order, name, [other for other in order if other not in chosen and other not in beyond])
    for row in kept:
        if (count := len(order[row.message.name])) > precedences.MAX_PREDECESSORS:
            metadata = {"count": str(count), "most": str(precedences.MAX_PREDECESSORS)}
            words = "has too many predecessors"
            violations.append(Violation(f"{row.path}.{COLUMN}", "ORDER_TOO_WIDE", words, metadata))
    return violations


def _check_unchanged(form: Form, row: Row) -> Violation | None:
    """Return what is to be asked where somebody else changed an item's place as well; the form then shows both."""
    at = f"{row.path}.{COLUMN}"
    loaded: Any = read_loaded(form[f"{row.path}.{LOADED}"], pb.AgendaItem) if row.name else None
    if at in form.get_all(TAKE):
        form.values.setlist(at, [form[f"{row.path}.{WAS}"]])
    if not loaded or form[at] == form[f"{row.path}.{WAS}"] or loaded.after == row.stored.after:
        return None
    loaded.ClearField("after")
    loaded.after.extend(row.stored.after)
    form.values.setlist(f"{row.path}.{LOADED}", [write_loaded(loaded)])
    now = OTHER if row.stored.after else ""
    form.values.setlist(f"{row.path}.{WAS}", [now])
    form.theirs[at] = [now]
    return Violation(at, "CHANGED_TWICE", "was changed meanwhile", {"updater": row.stored.updater})


def _write_into_rows(kept: Sequence[Row], items: Sequence[pb.AgendaItem], order: precedences.Order) -> list[Row]:
    """Write an order into rows, and return a row without a place for each item besides that has another one now."""
    own = {row.message.name: row for row in kept}
    stored = {item.name: item for item in items}
    besides = []
    for name, before in order.items():
        row, item = own.get(name), stored.get(name)
        if item is not None and before == {each.agenda_item: each.gap_minutes for each in item.after}:
            continue
        if row is None and item is not None:
            row = Row("", name, item, pb.AgendaItem())
            besides.append(row)
        if row is not None:
            row.message.ClearField("after")
            row.message.after.extend(precedences.write_predecessors(before))
            row.fields.append("after")
    return besides
