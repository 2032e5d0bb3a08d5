"""The search page. What the search field asks for while one types is the same page, drawn in part."""

from typing import Any

from austausch.knowledge.v1 import knowledge_pb2 as pb
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import rpc
from gateway.auth.sign_in import sign_in_required
from gateway.vocabulary import cities
from gateway.web import list_filters

blueprint = Blueprint("search", __name__, url_prefix="/search")

# Facet → its filter's name in the address; both are fields of the contract.
FACETS = ("topics", "cities", "sdg_targets", "languages")
SHOWN_WHILE_TYPING = 5


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    query = request.args.get("query", "")[:1000]
    part = request.headers.get("HX-Target", "")
    typing = part.endswith("found")
    paging = {"page_size": SHOWN_WHILE_TYPING} if typing else list_filters.page()
    filters: dict[str, Any] = {facet: [value for value in request.args.getlist(facet) if value] for facet in FACETS}
    answer = rpc.learnings.SearchLearnings(pb.SearchLearningsRequest(query=query, **paging, **filters))
    if typing:
        return render_template("search/found.html", query=query, answer=answer)
    template = "search/results.html" if part.endswith("results") else "search/search.html"
    return render_template(template, query=query, answer=answer, cities=cities.names(), facets=FACETS)
