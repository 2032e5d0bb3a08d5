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
from datetime import UTC
from typing import Any, TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

from flask import current_app, flash, request
from flask_babel import gettext as _
from google.protobuf.message import Message
from werkzeug.datastructures import MultiDict

from chassis.errors import DomainError, EtagMismatch, InvalidFields, NotFound, Unauthenticated, Violation
from gateway.auth.callers import is_reader
from gateway.errors.explanations import CHOOSE_ONE, Explanation, explain, explain_field
from gateway.errors.http_status import get_http_status
from gateway.errors.unfit_value import UnfitValue
from gateway.forms import field_codec, resubmission
from gateway.forms.entries import count_entries, keep_entries, split_entries
from gateway.forms.merge import Merge, merge, read_loaded, write_loaded
from gateway.i18n import formats

M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Message)

# Fields of the form of a resource besides the contract's: what it was loaded with, the paths of fields that both
# changed, and those at which the reader takes what the other saved.
LOADED, ASKED, TAKE = "loaded", "asked", "take"
# In the address of a question that was asked, where some of its fields may also stand without that.
ASKS = "ask"


class Form:
    """
    One form of one request: its values, and what was wrong with them.

    Attributes:
        values: Text by field path; what was typed, else what the page starts with.
        zone: IANA zone in which times are shown and typed.
        complaints: Complaints by field path, in the reader's language.
        explanation: What else kept the request from being carried out; None when nothing did.
        status: HTTP status of the page that shows the form.
        asked: Paths of the fields about which the page asked that was sent.
        theirs: What was saved meanwhile, in texts by field path, where both that and what was typed are changes.
        labels: Label by field path, filled while the fields are drawn; the error summary reads it.
        groups: What a group of fields is called, by the path that their paths start with; for the summary too.
    """

    def __init__(
        self,
        initial: Mapping[str, str | Message | list[str]] | None = None,
        *,
        zone: str = "",
        is_question: bool = False,
    ) -> None:
        """
        Take what was posted, or is shown again; else `initial`: text or messages by the path they start at.

        A message among `initial` is what is stored now, and an `etag` that of what is stored: `save` compares with it.
        `zone` is the IANA zone of the form's times; the home city's when empty. A form that `is_question` changes
        nothing: what was typed stands in the address, which can be kept and sent to others.
        """
        self.is_question = is_question
        self.zone = ZoneInfo(zone or current_app.config["HOME_TIME_ZONE"])
        self.complaints: dict[str, list[str]] = {}
        self.explanation: Explanation | None = None
        self.status = 200
        self._required: set[str] = set()
        self.theirs: dict[str, list[str]] = {}
        self.labels: dict[str, str] = {}
        self.groups: dict[str, str] = {}
        self.values: MultiDict[str, str] = MultiDict()
        self._initial = dict(initial or {})
        if self.submitted:
            self.values = MultiDict((request.args if is_question else request.form).items(multi=True))
        elif typed := resubmission.get_typed():
            self.values = field_codec.translate_words(typed)
        else:
            self._load({"request_id": str(uuid4()), **self._initial})
        self._recall_questions()

    def _load(self, initial: Mapping[str, str | Message | list[str]]) -> None:
        """Fill the form with what the page starts with, and let it carry what it is loaded with."""
        for path, value in initial.items():
            if isinstance(value, Message):
                field_codec.write_texts(self.values, value, path, self.zone)
                self.values[LOADED] = write_loaded(value)
            else:
                self.values.setlist(path, [value] if isinstance(value, str) else value)

    def _recall_questions(self) -> None:
        """Note again what the page asked about, and put what was saved where the reader takes that."""
        self.asked, taken = self.values.poplist(ASKED), self.values.getlist(TAKE)
        for path, stored in self._initial.items():
            loaded = read_loaded(self[LOADED], type(stored)) if self.asked and isinstance(stored, Message) else None
            saved = self._to_texts(loaded, path) if loaded else MultiDict()
            for at in self.asked:
                if at in taken and self.submitted:
                    self.values.setlist(at, saved.getlist(at))
                else:
                    self.theirs[at] = saved.getlist(at)

    @property
    def submitted(self) -> bool:
        return ASKS in request.args if self.is_question else request.method == "POST"

    def __getitem__(self, path: str) -> str:
        """Return the text at `path`, the last where it came more than once; "" when there is none."""
        return (self.values.getlist(path) or [""])[-1].strip()

    def get_all(self, path: str) -> list[str]:
        """Return every text at `path`."""
        return [text for text in self.values.getlist(path) if text]

    def get_complaints(self, path: str) -> list[str]:
        """Return the complaints about the field at `path` and about anything inside it."""
        inside = path + "."
        return [text for at, texts in self.complaints.items() if at == path or at.startswith(inside) for text in texts]

    def note_field(self, path: str, label: str, *, several: bool = False) -> str:
        """
        Note that the page draws the field at `path` under `label`, so that the summary can name it.

        `several`: as boxes to tick, into which nothing can be filled.
        """
        self.labels[path] = label
        if several and path in self._required:
            self.complaints[path] = [str(CHOOSE_ONE)]
        return ""

    def note_group(self, path: str, label: str) -> str:
        """Note that the page draws the fields below `path` under the heading `label`, which it returns."""
        self.groups[path] = label
        return label

    def summarize_complaints(self) -> list[tuple[str, str, str]]:
        """Return (path of the field drawn or "", its group and label, complaint) by violation, in the page's order."""
        lines = []
        for path, texts in self.complaints.items():
            field = next((drawn for drawn in self.labels if path == drawn or path.startswith(drawn + ".")), "")
            group = [label for at, label in self.groups.items() if field.startswith(at + ".")]
            label = ": ".join([*group, self.labels.get(field, "")])
            lines += [(field, label, text) for text in texts]
        places = {path: place for place, path in enumerate(self.labels)}
        return sorted(lines, key=lambda line: places.get(line[0], len(places)))

    def build_request(self, kind: type[M], **fields: Any) -> M:
        """
        Return a request of `kind` with everything typed, and `fields` beside it; what the request has no field for
        is left out.

        Raises:
            InvalidFields: A text is no date, number or known choice; each such field is named, with a reason of
                `field_codec.set_field`.
        """
        message = kind(**fields)
        self._set_messages_present(message)
        violations: list[Violation] = []
        for key in self.values:
            texts = [text.replace("\r\n", "\n").strip() for text in self.get_all(key)]
            try:
                field_codec.set_field(message, key.split("."), [text for text in texts if text], self.zone)
            except UnfitValue as wrong:
                violations.append(wrong.to_violation(key))
        if violations:
            raise InvalidFields(violations)
        return message

    def save(self, update: Callable[[M], R], kind: type[M], path: str) -> R:
        """
        Save what was changed in the form, by an Update request of `kind`, and return the resource as it is then.

        What somebody else changed since the form was loaded stays, and the next page says so. Nothing is sent where
        nothing was changed.

        Args:
            update: The RPC.
            path: The request's field that holds the resource, such as `agenda_item`; the form was given it as stored.

        Raises:
            InvalidFields: As `build_request`.
            EtagMismatch: Both changed the same field; reason ETAG_MISMATCH. The form then shows both, and asks.
        """
        request = self.build_request(kind)
        stored: Any = self._initial[path]
        below = path + "."
        names = dict.fromkeys(key.removeprefix(below).split(".")[0] for key in self.values if key.startswith(below))
        fields = [name for name in names if name in stored.DESCRIPTOR.fields_by_name and name not in ("name", "etag")]
        loaded = read_loaded(self[LOADED], type(stored))
        merged = merge(
            self._round_trip(loaded, path) if loaded else None,
            getattr(request, path),
            self._round_trip(stored, path),
            fields,
            # Boxes to tick come with an empty text, and in the order of the page.
            [name for name in fields if len(self.values.getlist(below + name)) > 1],
        )
        if merged.both:
            self._ask_which_to_keep(merged, stored, path)
            raise EtagMismatch(stored.updater, stored.update_time.ToDatetime(UTC))
        saved = stored
        if merged.mine:
            resource: Any = getattr(request, path)
            resource.name, resource.etag = stored.name, stored.etag
            request.update_mask.paths.extend(merged.mine)  # type: ignore[attr-defined]
            saved = update(request)
        if merged.theirs:
            text = _("%(updater)s changed something else here meanwhile; both are saved.", updater=stored.updater)
            own = _("You changed something else here in another window meanwhile; both are saved.")
            flash(own if is_reader(stored.updater) else text, "info")
        return saved

    def _ask_which_to_keep(self, merged: Merge, stored: Message, path: str) -> None:
        """Show what is stored where only somebody else changed it, and ask where both did; saving again decides."""
        saved = self._to_texts(stored, path)
        for name in merged.theirs:
            for key in self._list_paths(f"{path}.{name}"):
                self.values.setlist(key, saved.getlist(key))
        for name in merged.both:
            for key in self._list_paths(f"{path}.{name}"):
                if self.get_all(key) != saved.getlist(key):
                    self.theirs[key] = saved.getlist(key)
                    self.complaints[key] = [_("Changed twice. Keep what you typed, or take the other.")]
        self.values[LOADED] = write_loaded(stored)

    def _list_paths(self, path: str) -> list[str]:
        """Return the names of the form's fields at `path` and inside it."""
        return [key for key in self.values if key == path or key.startswith(path + ".")]

    def _to_texts(self, message: Message, path: str) -> MultiDict[str, str]:
        """Return the texts with which the form would show a message at `path`."""
        texts: MultiDict[str, str] = MultiDict()
        field_codec.write_texts(texts, message, path, self.zone)
        return texts

    def _round_trip(self, message: M, path: str) -> M:
        """Return a message as it is after a form showed it and nothing was changed: a text holds no seconds."""
        read = type(message)()
        for key, texts in self._to_texts(message, path).lists():
            try:
                field_codec.set_field(read, key.split(".")[1:], texts, self.zone)
            except UnfitValue:  # it cannot be typed, so it cannot have been left as it is
                continue
        return read

    @property
    def loaded_resource(self) -> str:
        """The resource that the form was loaded with, for it to carry; "" where it saves none."""
        return self[LOADED]

    def describe_theirs(self, path: str, options: Iterable[tuple[str, str]] = (), *, instant: bool = False) -> str:
        """
        Return what was saved meanwhile at `path`, for people; "" where it is empty, or not asked about.

        `options`: (value, label) of a choice; `instant`: it is a day, perhaps with a time.
        """
        if path not in self.theirs:
            return ""
        labels = dict(options)
        texts = [labels.get(text, text) for text in self.theirs[path] or [""]]
        return formats.format_local_text(texts[0]) if instant and texts[0] else ", ".join(texts)

    def count_entries(self, path: str) -> int:
        """Return how many entries the list of messages at `path` has on the page."""
        return count_entries(self.values, path)

    def keep_entries(self, path: str, keep: Callable[[int], bool]) -> None:
        """Drop the entries of the list at `path` whose index `keep` refuses, and number the others anew."""
        self.values = keep_entries(self.values, path, keep)

    def drop_blank_entries(self, path: str) -> None:
        """Drop the entries of the list at `path` into which nothing is typed."""
        self.keep_entries(path, lambda index: not self.is_blank(f"{path}.{index}"))

    def is_blank(self, path: str, besides: tuple[str, ...] = ()) -> bool:
        """Return whether nothing is typed below `path`, apart from the fields `besides`."""
        return not any(self[key] for key in self.values if key.startswith(path + ".") and not key.endswith(besides))

    def is_used(self, path: str, fields: Iterable[str]) -> bool:
        """Return whether one of the fields of the message at `path` holds something or is complained about."""
        inside = tuple(f"{path}.{field}." for field in fields)
        filled = (key for key in self.values if self[key] not in ("", "0"))
        return any(f"{key}.".startswith(inside) for key in (*filled, *self.complaints))

    @contextmanager
    def catch_refusal(self) -> Iterator[None]:
        """
        Turn a refusal inside the block into complaints on this form.

        What the page cannot answer with the form still propagates: not found, not signed in.
        """
        try:
            yield
        except (NotFound, Unauthenticated):
            raise
        except DomainError as refusal:
            self.status = get_http_status(refusal)
            if refusal.reason == "REQUEST_ID_REUSED":
                # Back showed the form as it was before it was saved: what is sent next is another entry.
                self.values.setlist("request_id", [str(uuid4())])
                self.explanation = explain(refusal, self.zone)
                return
            for violation in refusal.violations:
                at = re.sub(r"\[(\d+)\]", r".\1", violation.field)
                if violation.reason == "required":
                    self._required.add(at)
                self.complaints.setdefault(at, []).append(self._name_entry(at, explain_field(violation)))
            if not refusal.violations:
                self.explanation = explain(refusal, self.zone)
                self._place_complaints(self.explanation, refusal.metadata.get("entry", ""))
            if refusal.reason == "ETAG_MISMATCH" and isinstance(etag := self._initial.get("etag"), str):
                self.values["etag"] = etag  # who sends it once more has been told

    def _place_complaints(self, explanation: Explanation, entry: str) -> None:
        """Put what is explained beside its fields; in a batch, beside those of the entry that was refused."""
        entry = re.sub(r"\[(\d+)\]", r".\1", entry)
        about = [
            (f"{entry}.{path.partition('.')[2]}" if entry else path, text) for path, text in explanation.complaints
        ]
        for path, text in about or ([(entry, explanation.title)] if entry else []):
            self.complaints.setdefault(path, []).append(text)

    def _name_entry(self, at: str, complaint: str) -> str:
        """Return a complaint with the entry that it is about, where it is one of several typed into one field."""
        field, _dot, index = at.rpartition(".")
        codes = field_codec.WORD_CODECS.get(field.rpartition(".")[2], (str, str))[1]
        entries = list({codes(text): text for text in reversed(split_entries(self.get_all(field)))}.values())[::-1]
        if len(entries) > 1 and index.isdigit() and int(index) < len(entries):
            return f"{entries[int(index)]}: {complaint}"
        return complaint

    def _set_messages_present(self, message: Message) -> None:
        """Let the messages that the form has fields of be there: then each field says what it misses, not the whole."""
        for name in {key.partition(".")[0] for key in self.values if "." in key}:
            field: Any = message.DESCRIPTOR.fields_by_name.get(name)
            if field is not None and field.message_type is not None and not field.is_repeated:
                getattr(message, name).SetInParent()
