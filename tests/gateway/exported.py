"""What stands in the files of lists, read as other programs would."""

import csv
import re
from datetime import datetime, timedelta
from io import BytesIO, StringIO
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

SPREADSHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
MIMETYPES = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
# Days are counted from here; of 1900 Excel believes that it was a leap year.
FIRST_DAY = datetime(1899, 12, 30)  # noqa: DTZ001 - days have no zone


def export(client: FlaskClient, address: str, kind: str = "csv", **headers: str) -> TestResponse:
    """Ask for the list at an address, which may have filters, as a file."""
    answer = client.get(f"{address}{'&' if '?' in address else '?'}format={kind}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == MIMETYPES[kind]
    return answer


def read_csv(answer: TestResponse) -> list[dict[str, str]]:
    """Return the rows of a CSV file by their headings."""
    return list(csv.DictReader(StringIO(answer.data.decode("utf-8-sig"), newline=""), strict=True))


def read_xlsx(answer: TestResponse) -> list[dict[str, Any]]:
    """Return the rows of an Excel file by their headings: texts, numbers, and days with their times."""
    with ZipFile(BytesIO(answer.data)) as file:
        # Of our own making: nothing in it expands.
        sheet, styles = (
            ElementTree.fromstring(file.read(f"xl/{part}.xml"))  # noqa: S314
            for part in ("worksheets/sheet1", "styles")
        )
    assert not list(sheet.iter(f"{SPREADSHEET}f"))
    assert not list(sheet.iter(f"{SPREADSHEET}hyperlink"))
    formats = {form.get("numFmtId"): form.get("formatCode", "") for form in styles.iter(f"{SPREADSHEET}numFmt")}
    (cell_styles,) = styles.iter(f"{SPREADSHEET}cellXfs")
    codes = [formats.get(style.get("numFmtId"), "") for style in cell_styles]
    rows = [
        {
            re.sub(r"\d", "", cell.get("r", "")): _read(cell, codes[int(cell.get("s", "0"))])
            for cell in row.iter(f"{SPREADSHEET}c")
        }
        for row in sheet.iter(f"{SPREADSHEET}row")
    ]
    return [{rows[0][column]: value for column, value in row.items()} for row in rows[1:]]


def _read(cell: ElementTree.Element, code: str) -> Any:
    if cell.get("t") == "inlineStr":
        return "".join(text.text or "" for text in cell.iter(f"{SPREADSHEET}t"))
    assert cell.get("t") in (None, "n")
    (value,) = cell.iter(f"{SPREADSHEET}v")
    if "yyyy" not in code:
        return float(value.text or "")
    # Excel itself shows seconds, and keeps what is less.
    read = FIRST_DAY + timedelta(seconds=round(float(value.text or "") * 24 * 3600))
    return read if "hh" in code else read.date()
