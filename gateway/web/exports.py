"""
Lists as files: all pages of what a list shows with its present filters, as far as the reader may see it.

Where `is_wanted`, a view answers with `send_list`, which asks for the list page by page and writes each row as it
comes: what is held is a page of messages and the file.
"""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from io import BytesIO
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

from flask import flash, redirect, request, send_file
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel.speaklater import LazyString
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from chassis.convert import date_of
from chassis.errors import Unavailable
from gateway.i18n.formats import format_count, to_local
from gateway.vocabulary.cities import get_home_day
from gateway.web.links import get_page_url, href
from gateway.web.spreadsheets import FORMATS, Cell, Row

# The largest page of the contract.
PAGE_SIZE = 1000
# Some seconds of work; more are refused, and the reader is told to filter.
MAX_ROWS = 10_000
MAX_NAME = 100
NOT_IN_FILE_NAMES = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u200e\u200f\u202a-\u202e\u2066-\u2069]+')

# A file is work for the processor, for which all other requests of this process wait: one is written at a time.
TURN_SECONDS = 5.0
_turn = threading.Lock()

# A heading, and what a row has there; see `to_cell`.
Column: TypeAlias = tuple[LazyString, Callable[[Any], object]]


class Export(NamedTuple):
    """
    What the file of a list holds.

    Attributes:
        title: What the list is called; the file and its sheet are called so, too.
        get_resources: Takes an answer of the list; returns what it lists.
        prepare: Takes the resources of a page; gets what their columns need, at once.
        of: Title of what the list belongs to.
    """

    title: LazyString
    get_resources: Callable[[Any], Sequence[Any]]
    columns: Sequence[Column]
    prepare: Callable[[Sequence[Any]], None] = lambda _resources: None
    of: str = ""


def is_wanted() -> bool:
    """Tell whether the address asks for the list as a file; an unknown kind of file is none."""
    return request.args.get("format", "") in FORMATS


def send_list(export: Export, list_page: Callable[[Any], Any], wanted: Any) -> ResponseReturnValue:
    """
    Answer with all pages of a list as a file; with the list, and a message, where it is too long for one.

    Args:
        list_page: The RPC of the list.
        wanted: Its request, with all filters; which page it names does not matter.

    Raises:
        Unavailable: Others get a file now, and it takes long; reason SERVICE_BUSY.
    """
    wanted.page_size, wanted.page_token = PAGE_SIZE, ""
    first = list_page(wanted)
    if first.total_size > MAX_ROWS:
        text = _(
            "This list has %(total)s entries, and a file takes %(most)s at most: filter it, and export its parts.",
            total=format_count(first.total_size),
            most=format_count(MAX_ROWS),
        )
        flash(text, "warning")
        return redirect(get_page_url(format="", page_token=""), 303)
    return send_rows(export, _list_resources(export, first, list_page, wanted))


def _list_resources(export: Export, answer: Any, list_page: Callable[[Any], Any], wanted: Any) -> Iterator[Any]:
    """Return what an answer and those of the pages behind it hold; each page is asked for when it is its turn."""
    while True:
        resources = export.get_resources(answer)
        export.prepare(resources)
        yield from resources
        if not answer.next_page_token:
            return
        wanted.page_token = answer.next_page_token
        answer = list_page(wanted)


def send_rows(export: Export, resources: Iterable[Any]) -> ResponseReturnValue:
    """
    Answer with a file that has a row for each resource, of the kind that the address asks for.

    Raises:
        Unavailable: Others get a file now, and it takes long; reason SERVICE_BUSY.
    """
    headings: Row = [str(heading) for heading, _read in export.columns]
    rows = ([to_cell(read(resource)) for _heading, read in export.columns] for resource in resources)
    extension = request.args["format"]
    kind, file = FORMATS[extension], BytesIO()
    if not _turn.acquire(timeout=TURN_SECONDS):
        raise Unavailable("Others get files just now; try again.", reason="SERVICE_BUSY")
    try:
        kind.write(file, str(export.title), chain([headings], rows))
    finally:
        _turn.release()
    file.seek(0)
    title = " – ".join(filter(None, [str(export.title), export.of]))
    name = NOT_IN_FILE_NAMES.sub(" ", title)[:MAX_NAME].strip()
    response = send_file(file, kind.mimetype, True, f"{name} {get_home_day().isoformat()}.{extension}")
    response.headers["Cache-Control"] = "private, no-store"
    return response


def to_cell(value: object) -> Cell:
    """
    Return a value as a cell holds it.

    Days and instants of the contract become dates, and times in the home city; what is not set stays empty. Several
    values are divided by semicolons.
    """
    match value:
        case Date():
            return date_of(value) if value.year else None
        case Timestamp():
            return to_local(value) if value.ByteSize() else None
        case bool():
            return _("yes") if value else _("no")
        case None | str() | int() | float() | date():
            return value
        case Iterable():
            return "; ".join(map(str, value))
    return str(value)


def get_address(resource: Any) -> str:
    """Return the full address of the page of a resource."""
    return request.host_url.rstrip("/") + href(resource.name)


def read_coordinate(axis: str) -> Callable[[Any], float | None]:
    """Return what reads the `latitude` or `longitude` of where a resource lies, where that is known."""
    return lambda resource: getattr(resource.location, axis) if resource.HasField("location") else None
