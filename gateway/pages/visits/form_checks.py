"""What the forms of visits check beside the contract."""

from google.protobuf.message import Message

from chassis.errors import InvalidArgument, InvalidFields, Violation
from chassis.validation import validate
from gateway.forms.form import Form


def collect_violations(form: Form, violation: Violation, kind: type[Message], **fields: str) -> InvalidFields:
    """Return what is wrong with one field, with all that the request of `kind` would be refused for besides."""
    violations = [violation]
    try:
        validate(form.build_request(kind, **fields))
    except InvalidArgument as others:
        violations += [other for other in others.violations if other.field != violation.field]
    return InvalidFields(violations)
