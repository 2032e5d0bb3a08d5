"""
Forms whose fields are named after the contract: what a person typed becomes a message, and back.

A field of a page is named by its path in the request, for example `visit.start_date` or `entries.0.observation`:
the same path that a service names in a violation. So one object can fill the message, keep what was typed, and
put each complaint beside the field it is about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

from flask import current_app, request
from flask_babel import gettext as _
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from werkzeug.datastructures import MultiDict

from chassis.convert import date_message, date_of
from chassis.errors import DomainError, InvalidArgument, NotFound, Unauthenticated
from gateway import kept, languages, places, reasons, terms, text_languages

# A FieldDescriptor; the type stubs know two that do not fit each other.
Field = Any
M = TypeVar("M", bound=Message)
T = TypeVar("T")

DATE = "google.type.Date"
LOCATION = "google.type.LatLng"
TIMESTAMP = "google.protobuf.Timestamp"
INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
}
# Fields that people read and write in words of their own: field → (code to words, words to code).
IN_WORDS: dict[str, tuple[Callable[[str], str], Callable[[str], str]]] = {
    "topics": (terms.topic, terms.topic_slug),
    "languages": (languages.name_of, languages.tag_of),
    "interpretation_languages": (languages.name_of, languages.tag_of),
    "time_zone": (str, places.zone_of),
}
# Code of a refusal without a field → HTTP status of the page that shows the form; of all others 409.
STATUS = {"PERMISSION_DENIED": 403, "UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504}
LIST_SEPARATORS = re.compile(r"[,;\n]")


class Form:
    """
    One form of one request: its values, and what was wrong with them.

    Attributes:
        values: Text by field path; what was typed, else what the page starts with.
        zone: IANA zone in which times are shown and typed.
        violations: Descriptions by field path, in the reader's language.
        problem: What else kept the request from being carried out; None when nothing did.
        status: HTTP status of the page that shows the form.
        theirs: What somebody else saved meanwhile, by field path, where it differs from what was typed.
        labels: Label by field path, filled while the fields are drawn; the error summary reads it.
        groups: What a group of fields is called, by the path that their paths start with; for the summary too.
    """

    def __init__(self, initial: Mapping[str, str | Message | list[str]] | None = None, *, zone: str = "") -> None:
        """
        Take what was posted, or is shown again; else `initial`: text or messages by the path they start at.

        `zone` is the IANA zone of the form's times; the home city's when empty.
        """
        self.zone = ZoneInfo(zone or current_app.config["HOME_TIME_ZONE"])
        self.violations: dict[str, list[str]] = {}
        self.problem: reasons.Problem | None = None
        self.status = 200
        self._overtaken = False
        self.theirs: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.groups: dict[str, str] = {}
        self.values: MultiDict[str, str] = MultiDict()
        if self.submitted:
            self.values = MultiDict(request.form.items(multi=True))
            return
        if typed := kept.typed():
            self.values = _in_the_readers_words(typed)
            return
        for path, value in {"request_id": str(uuid4()), **(initial or {})}.items():
            if isinstance(value, Message):
                self._show(value, path)
            else:
                self.values.setlist(path, [value] if isinstance(value, str) else value)

    @property
    def submitted(self) -> bool:
        return request.method == "POST"

    def __getitem__(self, path: str) -> str:
        """Return the text at `path`, the last where it came more than once; "" when there is none."""
        return (self.values.getlist(path) or [""])[-1].strip()

    def all(self, path: str) -> list[str]:
        """Return every text at `path`."""
        return [text for text in self.values.getlist(path) if text]

    def errors(self, path: str) -> list[str]:
        """Return the complaints about the field at `path` and about anything inside it."""
        inside = path + "."
        return [text for at, texts in self.violations.items() if at == path or at.startswith(inside) for text in texts]

    def shown(self, path: str, label: str, *, several: bool = False) -> str:
        """
        Note that the page draws the field at `path` under `label`, so that the summary can name it.

        `several`: as boxes to tick, into which nothing can be filled.
        """
        self.labels[path] = label
        if several and path in self.violations:
            texts = self.violations[path]
            self.violations[path] = [str(reasons.CHOOSE) if text == reasons.FILL_IN else text for text in texts]
        return ""

    def grouped(self, path: str, label: str) -> str:
        """Note that the page draws the fields below `path` under the heading `label`, which it returns."""
        self.groups[path] = label
        return label

    def summary(self) -> list[tuple[str, str, str]]:
        """Return (path of the field drawn or "", its group and label, complaint) by violation, in the page's order."""
        lines = []
        for path, texts in self.violations.items():
            field = next((shown for shown in self.labels if path == shown or path.startswith(shown + ".")), "")
            group = [label for at, label in self.groups.items() if field.startswith(at + ".")]
            label = ": ".join([*group, self.labels.get(field, "")])
            lines += [(field, label, text) for text in texts]
        places = {path: place for place, path in enumerate(self.labels)}
        return sorted(lines, key=lambda line: places.get(line[0], len(places)))

    def message(self, kind: type[M], **fields: Any) -> M:
        """
        Return a request of `kind` with everything typed, and `fields` beside it; what the request has no field for
        is left out.

        Raises:
            InvalidArgument: A text is no date, number or known choice; every such field is named.
        """
        message = kind(**fields)
        self._begin(message)
        violations: list[tuple[str, str]] = []
        for key in self.values:
            texts = [text.replace("\r\n", "\n").strip() for text in self.all(key)]
            try:
                self._put(message, key.split("."), [text for text in texts if text])
            except ValueError as wrong:
                violations.append((key, str(wrong)))
        if violations:
            raise InvalidArgument.of(violations)
        return message

    def change(self, kind: type[M], path: str, name: str) -> M:
        """
        Return an Update request of `kind` that changes what the form shows of the resource called `name`.

        Args:
            path: The request's field that holds the resource, such as `agenda_item`.

        Raises:
            InvalidArgument: As `message`.
        """
        below = path + "."
        fields = dict.fromkeys(key.removeprefix(below).split(".")[0] for key in self.values if key.startswith(below))
        mask = FieldMask(paths=[field for field in fields if field not in ("name", "etag")])
        update = self.message(kind, update_mask=mask)
        getattr(update, path).name = name
        return update

    def entries(self, path: str) -> int:
        """Return how many entries the list of messages at `path` has on the page."""
        indices = [int(found[1]) for key in self.values if (found := re.match(re.escape(path) + r"\.(\d+)\.", key))]
        return max(indices, default=-1) + 1

    def keep_entries(self, path: str, keep: Callable[[int], bool]) -> None:
        """Drop the entries of the list at `path` whose index `keep` refuses, and number the others anew."""
        indices = {index: place for place, index in enumerate(filter(keep, range(self.entries(path))))}
        kept: MultiDict[str, str] = MultiDict()
        for key, text in self.values.items(multi=True):
            if found := re.match(re.escape(path) + r"\.(\d+)\.(.+)", key):
                if int(found[1]) in indices:
                    kept.add(f"{path}.{indices[int(found[1])]}.{found[2]}", text)
            else:
                kept.add(key, text)
        self.values = kept

    def blank(self, path: str, besides: tuple[str, ...] = ()) -> bool:
        """Return whether nothing is typed below `path`, apart from the fields `besides`."""
        return not any(self[key] for key in self.values if key.startswith(path + ".") and not key.endswith(besides))

    @contextmanager
    def keeping_what_was_typed(self) -> Iterator[None]:
        """
        Turn a refusal inside the block into complaints on this form.

        What the page cannot answer with the form still propagates: not found, not signed in.
        """
        try:
            yield
        except (NotFound, Unauthenticated):
            raise
        except DomainError as refusal:
            self.status = 422 if refusal.violations else STATUS.get(refusal.code, 409)
            for path, description in refusal.violations:
                at = re.sub(r"\[(\d+)\]", r".\1", path)
                blank = not self[at] and not self[re.sub(r"\.\d+$", "", at)]
                complaint = reasons.sentence(description, blank=blank)
                self.violations.setdefault(at, []).append(self._about_one(at, complaint))
            if not refusal.violations:
                self.problem = reasons.problem(refusal, self.zone)
                for path, complaint in self.problem.marks:
                    self.violations.setdefault(path, []).append(complaint)
            self._overtaken = refusal.reason == "ETAG_MISMATCH"

    def _about_one(self, at: str, complaint: str) -> str:
        """Return a complaint with the entry that it is about, where it is one of several typed into one field."""
        field, _dot, index = at.rpartition(".")
        codes = IN_WORDS.get(field.rpartition(".")[2], (str, str))[1]
        entries = list({codes(text): text for text in reversed(_entries(self.all(field)))}.values())[::-1]
        if len(entries) > 1 and index.isdigit() and int(index) < len(entries):
            return f"{entries[int(index)]}: {complaint}"
        return complaint

    def compare(self, message: Message, path: str) -> None:
        """After a lost race, note what the message holds now, and take its etag: saving again is then a decision."""
        if not self._overtaken:
            return
        typed, self.values = self.values, MultiDict()
        self._show(message, path)
        self.theirs = {key: text for key, text in self.values.items() if key in typed and typed[key] != text}
        self.values = typed
        self.values[path + ".etag"] = self.theirs.pop(path + ".etag")

    def _begin(self, message: Message) -> None:
        """Let the messages that the form has fields of be there: then each field says what it misses, not the whole."""
        for name in {key.partition(".")[0] for key in self.values if "." in key}:
            field: Field = message.DESCRIPTOR.fields_by_name.get(name)
            if field is not None and field.message_type is not None and not field.is_repeated:
                getattr(message, name).SetInParent()

    def _put(self, message: Message, path: list[str], texts: list[str]) -> None:
        """Set one field of `message` from text. Raises ValueError with a sentence for the reader."""
        field = message.DESCRIPTOR.fields_by_name.get(path[0])
        if field is None:
            return
        if field.message_type is not None and field.message_type.full_name not in (DATE, TIMESTAMP):
            self._put_inside(message, field, path[1:], texts)
        elif field.is_repeated:
            getattr(message, field.name).extend(dict.fromkeys(_scalar(field, item) for item in _entries(texts)))
        elif texts:
            if field.message_type is None:
                setattr(message, field.name, _scalar(field, texts[-1]))
            elif field.message_type.full_name == DATE:
                day = _parsed(date.fromisoformat, texts[-1], _("Please give a date as day, month and year."))
                getattr(message, field.name).CopyFrom(date_message(day))
            else:
                getattr(message, field.name).FromDatetime(self._instant(texts[-1]))

    def _put_inside(self, message: Message, field: Field, path: list[str], texts: list[str]) -> None:
        """Set one field of a message inside `message`; of a list of messages, the one at the index in `path`."""
        child = getattr(message, field.name)
        if field.is_repeated:
            index = int(path.pop(0))
            while len(child) <= index < 100:
                child.add()
            child = child[index]
        if path:
            self._put(child, path, texts)

    def _instant(self, text: str) -> datetime:
        """Return the instant that a local time in the form's zone names."""
        local = _parsed(datetime.fromisoformat, text, _("Please give a date and a time."))
        instant = local.replace(tzinfo=self.zone).astimezone(UTC)
        if instant.astimezone(self.zone).replace(tzinfo=None) != local:
            raise ValueError(_("This time does not exist: the clocks go forward on that day."))
        return instant

    def _show(self, message: Message, path: str) -> None:
        """Write the set fields of a message into the values, as its form would hold them."""
        for field, value in message.ListFields():
            at = f"{path}.{field.name}"
            if field.message_type is None:
                items = value if field.is_repeated else [value]
                self.values.setlist(at, [_text(field, item) for item in items])
            elif field.message_type.full_name == DATE:
                self.values[at] = date_of(value).isoformat()
            elif field.message_type.full_name == TIMESTAMP:
                self.values[at] = value.ToDatetime(UTC).astimezone(self.zone).strftime("%Y-%m-%dT%H:%M")
            elif field.message_type.full_name == LOCATION:  # with its zeros: the equator is a place
                self.values[f"{at}.latitude"] = places.decimal(value.latitude)
                self.values[f"{at}.longitude"] = places.decimal(value.longitude)
            elif field.is_repeated:
                for index, item in enumerate(value):
                    self._show(item, f"{at}.{index}")
            else:
                self._show(value, at)


