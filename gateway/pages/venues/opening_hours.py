"""Opening hours as pages show and take them: by weekday."""

from dataclasses import dataclass

from austausch.exchange.v1 import venues_pb2 as pb
from flask_babel import gettext as _

from gateway.forms.form import Form
from gateway.i18n.countries_and_zones import list_weekdays

HOURS = "venue.opening_hours"
# Places for times on one day: before and after a break at noon.
USUAL_PLACES = 2


@dataclass(frozen=True)
class DayFields:
    """The fields of a weekday in a form: its name in the contract and for people, and the indices of its times."""

    weekday: str
    label: str
    indices: list[int]


def list_fields(form: Form) -> list[DayFields]:
    """Return the fields of each weekday: of the times that are there, and places for more."""
    count = form.count_entries(HOURS)
    weekday_of = {index: form[f"{HOURS}.{index}.weekday"] for index in range(count)}
    fields = []
    for weekday, label in list_weekdays():
        present = [index for index, of_time in weekday_of.items() if of_time == weekday]
        more = max(USUAL_PLACES - len(present), 1 if len(present) >= USUAL_PLACES else 0)
        fields.append(DayFields(weekday, label, [*present, *range(count, count + more)]))
        count += more
    return fields


def drop_blank_times(form: Form) -> None:
    """Drop the places into which no time was typed."""
    form.keep_entries(HOURS, lambda index: not form.is_blank(f"{HOURS}.{index}", (".weekday",)))


def describe_hours(venue: pb.Venue) -> list[tuple[str, str]]:
    """Return each weekday and when a venue is open on it; nothing where it is always open."""
    if not venue.opening_hours:
        return []
    return [
        (
            label,
            ", ".join(
                f"{span.start_time}–{'24:00' if span.end_time == '00:00' else span.end_time}"
                for span in venue.opening_hours
                if span.weekday == number
            )
            or _("closed"),
        )
        for number, (_weekday, label) in enumerate(list_weekdays(), start=1)
    ]
