"""The description of the API: ``/api/openapi.json``, and the same for reading at ``/api/reference``."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_babel import get_locale
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from gateway.rest.comment_markup import prose
from gateway.rest.endpoints import Endpoint
from gateway.rest.openapi.document import document


def init_blueprint(blueprint: Blueprint, endpoints: Sequence[Endpoint], prefix: str) -> None:
    """Add the two addresses to the API's blueprint."""

    blueprint.add_app_template_filter(prose)

    @cache
    def described() -> dict[str, Any]:
        return document(endpoints, prefix)

    @cache
    def text() -> str:
        return json.dumps(described(), ensure_ascii=False, indent=1)

    @blueprint.get("/openapi.json")
    def openapi() -> BaseResponse:
        response = Response(text(), content_type="application/json")
        response.headers["Cache-Control"] = "public, max-age=300"
        response.add_etag()
        return response.make_conditional(request)

    @cache
    def operations(_language: str) -> Markup:
        return Markup(render_template("rest/operations.html", document=described()))  # noqa: S704 -- our own template

    @blueprint.get("/reference")
    def reference() -> str:
        shown = operations(str(get_locale()))
        return render_template("rest/reference.html", document=described(), operations=shown)

    @blueprint.get("/")
    def start() -> BaseResponse:
        return redirect(url_for("rest.reference"))
