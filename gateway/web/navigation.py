"""The main navigation: which pages it offers to the reader, and which of them this page belongs to."""

from flask import request

from gateway.auth.permissions import ADMINISTRATION_RPCS, may
from gateway.i18n.gettext import translate_later as _l

# The main navigation: path, label, and RPCs; who may call none of them is not shown the page.
NAVIGATION = [
    ("/", _l("Start"), ()),
    ("/partnerships", _l("Partnerships"), ("PartnershipService.ListPartnerships",)),
    ("/exchanges", _l("Exchanges"), ("ExchangeService.ListExchanges",)),
    ("/visits", _l("Visits"), ("VisitService.ListVisits",)),
    ("/forums", _l("Expert forums"), ("ForumService.ListForums",)),
    ("/learnings", _l("Learnings"), ("LearningService.ListLearnings",)),
    ("/administration", _l("Administration"), ADMINISTRATION_RPCS),
]

# Parts of a page of the navigation that have addresses of their own.
BELOW = {"/administration": ("/cities", "/rooms", "/people", "/accounts")}


def list_offered() -> list[tuple[str, str]]:
    """Return (path, label) of the main navigation's pages that the reader may see."""
    return [(path, str(label)) for path, label, rpcs in NAVIGATION if not rpcs or any(map(may, rpcs))]


def is_offered(path: str) -> bool:
    """Return whether the navigation offers its page at `path` to the reader."""
    return path in dict(list_offered())


def is_current(path: str) -> bool:
    """Return whether this page belongs to the part of the navigation at `path`."""
    if path == "/":
        return request.path == path
    return any((request.path + "/").startswith(each + "/") for each in (path, *BELOW.get(path, ())))
