"""
Forms whose fields are named after the contract: what a person typed becomes a message, and back.

A field of a page is named by its path in the request, for example `visit.start_date` or `entries.0.observation`:
the same path that a service names in a violation. So one object can fill the message, keep what was typed, and
put each complaint beside the field it is about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

from flask import current_app, request
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from werkzeug.datastructures import MultiDict

from chassis.errors import DomainError, InvalidFields, NotFound, Unauthenticated, Violation
from gateway.errors.explanations import CHOOSE, Explanation, explain, explain_field
from gateway.errors.http_status import http_status
from gateway.errors.unfit import Unfit
from gateway.forms import field_codec, resubmission
from gateway.forms.entries import count_entries, keep_entries, split_entries

M = TypeVar("M", bound=Message)


class Form:
    """
    One form of one request: its values, and what was wrong with them.

    Attributes:
        values: Text by field path; what was typed, else what the page starts with.
        zone: IANA zone in which times are shown and typed.
        violations: Complaints by field path, in the reader's language.
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
        self.problem: Explanation | None = None
        self.status = 200
        self._overtaken = False
        self._required: set[str] = set()
        self.theirs: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.groups: dict[str, str] = {}
        self.values: MultiDict[str, str] = MultiDict()
        if self.submitted:
            self.values = MultiDict(request.form.items(multi=True))
            return
        if typed := resubmission.typed():
            self.values = field_codec.in_the_readers_words(typed)
            return
        for path, value in {"request_id": str(uuid4()), **(initial or {})}.items():
            if isinstance(value, Message):
                field_codec.show(self.values, value, path, self.zone)
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
        if several and path in self._required:
            self.violations[path] = [str(CHOOSE)]
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
            InvalidFields: A text is no date, number or known choice; every such field is named.
        """
        message = kind(**fields)
        self._begin(message)
        violations: list[Violation] = []
        for key in self.values:
            texts = [text.replace("\r\n", "\n").strip() for text in self.all(key)]
            try:
                field_codec.put(message, key.split("."), [text for text in texts if text], self.zone)
            except Unfit as wrong:
                violations.append(wrong.at(key))
        if violations:
            raise InvalidFields(violations)
        return message

    def change(self, kind: type[M], path: str, name: str) -> M:
        """
        Return an Update request of `kind` that changes what the form shows of the resource called `name`.

        Args:
            path: The request's field that holds the resource, such as `agenda_item`.

        Raises:
            InvalidFields: As `message`.
        """
        below = path + "."
        fields = dict.fromkeys(key.removeprefix(below).split(".")[0] for key in self.values if key.startswith(below))
        mask = FieldMask(paths=[field for field in fields if field not in ("name", "etag")])
        update = self.message(kind, update_mask=mask)
        getattr(update, path).name = name
        return update

    def entries(self, path: str) -> int:
        """Return how many entries the list of messages at `path` has on the page."""
        return count_entries(self.values, path)

    def keep_entries(self, path: str, keep: Callable[[int], bool]) -> None:
        """Drop the entries of the list at `path` whose index `keep` refuses, and number the others anew."""
        self.values = keep_entries(self.values, path, keep)

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
            self.status = http_status(refusal)
            if refusal.reason == "REQUEST_ID_REUSED":
                # Back showed the form as it was before it was saved: what is sent next is another entry.
                self.values.setlist("request_id", [str(uuid4())])
                self.problem = explain(refusal, self.zone)
                return
            for violation in refusal.violations:
                at = re.sub(r"\[(\d+)\]", r".\1", violation.field)
                if violation.reason == "required":
                    self._required.add(at)
                self.violations.setdefault(at, []).append(self._about_one(at, explain_field(violation)))
            if not refusal.violations:
                self.problem = explain(refusal, self.zone)
                for path, complaint in self.problem.marks:
                    self.violations.setdefault(path, []).append(complaint)
            self._overtaken = refusal.reason == "ETAG_MISMATCH"

    def _about_one(self, at: str, complaint: str) -> str:
        """Return a complaint with the entry that it is about, where it is one of several typed into one field."""
        field, _dot, index = at.rpartition(".")
        codes = field_codec.IN_WORDS.get(field.rpartition(".")[2], (str, str))[1]
        entries = list({codes(text): text for text in reversed(split_entries(self.all(field)))}.values())[::-1]
        if len(entries) > 1 and index.isdigit() and int(index) < len(entries):
            return f"{entries[int(index)]}: {complaint}"
        return complaint

    def compare(self, message: Message, path: str) -> None:
        """After a lost race, note what the message holds now, and take its etag: saving again is then a decision."""
        if not self._overtaken:
            return
        typed, self.values = self.values, MultiDict()
        field_codec.show(self.values, message, path, self.zone)
        etag = self.values.pop(path + ".etag")
        self.theirs = {key: text for key, text in self.values.items() if key in typed and typed[key] != text}
        self.values = typed
        self.values.setlist(path + ".etag", [etag])

    def _begin(self, message: Message) -> None:
        """Let the messages that the form has fields of be there: then each field says what it misses, not the whole."""
        for name in {key.partition(".")[0] for key in self.values if "." in key}:
            field: Any = message.DESCRIPTOR.fields_by_name.get(name)
            if field is not None and field.message_type is not None and not field.is_repeated:
                getattr(message, name).SetInParent()
