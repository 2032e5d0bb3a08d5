"""Consents: which cities want a visit, and confirm its programme."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.exchange.model.visit import Visit


class ConsentStep(StrEnum):
    """What a city consents to; the verb that takes the visit further once all have consented."""

    AGREE = "agree"
    CONFIRM = "confirm"


def list_missing(visit: Visit, step: ConsentStep) -> list[str]:
    """Return the ids of the cities that take part and have not consented to a step on the present dates."""
    given = {each["city_id"] for each in list_present(visit) if each["step"] == step}
    return [city_id for city_id in (visit.home_city_id, visit.city_id, *visit.other_guest_ids) if city_id not in given]


def list_late(visit: Visit) -> list[ConsentStep]:
    """
    Return the steps that a visit has taken and that cities can still consent to: one came later, or the dates changed.

    Until the next step they can. In a list, where consents are not read, there are none.
    """
    if not visit.consents:
        return []
    return [step for step in ConsentStep if visit.state is visit.TRANSITIONS[step][1] and list_missing(visit, step)]


def record(
    visit: Visit, step: ConsentStep, city_ids: Iterable[str], recorder: str, recorder_city_id: str, moment: datetime
) -> None:
    """
    Take down that cities consent to a step on the present dates; those that have stay as they are.

    Args:
        recorder: Who does, as shown to people; `recorder_city_id` is the city that this person speaks for.
    """
    missing = list_missing(visit, step)
    added = [
        {
            "city_id": city_id,
            "step": step.value,
            "record_time": moment.isoformat(),
            "recorder": recorder,
            "taken_down": city_id != recorder_city_id,
            "dates": _get_dates(visit),
        }
        for city_id in city_ids
        if city_id in missing
    ]
    # A new list: what is changed within is not written.
    visit.consents = [*(visit.consents or ()), *added]


def list_present(visit: Visit) -> list[dict[str, Any]]:
    """Return the consents to the present dates, in the order in which they were recorded."""
    return [each for each in visit.consents or () if each["dates"] == _get_dates(visit)]


def _get_dates(visit: Visit) -> str:
    return f"{visit.start_date}/{visit.end_date}"
