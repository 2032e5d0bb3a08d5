"""The pages that ask for a password, and what they say of the one given before."""

from dataclasses import dataclass
from typing import Any

from flask import Response, render_template


@dataclass(frozen=True)
class Complaint:
    """
    Why a password was not taken.

    Attributes:
        text: What its owner is told.
        status: HTTP status of the page that tells it.
        retry_after: Seconds after which to try again; empty where waiting does not help.
    """

    text: str
    status: int
    retry_after: str = ""


def render_password_page(template: str, complaint: Complaint | None, *, status: int, **values: Any) -> Response:
    """Return a page that asks for a password; with `status` where there is no complaint about the one before."""
    body = render_template(template, complaint=complaint.text if complaint else "", **values)
    headers = {"Retry-After": complaint.retry_after} if complaint and complaint.retry_after else None
    return Response(body, complaint.status if complaint else status, headers, content_type="text/html; charset=utf-8")