def _in_the_readers_words(typed: MultiDict[str, str]) -> MultiDict[str, str]:
    """
    Return what was typed; words of the language that the page had then become words of the one that it has now.

    What reads the same in both stays as it was typed.
    """
    values: MultiDict[str, str] = MultiDict()
    for path, text in typed.items(multi=True):
        field = path.rpartition(".")[2]
        if field in IN_WORDS and (before := kept.language_before()):
            in_words, in_code = IN_WORDS[field]
            words = _entries([text])
            with languages.reading(before):
                codes = [in_code(word) for word in words]
                read = [in_words(code) for code in codes]
            reads = [in_words(code) for code in codes]
            shown = [new if new != old else word for word, old, new in zip(words, read, reads, strict=True)]
            text = ", ".join(shown)  # noqa: PLW2901
        values.add(path, text)
    return values


def _parsed(parse: Callable[[str], T], text: str, complaint: str) -> T:
    """Return `parse(text)`; its ValueError becomes one with `complaint`."""
    try:
        return parse(text)
    except ValueError:
        raise ValueError(complaint) from None


def _entries(texts: Iterable[str]) -> list[str]:
    """Return what was typed into a field of several entries, divided by commas, semicolons or lines."""
    return [entry.strip() for text in texts for entry in LIST_SEPARATORS.split(text) if entry.strip()]


def _scalar(field: Field, text: str) -> str | int | float | bool:
    """Return `text` as the field's type. Raises ValueError with a sentence for the reader."""
    if field.enum_type is not None:
        if text not in field.enum_type.values_by_name:
            raise ValueError(_("Please choose one of the entries."))
        return field.enum_type.values_by_name[text].number
    if field.cpp_type in INTEGERS:
        return _parsed(int, text, _("Please give a whole number."))
    if field.containing_type.full_name == LOCATION:
        return places.degrees_of(text)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return text in ("on", "true", "1")
    if field.name == "language" and not text_languages.is_known(text):
        raise ValueError(_("This is no language that is known here. Please choose one from the list."))
    return IN_WORDS[field.name][1](text) if field.name in IN_WORDS else text


def _text(field: Field, value: Any) -> str:
    """Return a scalar as a form holds it: enums by name, true as "on", topics and languages in words."""
    if field.name in IN_WORDS:
        return IN_WORDS[field.name][0](value)
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return "on" if value else ""
    return str(value)
