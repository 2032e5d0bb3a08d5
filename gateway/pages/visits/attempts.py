"""What a button stands for: it is done, or the next page says why not."""

from collections.abc import Callable

from flask import flash

from chassis.errors import DomainError, NotFound, Unauthenticated
from gateway.errors.explanations import explain
from gateway.forms.form import Form


def attempt(act: Callable[[], object]) -> bool:
    """Return whether something that a button stands for was done; the next page says why it was not."""
    try:
        act()
    except (NotFound, Unauthenticated):
        raise
    except DomainError as refusal:
        explanation = explain(refusal, Form().zone)
        flash(" ".join(filter(None, [f"{explanation.title}.", explanation.text, explanation.advice])), "danger")
        return False
    return True
