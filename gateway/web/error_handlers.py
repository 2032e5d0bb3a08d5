"""
Every error, once: as a page where a person reads it, as JSON under ``/api``.

JSON: ``{"error": {"code": 404, "status": "NOT_FOUND", "message": …, "details": […]}}``, where the details carry
``google.rpc.ErrorInfo`` and, for bad fields, ``google.rpc.BadRequest`` (aip.dev/193).
"""

import json
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from flask import Response, current_app, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from google.protobuf.json_format import MessageToDict
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from chassis.errors import DomainError, Internal, Unauthenticated
from chassis.status import DOMAIN, to_status
from gateway.accounts.database import DATABASE_ERRORS, find_outage
from gateway.auth import confirmation
from gateway.auth.callers import current_identity, is_api
from gateway.errors.explanations import explain
from gateway.errors.http_status import get_http_code, get_http_reason, get_http_status, get_retry_seconds
from gateway.forms import resubmission
from gateway.web.links import get_page_url

HTTP_MESSAGES = {
    404: "There is nothing at this path. /api/openapi.json has all paths.",
    405: "This path does not answer this method; the header Allow names those that it does.",
}
TYPE_PREFIX = "type.googleapis.com/google.rpc."

log = structlog.get_logger()


def answer_refusal(error: DomainError) -> BaseResponse:
    """Answer a refusal of ours or of a service."""
    status = get_http_status(error)
    if status == 500:
        log.error("call failed", error=error.message, reason=error.reason)
    headers: dict[str, str] = {}
    if seconds := get_retry_seconds(error):
        headers["Retry-After"] = seconds
    if not is_api():
        if error.reason == confirmation.CONFIRMATION_NEEDED:
            return resubmission.ask_to_confirm()
        if isinstance(error, Unauthenticated):
            return resubmission.ask_to_sign_in()
        if "page_token" in request.args and any(violation.field == "page_token" for violation in error.violations):
            flash(_("This page of the list does not exist (any more). Here is its beginning."), "warning")
            return redirect(get_page_url(page_token=""), 303)
        explanation = explain(error, ZoneInfo(current_app.config["HOME_TIME_ZONE"]))
        return render_error_page(status, explanation.text, headers, explanation.title)
    if status == 401:
        invalid = "" if error.reason == "NOT_SIGNED_IN" else ' error="invalid_token"'
        if error.reason == confirmation.CONFIRMATION_NEEDED:  # RFC 9470
            seconds = error.metadata["max_age_seconds"]
            invalid = f' error="insufficient_user_authentication", max_age="{seconds}"'
        headers["WWW-Authenticate"] = f'Bearer realm="austausch"{"," * bool(invalid)}{invalid}'
    rpc_status = to_status(error)
    details = [MessageToDict(detail, always_print_fields_with_no_presence=True) for detail in rpc_status.details]
    return render_error_json(status, error.code, rpc_status.message, details, headers)


def answer_http_error(error: HTTPException) -> BaseResponse:
    """Answer what HTTP itself refuses: no such path, wrong method, too large."""
    status = error.code or 500
    response = error.get_response()
    if status < 400:
        return response  # a redirect that the router raises
    headers = {name: value for name, value in response.headers.items() if name in ("Allow", "Retry-After")}
    if not is_api():
        return render_error_page(status, "", headers)
    message = HTTP_MESSAGES.get(status, error.description or error.name)
    info = {"@type": TYPE_PREFIX + "ErrorInfo", "reason": get_http_reason(status), "domain": DOMAIN, "metadata": {}}
    return render_error_json(status, get_http_code(status), message, [info], headers)


def answer_defect(error: Exception) -> BaseResponse:
    """Answer an error that nobody foresaw. What it was stands in the log only."""
    log.error("request failed", exc_info=error)
    if is_api():
        return answer_refusal(Internal())
    return render_error_page(500, "", {})


def answer_database_error(error: Any) -> BaseResponse:
    """Answer an error of the accounts database: it is away, or takes no changes; all else is a defect of ours."""
    outage = find_outage(error)
    if outage is None:
        return answer_defect(error)
    log.error("accounts database unavailable", reason=outage.reason, error=str(getattr(error, "orig", error)))
    return answer_refusal(outage)


def answer_invalid_csrf_token(_error: CSRFError) -> ResponseReturnValue:
    """Answer a form without a valid token, of an old page or another site: show it again, and carry nothing out."""
    if resubmission.get_typed() is None:
        title = _("This form is no longer valid")
        message = _("Your session ended while the page was open, so nothing was changed.")
        return render_error_page(400, message, {}, title, _("Go back, load the page anew and do it again."))
    if not current_identity():
        return resubmission.ask_to_sign_in()
    return resubmission.resubmit_with_new_token()


def render_error_json(
    status: int, code: str, message: str, details: list[dict[str, Any]], headers: dict[str, str]
) -> Response:
    """Return an error as JSON."""
    body = {"error": {"code": status, "status": code, "message": message, "details": details}}
    return Response(
        json.dumps(body, ensure_ascii=False), status, headers, content_type="application/json; charset=utf-8"
    )


def render_error_page(
    status: int, message: str, headers: dict[str, str], title: str = "", what_to_do: str = ""
) -> Response:
    """Return an error as a page: what happened, and what to do; by the status where that is not given."""
    known_title, known_advice = get_title_and_advice(status)
    title, what_to_do = title or known_title, what_to_do or known_advice
    body = render_template("error.html", status=status, title=title, message=message, what_to_do=what_to_do)
    return Response(body, status, headers, content_type="text/html; charset=utf-8")


def get_title_and_advice(status: int) -> tuple[str, str]:
    """Return title and advice for a status, in the reader's language."""
    again = _("Go back and check what you entered; nothing was changed.")
    later = _("Please try again in a moment. If it stays so, tell those who run this platform.")
    known = {
        403: (_("You may not do this"), _("Ask the international office if you need it for your work.")),
        404: (_("There is nothing here"), _("It may have been removed, or the address is wrong.")),
        405: (_("This address cannot be used like this"), _("Go back and follow a link or button of the page.")),
        409: (_("Changed meanwhile"), _("Go back, load the page anew and do it again; nothing was changed.")),
        413: (_("This is too large"), _("Go back and send less at once; nothing was changed.")),
        429: (_("Too often"), _("Please wait a little before you try again.")),
        503: (_("Part of the platform does not answer"), later),
        504: (_("This takes too long"), later),
    }
    if status in known:
        return known[status]
    return (_("Something went wrong"), later) if status >= 500 else (_("This was not possible"), again)


# What is raised → what answers it, on every page and every path of the API.
HANDLERS: dict[type[Exception], Callable[[Any], ResponseReturnValue]] = {
    DomainError: answer_refusal,
    HTTPException: answer_http_error,
    CSRFError: answer_invalid_csrf_token,
    **dict.fromkeys(DATABASE_ERRORS, answer_database_error),
    Exception: answer_defect,
}
