"""
Tables whose rows are resources: edited in place, added, removed, and saved together.

A cell of a page is named by its row and its column, for example `agenda_items.3.title`. Most columns are fields of the
contract; what else a column shows is up to its `Codec`. Each row carries what it was loaded with, so that two people
may change the same table: what only one of them changed is kept, and what both changed is asked about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from werkzeug.datastructures import MultiDict

from chassis.errors import InvalidFields, Violation
from gateway.errors.unfit_value import UnfitValue
from gateway.forms import field_codec
from gateway.forms.form import TAKE, Form
from gateway.forms.merge import read_loaded, write_loaded

# A message of the contract that has a name and an etag.
Resource = Any

# Of each row besides its cells: the resource, what it was loaded with, and what is to happen to it.
NAME, LOADED, TICKED, DELETE = "name", "loaded", "ticked", "delete"
# The row from which ticked rows are filled, and the tick that stands for all of them.
FILL, ALL = "fill", "fill.ticked"


class Codec(Protocol):
    """
    How rows of one kind read and write a resource.

    Attributes:
        kind: The resource's message.
        columns: Fields of the resource by the column that they stand in.
        required: Columns that must not stay empty.
    """

    kind: type[Resource]
    columns: Mapping[str, Sequence[str]]
    required: Sequence[str]

    def read(self, message: Resource) -> dict[str, str]:
        """Return the texts of a row by column."""
        ...

    def write(self, message: Resource, cells: Mapping[str, str], column: str) -> None:
        """
        Write one column of a row, whose cells are given, into a message.

        Raises:
            UnfitValue: The text does not fit; reasons as of `field_codec.set_field`.
        """
        ...


@dataclass
class Row:
    """
    A row as it was sent.

    Attributes:
        path: How its cells' names begin, e.g. `agenda_items.3`.
        name: The resource; "" of one that is new.
        stored: The resource as it is stored; an empty message of one that is new.
        message: What it is to become.
        fields: Fields of the message that were changed in the row.
        is_deleted: Whether it is to be removed.
    """

    path: str
    name: str
    stored: Resource
    message: Resource
    fields: list[str] = field(default_factory=list)
    is_deleted: bool = False


def read_fields(message: Resource, names: Iterable[str], zone: ZoneInfo) -> dict[str, str]:
    """Return fields of a message by name, each in one text, as a form shows it."""
    texts: MultiDict[str, str] = MultiDict()
    field_codec.write_texts(texts, message, "", zone)
    return {name: ", ".join(texts.getlist(f".{name}")) for name in names}


def write_field(message: Resource, name: str, text: str, zone: ZoneInfo) -> None:
    """Set a field of a message from one text; raises UnfitValue as `field_codec.set_field`."""
    message.ClearField(name)
    field_codec.set_field(message, [name], [text] if text else [], zone)


def write_rows(path: str, codec: Codec, shown: Sequence[Resource]) -> dict[str, str]:
    """Return with what the form of a table starts, by name of the cell."""
    return {
        f"{path}.{index}.{column}": text
        for index, message in enumerate(shown)
        for column, text in {NAME: message.name, LOADED: write_loaded(message), **codec.read(message)}.items()
    }


class Table:
    """The rows of one form, below one path, with what is stored of them now."""

    def __init__(
        self,
        form: Form,
        path: str,
        codec: Codec,
        stored: Sequence[Resource],
        choices: Mapping[str, Collection[str]],
    ) -> None:
        """
        Take a form's rows.

        `choices` are the only texts that a column may be changed to, besides none; also of columns besides the codec's.
        """
        self._form, self._path, self._codec = form, path, codec
        self._choices = choices
        self._stored = {message.name: message for message in stored}
        self._places: dict[str, str] = {}
        self.theirs: list[Resource] = []
        """Rows' resources in which somebody else changed something besides."""
        if not form.submitted:  # it is shown again, with what it asked about
            for at in form.asked:
                row, _dot, column = at.rpartition(".")
                loaded = read_loaded(form[f"{row}.{LOADED}"], codec.kind)
                if loaded and column in codec.columns:
                    form.theirs[at] = [codec.read(loaded)[column]]

    def list_paths(self) -> list[str]:
        """Return the paths of the rows into which something is typed, or that are stored."""
        rows = (f"{self._path}.{index}" for index in range(self._form.count_entries(self._path)))
        return [row for row in rows if self._form[f"{row}.{NAME}"] or not self._is_blank(row)]

    def _is_blank(self, row: str) -> bool:
        return not any(self._form[f"{row}.{column}"] for column in self._codec.columns)

    def fill_ticked(self) -> None:
        """
        Write what the filling row holds into every ticked row.

        Raises:
            InvalidFields: It holds something, and no row is ticked; reason NOTHING_TICKED.
        """
        filled = self._read_filling()
        every = bool(self._form[ALL])
        rows = [row for row in self.list_paths() if every or self._form[f"{row}.{TICKED}"]]
        for row in rows:
            for column, text in filled.items():
                self._form.values.setlist(f"{row}.{column}", [text])
        if rows:
            for cell in (*(f"{FILL}.{column}" for column in filled), ALL):
                self._form.values.poplist(cell)
        elif filled:
            raise InvalidFields([Violation(ALL, "NOTHING_TICKED", "no row is ticked")])

    def _read_filling(self) -> dict[str, str]:
        cells = [cell for cell in self._form.values if cell.startswith(f"{FILL}.") and cell != ALL]
        return {cell.removeprefix(f"{FILL}."): text for cell in cells if (text := self._form[cell])}

    def read(self) -> list[Row]:
        """
        Return the rows that were sent, in their order, without blank ones.

        Raises:
            InvalidFields: A text does not fit (reasons as of `field_codec.set_field`) or is missing (required), the
                resource of a changed row was removed meanwhile (ENTRY_REMOVED), somebody else changed the same cell
                (CHANGED_TWICE), or changed what is to be removed (CHANGED_BEFORE_REMOVAL). The form then shows what is
                stored, and asks.
        """
        violations: list[Violation] = []
        rows = [row for path in self.list_paths() if (row := self._read_row(path, violations))]
        if violations:
            raise InvalidFields(violations)
        return rows

    def _read_row(self, path: str, violations: list[Violation]) -> Row | None:
        name, kind = self._form[f"{path}.{NAME}"], self._codec.kind
        loaded: Resource = read_loaded(self._form[f"{path}.{LOADED}"], kind) or kind()
        before = self._codec.read(loaded) if name else dict.fromkeys(self._codec.columns, "")
        self._take_theirs(path, before)
        # A column that the page does not have stays as it is.
        typed = {
            column: self._form[at] if (at := f"{path}.{column}") in self._form.values else before[column]
            for column in self._codec.columns
        }
        is_deleted = bool(self._form[f"{path}.{DELETE}"])
        stored = self._stored.get(name)
        if name and stored is None:
            if not is_deleted and typed != before:
                violations.append(self._offer_anew(path))
            return None
        row = Row(path, name, stored or kind(), kind(), is_deleted=is_deleted)
        row.message.CopyFrom(row.stored)
        if is_deleted:
            if not name:
                return None
            if loaded.etag != row.stored.etag:
                updater = {"updater": row.stored.updater}
                violations.append(
                    Violation(f"{path}.{DELETE}", "CHANGED_BEFORE_REMOVAL", "was changed meanwhile", updater)
                )
                self._show_stored(row, self._codec.columns)
            return row
        self._merge(row, before, typed, violations)
        for column in self._choices.keys() - self._codec.columns.keys():
            try:
                self._require_choice(column, self._form[f"{path}.{column}"])
            except UnfitValue as wrong:
                violations.append(wrong.to_violation(f"{path}.{column}"))
        told = {violation.field for violation in violations}
        now = self._codec.read(row.message)
        violations += [
            Violation(at, "required", "is required")
            for column in self._codec.required
            if not now[column] and (at := f"{path}.{column}") not in told
        ]
        return row

    def _merge(
        self, row: Row, before: Mapping[str, str], typed: Mapping[str, str], violations: list[Violation]
    ) -> None:
        """Write into a row's message what was typed; what somebody else changed stays, or is asked about."""
        now = self._codec.read(row.stored) if row.name else before
        theirs = [column for column in now if now[column] != before[column] and typed[column] == before[column]]
        cells = {**now, **{column: text for column, text in typed.items() if text != before[column]}}
        asked = []
        for column, text in typed.items():
            if text == before[column] or text == now[column]:
                continue
            try:
                self._require_choice(column, text)
                self._codec.write(row.message, cells, column)
            except UnfitValue as wrong:
                violations.append(wrong.to_violation(f"{row.path}.{column}"))
                continue
            meant = self._codec.read(row.message)[column]
            if meant in (before[column], now[column]):
                continue
            row.fields += [name for name in self._codec.columns[column] if name not in row.fields]
            if now[column] != before[column]:
                asked.append(column)
        if asked:
            updater = {"updater": row.stored.updater}
            violations += [
                Violation(f"{row.path}.{each}", "CHANGED_TWICE", "was changed meanwhile", updater) for each in asked
            ]
            self._form.theirs |= {f"{row.path}.{each}": [now[each]] for each in asked}
            self._show_stored(row, theirs)
        elif theirs:
            self.theirs.append(row.stored)

    def _require_choice(self, column: str, text: str) -> None:
        """Raise UnfitValue where a column does not offer a text; reason CHOICE_UNKNOWN."""
        if text and text not in self._choices.get(column, (text,)):
            raise UnfitValue("is not one of the choices", reason="CHOICE_UNKNOWN")

    def _take_theirs(self, path: str, before: Mapping[str, str]) -> None:
        """Put what somebody else saved where the reader, who was asked, takes that."""
        for column in before:
            if f"{path}.{column}" in self._form.get_all(TAKE):
                self._form.values.setlist(f"{path}.{column}", [before[column]])

    def _show_stored(self, row: Row, columns: Sequence[str] | Mapping[str, object]) -> None:
        """Show in a row what is stored in some columns, and compare with what is stored from now on."""
        for column, text in self._codec.read(row.stored).items():
            if column in columns:
                self._form.values.setlist(f"{row.path}.{column}", [text])
        self._form.values.setlist(f"{row.path}.{LOADED}", [write_loaded(row.stored)])

    def _offer_anew(self, path: str) -> Violation:
        """Make a row whose resource was removed meanwhile one that adds another; return what is to be said of it."""
        for column in (NAME, LOADED):
            self._form.values.poplist(f"{path}.{column}")
        first = next(iter(self._codec.columns))
        return Violation(f"{path}.{first}", "ENTRY_REMOVED", "was removed meanwhile")

    def build_request(self, kind: type[Message], parent: str, rows: Sequence[Row], resource: str) -> Any:
        """
        Return the request that saves what was changed in rows.

        Args:
            kind: A request with `deletions`, `changes`, which are Update requests, and `additions`.
            resource: The field of an Update request that holds the resource, such as `agenda_item`.
        """
        request: Any = kind(parent=parent, request_id=self._form["request_id"])
        self._places = {}
        for row in rows:
            if row.is_deleted:
                self._places[f"deletions.{len(request.deletions)}"] = row.path
                request.deletions.add(name=row.name, etag=row.stored.etag)
            elif not row.name:
                self._places[f"additions.{len(request.additions)}"] = row.path
                request.additions.add().CopyFrom(row.message)
            elif row.fields:
                self._places[f"changes.{len(request.changes)}.{resource}"] = row.path
                change = request.changes.add(update_mask=FieldMask(paths=row.fields))
                change.update_mask.MergeMessage(row.message, getattr(change, resource), False, True)
                sent = getattr(change, resource)
                sent.name, sent.etag = row.name, row.stored.etag
        return request

    def place_complaints(self, columns: Mapping[str, str]) -> None:
        """
        Put what was refused of a request that was built here beside its cells.

        Args:
            columns: The column of fields that stand in none, or are complained about in another; "" for the whole row.
        """
        known = {name: column for column, names in self._codec.columns.items() for name in names} | dict(columns)
        complaints = self._form.complaints
        for at in list(complaints):
            for place, row in self._places.items():
                if row and (at == place or at.startswith(place + ".")):
                    name = at.removeprefix(place).removeprefix(".").partition(".")[0]
                    complaints.setdefault(f"{row}.{known.get(name, known[''])}", []).extend(complaints.pop(at))
                    break
