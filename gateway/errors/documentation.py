"""
``docs/using/errors.md``: every reason with its code, its HTTP status and its meaning.

``python -m gateway.errors.documentation`` writes it anew; a test fails while it differs from the tables.
"""

from pathlib import Path

from gateway.errors.http_status import get_status
from gateway.errors.reasons import FIELDS, REFUSALS

PAGE = Path(__file__).parents[2] / "docs/using/errors.md"
HEAD = """\
# Errors of the API

<!-- Written by `python -m gateway.errors.documentation`; change the texts in gateway/errors/reasons.py. -->

Every error has one form. Programs go by `reason`, and by the `metadata` that hold its particulars; `message` and
`description` are for whoever reads a log, and change without notice.

```json
{
  "error": {
    "code": 400,
    "status": "INVALID_ARGUMENT",
    "message": "visit.endDate: is more than 365 days after the first day",
    "details": [
      {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "VISIT_TOO_LONG",
        "domain": "austausch",
        "metadata": {"violations_0_max_days": "365"}
      },
      {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [
          {
            "field": "visit.endDate",
            "reason": "VISIT_TOO_LONG",
            "description": "is more than 365 days after the first day"
          }
        ]
      }
    ]
  }
}
```

`field` is the path of the field as JSON has it, with an entry of a list by its place, counted from 0:
`changes[0].agendaItem.after[1].agendaItem`. In a batch, `entry` among the metadata says in the same way which entry was
refused as a whole.

Metadata are flat. What belongs to a field stands there as `violations_<index>_<name>`, counted from 0 in the order of
`fieldViolations`; what belongs to one of several things as `<things>_<index>_<name>`, e.g. `clashes_0_resource`. Of
many things the first ten are told, and `clashes` counts all. Instants are in RFC 3339. In the meanings below `%(name)s`
stands for one of the metadata.

New reasons can come with every release: take one that you do not know by its `status`.
"""
REFUSALS_HEAD = """
## Refusals

The `reason` of the `ErrorInfo`. `INVALID_FIELD` means that the fields say more; every other reason of a field can
stand here, too, where it is the only one.

| reason | status | HTTP | meaning |
|---|---|---|---|
"""
FIELDS_HEAD = """
## Fields

The `reason` of one of the `fieldViolations`. Those in small letters are rules of the contract (the description of the
API has them at each field); `…_MALFORMED` is a form that a value has to have, with an `example`.

| reason | meaning |
|---|---|
"""


def render_documentation() -> str:
    """Return the page."""
    refusals = [
        f"| `{reason}` | `{code}` | {get_status(reason, code)} | {text} |"
        for code, reasons in REFUSALS.items()
        for reason, text in reasons.items()
    ]
    fields = [f"| `{reason}` | {text} |" for reason, text in FIELDS.items()]
    return HEAD + REFUSALS_HEAD + "\n".join(refusals) + "\n" + FIELDS_HEAD + "\n".join(fields) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render_documentation())
