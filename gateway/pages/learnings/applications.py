"""Where a learning was applied: a part of its page, and the page that deletes an entry."""

from austausch.knowledge.v1 import knowledge_pb2 as pb
from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.callers import require_caller
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.deletion import delete_after_asking
from gateway.vocabulary import departments
from gateway.web import list_filters
from gateway.web.links import href


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of learnings the page that deletes where one was applied."""
    path = "/<learning_id>/applications/<application_id>/delete"
    blueprint.add_url_rule(path, view_func=delete_application, methods=["GET", "POST"])


def list_applications(learning: pb.Learning) -> pb.ListApplicationsResponse:
    """Return the page that the address asks for of where a learning was applied."""
    answer: pb.ListApplicationsResponse = rpc.applications.ListApplications(
        pb.ListApplicationsRequest(parent=learning.name, **list_filters.read_paging())
    )
    return answer


def make_form() -> Form:
    """Return the form that records where a learning was applied: by the reader's department, as a rule."""
    return Form({"application.department": require_caller().identity.department})


def record(form: Form, learning: pb.Learning) -> ResponseReturnValue | None:
    """Record what was typed, say so, and lead back to the learning; None where it was refused."""
    permissions.require("ApplicationService.CreateApplication")
    with form.catch_refusal():
        request = form.build_request(pb.CreateApplicationRequest, parent=learning.name)
        application = rpc.applications.CreateApplication(request)
        flash(_("It is recorded that %(department)s applied it.", department=application.department), "success")
        departments.flash_new_department(application.department)
        return redirect(href(application.name), 303)
    return None


@sign_in_required
def delete_application(learning_id: str, application_id: str) -> ResponseReturnValue:
    permissions.require("ApplicationService.DeleteApplication")
    learning = rpc.learnings.GetLearning(pb.GetLearningRequest(name=f"learnings/{learning_id}"))
    name = f"{learning.name}/applications/{application_id}"
    application = rpc.applications.GetApplication(pb.GetApplicationRequest(name=name))
    return delete_after_asking(
        application,
        rpc.applications.DeleteApplication,
        pb.DeleteApplicationRequest,
        question=_("Delete the entry that %(department)s applied it?", department=application.department),
        consequence=_("The entry is deleted for good; the learning stays."),
        done=_("The entry that %(department)s applied it is deleted.", department=application.department),
        then=href(learning.name),
        above=[(url_for("learnings.index"), _("Learnings")), (href(learning.name), learning.title)],
    )
