"""What a search can be narrowed down by: each kind with its values, their names, how many there are, and links."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from austausch.knowledge.v1 import knowledge_pb2 as pb
from flask import request
from flask_babel.speaklater import LazyString

from gateway.i18n.gettext import translate_later as _l
from gateway.i18n.languages import get_language_name
from gateway.vocabulary import topics
from gateway.vocabulary.enum_labels import TERMS
from gateway.web.links import get_page_url

# Facet → its heading, in the order of the page. The names are those of the contract, and of the filters in the address.
FACETS: dict[str, LazyString] = {
    "topics": _l("Topics"),
    "sdg_targets": _l("Sustainable Development Goals"),
    "cities": _l("Cities"),
    "departments": _l("Departments"),
    "languages": _l("Languages"),
    "years": _l("Years"),
    "states": _l("States"),
}


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a facet, with the address of the search with it, or without it where it is chosen."""

    label: str
    count: int
    address: str


@dataclass(frozen=True, slots=True)
class FacetView:
    """One kind of values as the page shows it."""

    name: str
    heading: LazyString
    chosen: list[Value]
    offered: list[Value]
    has_more: bool
    """Whether there are more values than the search counts."""


def read_filters() -> dict[str, Any]:
    """Return the filters that the address names; values that there cannot be are left out."""
    given: dict[str, Any] = {name: list(dict.fromkeys(filter(None, request.args.getlist(name)))) for name in FACETS}
    given["years"] = [int(year) for year in given["years"] if year.isdecimal() and 0 < int(year) < 10_000]
    given["states"] = [state for state in given["states"] if state in TERMS["Learning.State"]]
    return given


def list_facets(answer: pb.SearchLearningsResponse, cities: Mapping[str, str]) -> list[FacetView]:
    """
    Return what a search can be narrowed down by.

    Args:
        cities: Resource name → name in the reader's language.
    """
    filters = read_filters()
    goals = {f"sdg-{target.partition('.')[0]}" for target in _list_values(answer, "sdg_targets", filters)}
    topics.load_labels([*_list_values(answer, "topics", filters), *goals])
    views = []
    for name, heading in FACETS.items():
        counts = {count.value: count.count for count in getattr(answer.facets, name)}
        chosen = [str(value) for value in filters[name]]
        shown = [
            Value(_get_label(name, value, cities), counts.get(value, 0), _without(name, chosen, value))
            for value in chosen
        ]
        offered = [
            Value(_get_label(name, value, cities), count, _with(name, chosen, value))
            for value, count in counts.items()
            if value not in chosen
        ]
        if shown or offered:
            views.append(FacetView(name, heading, shown, offered, name in answer.facets.cut))
    return views


def _list_values(answer: pb.SearchLearningsResponse, name: str, filters: Mapping[str, Any]) -> Iterable[str]:
    return [*(count.value for count in getattr(answer.facets, name)), *filters[name]]


def _get_label(facet: str, value: str, cities: Mapping[str, str]) -> str:
    match facet:
        case "topics":
            return topics.get_topic_label(value)
        case "sdg_targets":
            goal = value.partition(".")[0]
            return f"{value} {topics.get_topic_label(f'sdg-{goal}')}"
        case "cities":
            return cities.get(value) or value.rpartition("/")[2].replace("-", " ").title()
        case "languages":
            return get_language_name(value)
        case "states":
            return str(TERMS["Learning.State"].get(value, value))
    return value


def _with(facet: str, chosen: list[str], value: str) -> str:
    return get_page_url(**{facet: [*chosen, value], "page_token": ""})


def _without(facet: str, chosen: list[str], value: str) -> str:
    return get_page_url(**{facet: [each for each in chosen if each != value], "page_token": ""})
