"""Which cities have agreed to a visit, or confirmed its programme, in words."""

from collections import defaultdict

from austausch.exchange.v1 import exchange_pb2 as pb
from flask_babel import gettext as _

from gateway.i18n.formats import format_day, to_local
from gateway.vocabulary.cities import list_guests

Step = pb.Visit.Consent
# Until the programme stands cities agree to the visit, from then on they confirm it.
BEFORE_PROGRAMME = (
    pb.Visit.STATE_IDEA,
    pb.Visit.STATE_AGREED,
    pb.Visit.STATE_POSTPONED,
    pb.Visit.STATE_CANCELLED,
)


def describe_consents(visit: pb.Visit) -> tuple[str, list[str]]:
    """Return what the cities are asked for now, or were last, and the answer of each; none before the first."""
    step = Step.STEP_AGREE if visit.state in BEFORE_PROGRAMME else Step.STEP_CONFIRM
    label = _("Agreed") if step == Step.STEP_AGREE else _("Confirmed")
    given = {consent.city: consent for consent in visit.consents if consent.step == step}
    if not given and not _are_asked_anew(visit):
        return label, []
    # Those whose consent was recorded together are told together.
    together: defaultdict[str, list[str]] = defaultdict(list)
    for city, name in {visit.host_city: visit.host_city_display_name, **dict(list_guests(visit))}.items():
        together[_describe(given.get(city))].append(name)
    return label, [_("%(cities)s: %(what)s", cities=", ".join(names), what=what) for what, names in together.items()]


def _are_asked_anew(visit: pb.Visit) -> bool:
    """Return whether the reader can consent to a step already taken: days changed, or a guest city came later."""
    return (visit.state == pb.Visit.STATE_AGREED and "agree" in visit.allowed_transitions) or (
        visit.state == pb.Visit.STATE_CONFIRMED and "confirm" in visit.allowed_transitions
    )


def _describe(consent: pb.Visit.Consent | None) -> str:
    if consent is None:
        return _("still open")
    facts = {"day": format_day(to_local(consent.record_time).date()), "recorder": consent.recorder}
    if consent.taken_down:
        return _("%(day)s, recorded by %(recorder)s", **facts)
    return _("%(day)s, %(recorder)s", **facts)


def may_ask_others(visit: pb.Visit) -> bool:
    """Return whether the office can consent for its own side and leave the others to be asked: neither has yet."""
    if not visit.editable or not {"agree", "confirm"} & set(visit.allowed_transitions):
        return False
    step = Step.STEP_CONFIRM if "confirm" in visit.allowed_transitions else Step.STEP_AGREE
    given = {consent.city for consent in visit.consents if consent.step == step}
    home = visit.host_city if visit.direction == pb.Visit.DIRECTION_INCOMING else visit.guest_city
    missing = {visit.host_city, visit.guest_city, *visit.other_guest_cities} - given
    return home in missing and len(missing) > 1
