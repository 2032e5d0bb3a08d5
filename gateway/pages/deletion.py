"""The page that asks back before something is deleted for good, and deletes it."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import flash, redirect, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from google.protobuf.message import Message

from gateway.forms.form import Form
from gateway.web.links import href

Request = TypeVar("Request", bound=Message)


def delete_after_asking(
    resource: Any,
    delete: Callable[[Request], object],
    kind: type[Request],
    *,
    question: str,
    consequence: str,
    done: str,
    then: str,
    above: list[tuple[str, str]],
    back: str = "",
    button: str = "",
) -> ResponseReturnValue:
    """
    Ask back before a resource is deleted; once that is answered, delete it, say so, and lead on.

    A refusal is shown on the page: what still refers to the resource, or who changed it meanwhile.

    Args:
        resource: What is deleted, as it is stored now.
        delete: The RPC, which takes a request of `kind`.
        consequence: What is gone then.
        done: What the next page says.
        then: Address of the next page.
        above: Breadcrumbs (path, title) above this page.
        back: Address that leads away without changes; the resource's own when empty.
        button: What answers the question; "Delete" when empty.
    """
    form = Form({"etag": resource.etag})
    if form.submitted:
        with form.catch_refusal():
            delete(form.build_request(kind, name=resource.name))
            flash(done, "success")
            return redirect(then, 303)
    return render_template(
        "confirm.html",
        form=form,
        title=question,
        consequence=consequence,
        button=button or _("Delete"),
        final=True,
        back=back or href(resource.name),
        above=above,
    ), form.status
