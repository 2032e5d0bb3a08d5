"""The search page. What the search field asks for while one types is the same page, drawn in part."""

from typing import Any

from austausch.knowledge.v1 import knowledge_pb2 as pb
from flask import Blueprint, make_response, render_template, request
from flask.typing import ResponseReturnValue

from gateway import rpc
from gateway.auth.sign_in import sign_in_required
from gateway.vocabulary import cities, topics
from gateway.web import list_filters

blueprint = Blueprint("search", __name__, url_prefix="/search")

# Facet → its filter's name in the address; both are fields of the contract.
FACETS = ("topics", "cities", "sdg_targets", "languages")
MAX_WHILE_TYPING = 5


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    query = request.args.get("query", "")[:1000]
    # Going back asks for the whole page again.
    part = "" if "HX-History-Restore-Request" in request.headers else request.headers.get("HX-Target", "")
    typing = part.endswith("found")
    paging = {"page_size": MAX_WHILE_TYPING} if typing else list_filters.read_paging()
    filters: dict[str, Any] = {facet: [value for value in request.args.getlist(facet) if value] for facet in FACETS}
    answer = rpc.learnings.SearchLearnings(pb.SearchLearningsRequest(query=query, **paging, **filters))
    shown = [slug for result in answer.results for slug in result.learning.topics]
    topics.load_labels([*shown, *(count.value for count in answer.facets.topics)])
    results = part.endswith("results")
    if typing:
        page = render_template("search/found.html", query=query, answer=answer)
    else:
        template = "search/results.html" if results else "search/search.html"
        page = render_template(template, query=query, answer=answer, cities=cities.get_city_names(), facets=FACETS)
    response = make_response(page)
    # One address, several answers: a part that a browser kept would be shown without its page by the button Back.
    response.vary.update(["HX-Request", "HX-Target"])
    if typing or results:
        response.headers["Cache-Control"] = "no-store"
    return response
