"""What a search can be narrowed down by: each kind with its values, their names, how many there are, and links."""

import re
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

_YEAR = re.compile("[1-9][0-9]{0,3}")
# Facets whose values contain others: 6 has all of 6.3, and what is in en-GB is counted with en.
_NESTED = ("sdg_targets", "languages")


@dataclass(frozen=True, slots=True)
class Value:
    """
    One value of a facet, with the address of the search with it, or without it where it is chosen.

    Attributes:
        count: How many learnings have it; None where that was not counted.
    """

    label: str
    count: int | None
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
    given["years"] = [int(year) for year in given["years"] if _YEAR.fullmatch(year)]
    given["states"] = [state for state in given["states"] if state in TERMS["Learning.State"]]
    return given


def list_facets(answer: pb.SearchLearningsResponse, cities: Mapping[str, str]) -> list[FacetView]:
    """
    Return what a search can be narrowed down by.

    Args:
        cities: Resource name → name in the reader's language.
    """
    filters = read_filters()
    goals = map(_get_goal_topic, _list_values(answer, "sdg_targets", filters))
    topics.load_labels([*_list_values(answer, "topics", filters), *goals])
    views = []
    for name, heading in FACETS.items():
        counts = {count.value: count.count for count in getattr(answer.facets, name)}
        has_more = name in answer.facets.cut
        uncounted = None if has_more or name in _NESTED else 0
        chosen = [str(value) for value in filters[name]]
        shown = [
            Value(_get_label(name, value, cities), counts.get(value, uncounted), _without(name, chosen, value))
            for value in chosen
        ]
        offered = [
            Value(_get_label(name, value, cities), counts[value], _with(name, chosen, value))
            for value in _sort(name, counts)
            if value not in chosen
        ]
        if shown or offered:
            views.append(FacetView(name, heading, shown, offered, has_more))
    return views


def _list_values(answer: pb.SearchLearningsResponse, name: str, filters: Mapping[str, Any]) -> Iterable[str]:
    return [*(count.value for count in getattr(answer.facets, name)), *filters[name]]


def _get_label(facet: str, value: str, cities: Mapping[str, str]) -> str:
    match facet:
        case "topics":
            return topics.get_topic_label(value)
        case "sdg_targets":
            return f"{value} {topics.find_topic_label(_get_goal_topic(value))}".strip()
        case "cities":
            return get_city_label(value, cities)
        case "languages":
            return get_language_name(value)
        case "states":
            return str(TERMS["Learning.State"].get(value, value))
    return value


def get_city_label(name: str, cities: Mapping[str, str]) -> str:
    """Return what a person reads for a city; for one whose name is not known (yet), its resource name in words."""
    return cities.get(name) or name.rpartition("/")[2].replace("-", " ").title()


def _get_goal_topic(target: str) -> str:
    """Return the topic of the goal that a target belongs to."""
    return f"sdg-{target.partition('.')[0]}"


def _sort(facet: str, values: Iterable[str]) -> list[str]:
    """Return the values in their order: years and states in their own, others as they were counted."""
    match facet:
        case "years":
            return sorted(values, key=int, reverse=True)
        case "states":
            return sorted(values, key=list(TERMS["Learning.State"]).index)
    return list(values)


def _with(facet: str, chosen: list[str], value: str) -> str:
    return get_page_url(**{facet: [*chosen, value], "page_token": ""})


def _without(facet: str, chosen: list[str], value: str) -> str:
    return get_page_url(**{facet: [each for each in chosen if each != value], "page_token": ""})
