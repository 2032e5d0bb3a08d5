"""Rows as files that spreadsheet programs open: CSV, and Excel's XLSX."""

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from io import TextIOWrapper
from typing import BinaryIO, NamedTuple, TypeAlias

from xlsxwriter import Workbook

Cell: TypeAlias = str | int | float | date | datetime | None
Row: TypeAlias = Sequence[Cell]

# What Excel and LibreOffice take for a formula where a file does not say what is text, also on a new line, and behind a
# semicolon, at which they divide where commas are decimal (https://owasp.org/www-community/attacks/CSV_Injection).
FORMULA = re.compile(r"(^|[;\t\r\n])(?=\s*[=+\-@＝＋－＠])")
# Excel's own limits of the name of a sheet.
NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\']+")
MAX_SHEET_NAME = 31
# No XML may have these.
NOT_IN_XML = re.compile("[\ufffe\uffff]")
COLUMN_WIDTH = 22


def write_csv(file: BinaryIO, _title: str, rows: Iterable[Row]) -> None:
    """
    Write rows as CSV (RFC 4180), in UTF-8 with the mark by which Excel knows it.

    Numbers, dates and times are as a program reads them, by ISO 8601; what begins like a formula gets an
    apostrophe before it.
    """
    text = TextIOWrapper(file, "utf-8-sig", newline="")
    csv.writer(text).writerows([_make_harmless(cell) for cell in row] for row in rows)
    text.detach()  # or the file would be closed with it


def _make_harmless(cell: Cell) -> str | int | float | None:
    match cell:
        case datetime():
            return cell.isoformat(" ", "minutes")
        case date():
            return cell.isoformat()
        case str():
            return FORMULA.sub(r"\1'", cell)
    return cell


def write_xlsx(file: BinaryIO, title: str, rows: Iterable[Row]) -> None:
    """Write rows as a sheet of Excel called `title`, the first of them as headings; row by row, past the memory."""
    # Dates and numbers are told by what they are; a text is never taken for a formula, a link or a number.
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with Workbook(file, options) as book:
        sheet = book.add_worksheet(NOT_IN_SHEET_NAMES.sub(" ", title).strip()[:MAX_SHEET_NAME])
        heading = book.add_format({"bold": True})
        day, moment = (book.add_format({"num_format": form}) for form in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm"))
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(rows):
            if number == 0:
                sheet.set_column(0, len(row) - 1, COLUMN_WIDTH)
            for place, cell in enumerate(row):
                match cell:
                    case datetime():
                        sheet.write_datetime(number, place, cell, moment)
                    case date():
                        sheet.write_datetime(number, place, cell, day)
                    case str():
                        sheet.write_string(number, place, _make_plain(cell), None if number else heading)
                    case int() | float():
                        sheet.write_number(number, place, cell)


def _make_plain(text: str) -> str:
    """Return a text as the library writes it as it is: in `<r>` it would take it for markup of its own."""
    text = NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
    return f"{text} " if text.endswith("</r>") else text


class Format(NamedTuple):
    """A kind of file."""

    mimetype: str
    write: Callable[[BinaryIO, str, Iterable[Row]], None]


# By the extension of a file's name, as the address has it too.
FORMATS = {
    "csv": Format("text/csv", write_csv),
    "xlsx": Format("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", write_xlsx),
}
