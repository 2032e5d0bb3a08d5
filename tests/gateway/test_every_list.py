"""Everything that can be listed can be exported: each page with a table or with pages of entries offers its file."""

import re
from html import unescape

import pytest

from chassis.identity import Role
from tests.gateway.conftest import Gateway
from tests.gateway.exported import MIMETYPES, read_csv, read_xlsx
from tests.gateway.walking import signed_in, walk_pages

# Pages with tables that are no list of their own: what they show is listed, and exported, elsewhere.
NO_LISTS = (
    "accounts.account",
    "accounts_administration.show",
    "cities.show",
    "installations.show",
    "partnerships.show",
    "programme_templates.show",
    "status.status",
    "venues.show",
    "visits.timetable",
)
# Lists to which no link leads that the walk follows.
WITHOUT_LINKS = ("/visits?view=list", "/search")
# Of the columns of a page: those that its file has under other headings.
SPLIT = {
    "Days": {"First day", "Last day"},
    "Since": {"First day", "Last day"},
    "Time": {"Begins at", "Ends at", "Duration in minutes"},
    "Needs": {"Dietary needs", "Access needs"},
    "City or department": {"City", "Department"},
    "Closed next": {"Closed next from", "Closed next until"},
    "Actions": set(),
}


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.ADMINISTRATOR])
def test_every_list_is_exported_with_all_that_it_shows(demo: Gateway, role: Role) -> None:
    client = signed_in(demo, role)
    adapter = demo.app.url_map.bind("localhost")
    exported, without = set(), set()
    for address, page in [*walk_pages(client), *((path, client.get(path).text) for path in WITHOUT_LINKS)]:
        endpoint, _values = adapter.match(address.partition("?")[0])
        tables = re.findall(r'<table class="kern-table .*?</table>', page, re.DOTALL)
        links = re.findall(r'href="([^"]*[?&]format=[^"]*)"', unescape(page))
        if not links and (tables or 'class="pagination"' in page) and endpoint not in NO_LISTS:
            without.add(address)
        headings: set[str] = set()
        for link in links:
            kind = link.rpartition("=")[2]
            answer = client.get(link)
            assert (answer.status_code, answer.mimetype) == (200, MIMETYPES[kind]), link
            rows = {"csv": read_csv, "xlsx": read_xlsx}[kind](answer)
            assert rows, link
            headings.update(*rows)
            exported.add(adapter.match(link.partition("?")[0])[0])
        if links:
            shown = {
                unescape(re.sub(r"<[^>]+>", "", heading)).strip()
                for table in tables
                for heading in re.findall(r"<th\b[^>]*>(.*?)</th>", table, re.DOTALL)
            }
            missing = {heading for heading in shown - headings if not SPLIT.get(heading, {heading}) <= headings}
            assert missing == set(), address
    assert without == set()
    lists = {"visits.index", "visits.list_programme", "exchanges.index", "exchanges.show", "partnerships.index"}
    lists |= {"cities.index", "venues.index", "rooms.index", "forums.index", "forums.panel", "learnings.index"}
    lists |= {"search.index", "forums.list_recommendations"}
    of_role = {
        Role.COORDINATOR: {"visits.list_delegation", "people.index", "programme_templates.index"},
        Role.ADMINISTRATOR: {"accounts_administration.index"},
    }
    assert exported >= lists | of_role[role]
