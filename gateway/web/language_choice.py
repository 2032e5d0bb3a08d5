"""The switch of the language on pages without a form of their own; with one, see `gateway.forms.resubmission`."""

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from gateway.auth.cookies import remember_language
from gateway.auth.sign_in import local_path
from gateway.i18n.languages import LANGUAGES

blueprint = Blueprint("language_choice", __name__)


@blueprint.post("/language")
def choose_language() -> BaseResponse:
    """Remember the language that the reader chooses, and go back to the page."""
    response = redirect(local_path(request.form.get("next")), 303)
    chosen = request.form.get("language", "")
    if chosen in LANGUAGES:
        remember_language(chosen)
    return response
