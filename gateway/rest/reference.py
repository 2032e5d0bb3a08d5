"""The description of the API: ``/api/openapi.json``, and the same for reading at ``/api/reference``."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_babel import get_locale
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from gateway.rest.comment_markup import render_comment
from gateway.rest.endpoints import Endpoint
from gateway.rest.openapi.document import build_document


def init_blueprint(blueprint: Blueprint, endpoints: Sequence[Endpoint], prefix: str) -> None:
    """Add the two addresses to the API's blueprint."""

    blueprint.add_app_template_filter(render_comment, "prose")

    @cache
    def get_document() -> dict[str, Any]:
        return build_document(endpoints, prefix)

    @cache
    def get_json() -> str:
        return json.dumps(get_document(), ensure_ascii=False, indent=1)

    @blueprint.get("/openapi.json", merge_slashes=False)
    def openapi() -> BaseResponse:
        response = Response(get_json(), content_type="application/json")
        response.headers["Cache-Control"] = "public, max-age=300"
        response.add_etag()
        return response.make_conditional(request)

    @cache
    def render_operations(_language: str) -> Markup:
        return Markup(render_template("rest/operations.html", document=get_document()))  # noqa: S704 -- our own template

    @blueprint.get("/reference")
    def reference() -> str:
        operations = render_operations(str(get_locale()))
        return render_template("rest/reference.html", document=get_document(), operations=operations)

    @blueprint.get("/")
    def start() -> BaseResponse:
        return redirect(url_for("rest.reference"))
