"""The departments that people have named so far: forms suggest them, so that each keeps one spelling."""

from collections.abc import Iterable
from contextlib import suppress

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import flash
from flask_babel import gettext as _

from chassis.errors import DeadlineExceeded, Unavailable
from chassis.identity import same_department
from gateway import rpc
from gateway.auth.callers import current_identity
from gateway.auth.permissions import may


def suggest_departments(
    exchanges: Iterable[pb.Exchange] | None = None, more: Iterable[str] = ()
) -> list[tuple[str, str]]:
    """
    Return the departments that exchanges, the hosts' people and the reader's account name, as a field suggests them.

    Args:
        exchanges: Every exchange that the reader may see, if any; asked for when the page has no other need of them.
        more: Departments that the page knows besides.
    """
    names = [_get_own()]
    with suppress(Unavailable, DeadlineExceeded):  # a form is good without them
        names += _list_named(exchanges)
    names += more
    # The first spelling stands for all that the services take as the same.
    spellings: dict[str, str] = {}
    for name in filter(None, map(str.strip, names)):
        spellings.setdefault(name.casefold(), name)
    return [(name, name) for _folded, name in sorted(spellings.items())]


def _list_named(exchanges: Iterable[pb.Exchange] | None = None) -> list[str]:
    """
    Return the departments that exchanges and the hosts' people name, each as often as it is named.

    Raises:
        Unavailable: The exchange service is away; DeadlineExceeded where it is too slow.
    """
    if exchanges is None and may("ExchangeService.ListExchanges"):
        exchanges = rpc.exchanges.ListExchanges(pb.ListExchangesRequest(page_size=1000)).exchanges
    names = [exchange.department for exchange in exchanges or ()]
    if may("PersonService.ListPeople"):
        names += [person.department for person in rpc.people.ListPeople(pb.ListPeopleRequest(page_size=1000)).people]
    return names


def _get_own() -> str:
    """Return the department of the reader's account; "" for none."""
    reader = current_identity()
    return reader.department if reader else ""


def flash_new_department(name: str) -> None:
    """Say on the next page that nothing here names a department: it may be a slip of the pen."""
    try:
        known = [_get_own(), *_list_named()]
    except (Unavailable, DeadlineExceeded):
        return  # nobody can tell, and what was saved is saved
    if name and not any(same_department(name, each) for each in known):
        text = _(
            "No exchange and no person here has the department “%(department)s”. If that is a slip, please correct it.",
            department=name,
        )
        flash(text, "info")
