"""What only the new release knows of a resource: a change through the old one leaves it as it is."""

import time
import urllib.error
from collections.abc import Iterator
from typing import Any

from tests.chaos.work import AWAY, CONFLICT
from tests.upgrade.visitor import Visitor

TRIES = 12
PAUSE_SECONDS = 0.1
SERVER_ERROR = 500
# How often something is changed through the old gateway: either replica of its service may get it.
CHANGES = 4
MAX_PARENTS = 20
# What most resources have, and whoever writes may change.
TEXTS = ("title", "displayName", "function")


class CannotTry(Exception):
    """No resource is there, or no value that we know fits."""


class Fields:
    """
    The fields of resources that only the new release knows.

    Args:
        old, new: URLs of the gateways of both releases, which run.
    """

    def __init__(self, visitor: Visitor, old: str, new: str) -> None:
        self._visitor = visitor
        self._old, self._new = old, new
        before, self._document = (visitor.call("GET", "/api/openapi.json", None, door=door) for door in (old, new))
        known, schemas = (document["components"]["schemas"] for document in (before, self._document))
        self.added: dict[str, dict[str, Any]] = {
            kind: fields
            for kind, schema in schemas.items()
            if kind in known and (fields := _subtract(schema, known[kind]))
        }
        self.kept: list[str] = []
        self.not_tried: list[str] = []

    def list_defects(self) -> Iterator[str]:
        """Fill each new field of a resource, change that through the old gateway, and yield what is lost."""
        for path, verbs in self._document["paths"].items():
            kind = _name_schema(verbs.get("patch", {}))
            for field, schema in self.added.get(kind, {}).items():
                what = f"{kind}.{field}"
                try:
                    written, left = self._change(path, field, schema)
                except CannotTry:
                    self.not_tried.append(what)
                except OSError as error:
                    yield f"{what} can't be changed: {error}"
                else:
                    self.kept.append(what)
                    if left != written:
                        yield f"{what} was {written!r}, and is {left!r} after changes through the old release"

    def _change(self, path: str, field: str, schema: dict[str, Any]) -> tuple[Any, Any]:
        """Return what a field was, and is after changes through the old gateway. Raises: `CannotTry`."""
        name = self._find_resource(path)
        written = self._write(name, field, schema)
        for _ in range(CHANGES):
            seen = self._ask("GET", name, None, self._old)
            text = next((each for each in TEXTS if each in seen), None)
            if text is None:
                raise CannotTry
            self._ask("PATCH", f"{name}?updateMask={text}", {text: f"{seen[text]}."}, self._old)
        for _ in range(TRIES):  # As in `_write`, the old service may be asked.
            left = self._ask("GET", name, None, self._new)[field]
            if left == written:
                break
            time.sleep(PAUSE_SECONDS)
        return written, left

    def describe(self) -> str:
        """Return in one line which fields were tried."""
        return f"new fields: {', '.join(self.kept) or 'none'}; not tried: {', '.join(self.not_tried) or 'none'}"

    def _find_resource(self, path: str) -> str:
        """Return the name of a resource that a path with PATCH is for."""
        names = [""]
        for part in path.removeprefix("/api/v1/").split("/"):
            if not part.startswith("{"):
                names = [f"{name}/{part}".strip("/") for name in names]
                continue
            found: list[str] = []
            for collection in names[:MAX_PARENTS]:
                answer = self._ask("GET", collection, None, self._new)
                found += [each["name"] for each in answer[collection.rpartition("/")[2]]]
            names = found
        if not names:
            raise CannotTry
        return names[0]

    def _write(self, name: str, field: str, schema: dict[str, Any]) -> Any:
        """Return what a field has after it was filled through the new gateway."""
        values = {"string": "Neu", "boolean": True, "integer": 1, "array": ["Neu"]}
        value = schema["enum"][-1] if "enum" in schema else values.get(str(schema.get("type")))
        if value is None:
            raise CannotTry
        for _ in range(TRIES):  # The old service may be asked first, and does not know the field.
            try:
                if written := self._ask("PATCH", f"{name}?updateMask={field}", {field: value}, self._new)[field]:
                    return written
            except urllib.error.HTTPError as error:
                if error.code >= SERVER_ERROR:
                    raise
            time.sleep(PAUSE_SECONDS)
        raise CannotTry

    def _ask(self, method: str, path: str, body: dict[str, Any] | None, door: str) -> Any:
        """Return an answer. Raises: `OSError`, also where it is "try again" again and again."""
        for tried in range(1, TRIES + 1):
            try:
                return self._visitor.call(method, f"/api/v1/{path}", body, door=door)
            except urllib.error.HTTPError as error:
                if error.code not in (*AWAY, CONFLICT) or tried == TRIES:
                    raise
            time.sleep(PAUSE_SECONDS)
        raise AssertionError


def _subtract(schema: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a schema that another lacks and that can be written."""
    names = schema.get("properties", {}).keys() - known.get("properties", {}).keys()
    fields = {name: schema["properties"][name] for name in sorted(names)}
    return {name: each for name, each in fields.items() if not each.get("readOnly")}


def _name_schema(operation: dict[str, Any]) -> str:
    """Return the name of the schema of an operation's body; "" for none."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return str(content.get("schema", {}).get("$ref", "")).rpartition("/")[2]
