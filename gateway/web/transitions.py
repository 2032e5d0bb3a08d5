"""The custom verbs of the contract as buttons: `confirm` on a visit is the RPC `ConfirmVisit`."""

from flask import flash
from flask_babel import gettext as _
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from chassis.errors import DeadlineExceeded, DomainError, NotFound, PermissionDenied, Unauthenticated, Unavailable
from gateway import rpc
from gateway.errors.explanations import explain
from gateway.forms.form import Form
from gateway.vocabulary.enum_labels import get_term


def transition(service: str, verb: str, name: str, form: Form) -> Message:
    """
    Call the RPC of `verb` for the resource `name`, with the fields of the form, and say so on the next page.

    Args:
        service: Short name of the gRPC service, e.g. ``VisitService``.

    Raises:
        DomainError: The service refused.
    """
    method = rpc.SERVICES[service].methods_by_name[verb.capitalize() + service.removesuffix("Service")]
    changed = rpc.call(method, form.build_request(GetMessageClass(method.input_type), name=name))
    flash(_("Saved. Now: %(state)s.", state=get_term(changed)), "success")
    return changed


def transition_and_flash(service: str, verb: str, name: str) -> None:
    """Call the RPC of `verb` with the etag posted, and say on the next page what became of it."""
    form = Form()
    try:
        transition(service, verb, name, form)
    except (NotFound, PermissionDenied, Unauthenticated):
        raise
    except DomainError as refusal:
        explanation = explain(refusal, form.zone)
        if isinstance(refusal, Unavailable | DeadlineExceeded):
            outcome = _("See what holds now before you try again: it may have been done.")
        else:
            outcome = _("Nothing was changed.")
        flash(" ".join([explanation.title + ".", explanation.text, outcome]), "danger")
