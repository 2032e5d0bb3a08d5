"""How the office says which account an expert of a panel signs in with: by its e-mail address."""

import pytest

from chassis.identity import Role
from tests.gateway.browsing import PageForm, browser, execute, form_token, send, text_of
from tests.gateway.conftest import Gateway, Rest, credentials
from tests.gateway.samples import NATIONAL_EXPERT, created

EXPERT = credentials(Role.EXPERT)["email"]
FILLED = {
    "panelist__function": "Head of strategy",
    "panelist__affiliation": "Universität Speyer",
    "panelist__kind": "KIND_ACADEMIC",
    "panelist__origin": "ORIGIN_NATIONAL",
    "panelist__politically_neutral": "on",
}
NO_EXPERT = "No expert signs in with this e-mail address."


def account_of_the_expert(gateway: Gateway) -> str:
    return str(gateway.as_(Role.EXPERT).get("/v1/accounts/me").json["name"])


def test_an_expert_is_invited_and_changed_by_e_mail_address(gateway: Gateway, rest: Rest, forum: str) -> None:
    office, account = browser(gateway, Role.COORDINATOR), account_of_the_expert(gateway)
    typed = f" {EXPERT.upper()} "
    assert send(office, f"/{forum}/panelists/new", **FILLED, panelist__account=typed).status_code == 303
    (invited,) = rest.get(f"/v1/{forum}/panelists").json["panelists"]
    assert invited["account"] == account

    at = f"/{forum}/panelists/{invited['name'].rpartition('/')[2]}/edit"
    for typed, expected in (("", ""), (EXPERT, account)):
        assert send(office, at, panelist__account=typed).status_code == 303
        assert rest.get(f"/v1/{invited['name']}").json["account"] == expected


@pytest.mark.parametrize("email", ["nobody@city.example", credentials(Role.MEMBER)["email"]])
def test_an_address_of_no_expert_is_refused_without_telling_whose_it_is(
    gateway: Gateway, rest: Rest, forum: str, email: str
) -> None:
    office = browser(gateway, Role.COORDINATOR)
    refused = send(office, f"/{forum}/panelists/new", **FILLED, panelist__account=email)
    assert refused.status_code == 400
    assert NO_EXPERT in text_of(refused)
    assert PageForm(refused.text).fields["panelist.account"] == email
    assert rest.get(f"/v1/{forum}/panelists").json.get("panelists", []) == []


def test_an_expert_whose_account_is_locked_is_not_invited(gateway: Gateway, forum: str) -> None:
    change = "UPDATE accounts SET disabled = %s WHERE email = %s"
    office = browser(gateway, Role.COORDINATOR)
    execute(gateway, change, True, EXPERT)
    try:
        refused = send(office, f"/{forum}/panelists/new", **FILLED, panelist__account=EXPERT)
    finally:
        execute(gateway, change, False, EXPERT)
    assert NO_EXPERT in text_of(refused)


@pytest.mark.parametrize("role", [Role.MEMBER, Role.EXPERT])
def test_who_may_not_invite_learns_nothing_about_addresses(
    gateway: Gateway, rest: Rest, forum: str, role: Role
) -> None:
    place = {**NATIONAL_EXPERT, "account": account_of_the_expert(gateway)}
    created(rest.post(f"/v1/{forum}/panelists", place))
    reader = browser(gateway, role)
    filled = {name.replace("__", "."): text for name, text in FILLED.items()}
    said = set()
    for email in ("nobody@city.example", EXPERT):
        sent = {**filled, "panelist.account": email, "csrf_token": form_token(reader, f"/{forum}")}
        answer = reader.post(f"/{forum}/panelists/new", data=sent)
        assert answer.status_code == 403
        said.add(text_of(answer).replace(email, ""))
    assert len(said) == 1


def test_what_is_neither_name_nor_address_is_refused_in_words(gateway: Gateway, forum: str) -> None:
    office = browser(gateway, Role.COORDINATOR)
    refused = send(office, f"/{forum}/panelists/new", **FILLED, panelist__account="Dr. Evans")
    assert "Please give the e-mail address with which the person signs in." in text_of(refused)
