"""A program that knows nothing of the platform but its ``/api/openapi.json``."""

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode

from jsonschema import Draft202012Validator

SECONDS = 60


class Refused(Exception):
    """The platform refused a call: its HTTP status, and the error as it came."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(f"{status} {error.get('status')}: {error.get('message')}")
        self.status = status
        self.error = error

    def info(self) -> dict[str, Any]:
        """Return the ``ErrorInfo`` of the error."""
        return next(detail for detail in self.error["details"] if detail["@type"].endswith(".ErrorInfo"))


class Program:
    """
    Calls operations by their ids: ``program("ConfirmVisit", visit=…)``.

    Path and query parameters are given by their names, a body as ``body``. Every answer is held against its schema.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.token = ""
        with urllib.request.urlopen(f"{url}/api/openapi.json", timeout=SECONDS) as answer:
            self.document = json.load(answer)
        self.operations = {
            operation["operationId"]: (verb.upper(), path, operation)
            for path, verbs in self.document["paths"].items()
            for verb, operation in verbs.items()
        }

    def sign_in(self, email: str, password: str) -> None:
        """Sign in; later calls are made with the token."""
        self.token = self("CreateSession", body={"email": email, "password": password})["token"]

    def __call__(self, operation_id: str, body: Any = None, **parameters: Any) -> Any:
        verb, path, operation = self.operations[operation_id]
        query = {}
        for parameter in operation.get("parameters", []):
            if parameter["name"] not in parameters:
                continue
            value = parameters.pop(parameter["name"])
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", quote(value, safe=""))
            else:
                query[parameter["name"]] = value
        assert not parameters, f"{operation_id} does not know {list(parameters)}"
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if operation.get("security", self.document["security"]):
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(
            self.url + path + ("?" + urlencode(query, doseq=True) if query else ""),
            data=json.dumps(body).encode() if body is not None else None,
            headers=headers,
            method=verb,
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                value = json.load(answer)
        except urllib.error.HTTPError as error:
            failed = json.load(error)
            self._check(self.document["components"]["schemas"]["Error"], failed)
            self._check({"enum": [int(code) for code in operation["responses"]]}, error.code)
            raise Refused(error.code, failed["error"]) from None
        self._check(operation["responses"]["200"]["content"]["application/json"]["schema"], value)
        return value

    def _check(self, schema: dict[str, Any], value: Any) -> None:
        Draft202012Validator({**schema, "components": self.document["components"]}).validate(value)


def id_of(resource: dict[str, Any]) -> str:
    """Return the last part of a resource's name."""
    return str(resource["name"].rpartition("/")[2])
