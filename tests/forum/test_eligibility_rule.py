"""The eligibility rule, over plain values."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.forum.eligibility_rule import Candidate, PanelContext, Reason, find_broken_rules

REVIEWED = "cities/mannheim"
FIT = Candidate(
    politically_neutral=True,
    national=False,
    city="cities/haifa",
    residence_city="cities/haifa",
    conflict_declared=True,
    has_conflict=False,
)
OPEN = PanelContext(reviewed_city=REVIEWED, city_cap=2, earlier_from_city=1, from_partner_city=True)

cities = st.sampled_from(["", REVIEWED, "cities/haifa", "cities/kilis"])
candidates = st.builds(
    Candidate,
    politically_neutral=st.booleans(),
    national=st.booleans(),
    city=cities,
    residence_city=cities,
    conflict_declared=st.booleans(),
    has_conflict=st.booleans(),
)
contexts = st.builds(
    PanelContext,
    reviewed_city=st.just(REVIEWED),
    city_cap=st.integers(0, 5),
    earlier_from_city=st.integers(0, 6),
    from_partner_city=st.booleans(),
)


def test_who_breaks_nothing_is_eligible() -> None:
    assert find_broken_rules(FIT, OPEN) == ()


@pytest.mark.parametrize(
    ("candidate", "context", "reason"),
    [
        (replace(FIT, politically_neutral=False), OPEN, Reason.NOT_POLITICALLY_NEUTRAL),
        (replace(FIT, city=REVIEWED), OPEN, Reason.AFFILIATED_WITH_REVIEWED_CITY),
        (replace(FIT, residence_city=REVIEWED), OPEN, Reason.RESIDENT_OF_REVIEWED_CITY),
        (FIT, replace(OPEN, from_partner_city=False), Reason.NOT_FROM_PARTNER_CITY),
        (FIT, replace(OPEN, earlier_from_city=2), Reason.CITY_CAP_EXCEEDED),
        (replace(FIT, conflict_declared=False), OPEN, Reason.CONFLICT_NOT_DECLARED),
        (replace(FIT, has_conflict=True), OPEN, Reason.CONFLICT_OF_INTEREST),
    ],
)
def test_each_breach_is_named(candidate: Candidate, context: PanelContext, reason: Reason) -> None:
    assert find_broken_rules(candidate, context) == (reason,)


@given(candidates, contexts)
def test_reasons_come_once_and_in_the_order_of_the_rule(candidate: Candidate, context: PanelContext) -> None:
    reasons = find_broken_rules(candidate, context)
    assert list(reasons) == [reason for reason in Reason if reason in set(reasons)]


@given(candidates, contexts)
def test_nobody_of_the_reviewed_city_is_ever_eligible(candidate: Candidate, context: PanelContext) -> None:
    assume(REVIEWED in (candidate.city, candidate.residence_city))
    assert find_broken_rules(candidate, context)


@given(candidates, contexts)
def test_a_national_expert_needs_no_partnership(candidate: Candidate, context: PanelContext) -> None:
    national = replace(candidate, national=True)
    assert find_broken_rules(national, context) == find_broken_rules(
        national, replace(context, from_partner_city=not context.from_partner_city)
    )


@given(candidates, contexts)
def test_without_a_cap_the_number_from_one_city_does_not_matter(candidate: Candidate, context: PanelContext) -> None:
    uncapped = replace(context, city_cap=0)
    assert Reason.CITY_CAP_EXCEEDED not in find_broken_rules(candidate, uncapped)


@given(candidates, contexts, st.integers(1, 3))
def test_a_higher_cap_and_fewer_experts_never_hurt(candidate: Candidate, context: PanelContext, by: int) -> None:
    assume(context.city_cap > 0)
    reasons = set(find_broken_rules(candidate, context))
    assert set(find_broken_rules(candidate, replace(context, city_cap=context.city_cap + by))) <= reasons
    fewer = max(0, context.earlier_from_city - by)
    assert set(find_broken_rules(candidate, replace(context, earlier_from_city=fewer))) <= reasons


@given(candidates, contexts)
def test_an_undeclared_conflict_is_not_also_a_declared_one(candidate: Candidate, context: PanelContext) -> None:
    both = {Reason.CONFLICT_NOT_DECLARED, Reason.CONFLICT_OF_INTEREST}
    assert not both <= set(find_broken_rules(candidate, context))
