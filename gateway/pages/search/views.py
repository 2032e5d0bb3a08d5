"""The search page, the part of it that changes while one types, and the list under the search field of every page."""

from collections.abc import Mapping
from typing import Any

from austausch.knowledge.v1 import knowledge_pb2 as pb
from flask import Blueprint, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel.speaklater import LazyString

from chassis.errors import InvalidArgument
from gateway import rpc
from gateway.auth.permissions import may
from gateway.auth.sign_in import sign_in_required
from gateway.i18n.gettext import translate_later as _l
from gateway.i18n.languages import current_language
from gateway.pages.learnings.exports import LEARNINGS
from gateway.pages.search.everything import Found, Search, get_address
from gateway.pages.search.facets import FACETS, get_city_label, list_facets, read_filters
from gateway.pages.search.words import demand
from gateway.vocabulary import cities, topics
from gateway.web import exports, list_filters
from gateway.web.links import get_page_url

blueprint = Blueprint("search", __name__, url_prefix="/search")

# Of the contract; of a query that is longer than the search looks at, the page says so. No name is so long.
MAX_QUERY, MAX_NAME = 20_000, 1_000

# `order_by` of the contract → what it is called, in the order of the page.
ORDERINGS: dict[str, LazyString] = {
    "": _l("Relevance"),
    "create_time desc": _l("Newest"),
    "application_count desc": _l("Most applied"),
}

FOUND = LEARNINGS._replace(get_resources=lambda answer: [result.learning for result in answer.results])


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    query = _read_query()
    if exports.is_wanted():
        return exports.send_list(FOUND._replace(of=query), rpc.learnings.SearchLearnings, _build_request(query))
    # Going back asks for the whole page again.
    part = "" if "HX-History-Restore-Request" in request.headers else request.headers.get("HX-Target", "")
    in_part = part.endswith("results")
    search = Search(query[:MAX_NAME], with_learnings=False)
    learnings = None
    if may("LearningService.SearchLearnings"):
        learnings = rpc.learnings.SearchLearnings.future(_build_request(query))
    found = search.collect()
    values: dict[str, Any] = {
        "query": query,
        "found": found,
        "get_address": get_address,
        "facets": FACETS,
        "orderings": ORDERINGS,
    }
    if learnings is not None:
        try:
            answer = learnings.result()
        except InvalidArgument as refusal:
            if refusal.reason != "PAGE_TOKEN_OF_OTHER_LIST":
                raise
            # What is found depends on the reader's language: in another one it is read from its beginning.
            return redirect(get_page_url(page_token=""), 303)
        topics.load_labels([*answer.topics, *(slug for result in answer.results for slug in result.learning.topics)])
        values["answer"] = answer
        values["missing"] = [
            word for word in answer.words if not (word.found or word.excluded or found.has_above_learnings(word.text))
        ]
        values["cities"] = _get_city_names(found)
        values["facet_views"] = list_facets(answer, values["cities"])
        values["order"] = _read_order()
        values["demand"] = demand
        values["get_city_label"] = get_city_label
        values["SemanticState"] = pb.SearchLearningsResponse.SemanticState
        template = "search/results.html" if in_part else "search/search.html"
    else:
        template = "search/names_only.html" if in_part else "search/search.html"
    response = make_response(render_template(template, **values))
    response.vary.add("HX-Target")
    if in_part:
        response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/found")
@sign_in_required
def list_found() -> ResponseReturnValue:
    query = _read_query()
    found = Search(query[:MAX_NAME], with_learnings=True).collect()
    response = make_response(render_template("search/found.html", query=query, found=found, get_address=get_address))
    response.headers["Cache-Control"] = "no-store"
    return response


def _build_request(query: str) -> pb.SearchLearningsRequest:
    """Return the request for what the address asks for."""
    return pb.SearchLearningsRequest(
        query=query,
        order_by=_read_order(),
        reader_language=current_language(),
        **list_filters.read_paging(),
        **read_filters(),
    )


def _read_order() -> str:
    """Return the order that the address asks for: by relevance, if there is none of that name."""
    order = request.args.get("order_by", "")
    return order if order in ORDERINGS else ""


def _get_city_names(found: Found) -> Mapping[str, str]:
    """Return the names of the cities; none while the service that knows them is away."""
    return {} if "exchange" in found.away else cities.get_city_names()


def _read_query() -> str:
    """Return what was typed; no text has NUL in it, which no database keeps."""
    return request.args.get("query", "").replace("\0", "")[:MAX_QUERY]
