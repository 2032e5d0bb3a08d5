"""A list is taken along as a file, by keyboard and on a phone."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False])
def test_a_filtered_list_is_downloaded_as_it_is_shown(
    open_page: Callable[..., Page], tmp_path: Path, scripts: bool
) -> None:
    page = open_page("coordinator", language="de", width=390, scripts=scripts)
    page.goto("/visits?view=list")
    page.locator("details.folded summary").click()  # on a phone
    page.get_by_label("Stadt").select_option("Haifa")
    page.get_by_role("button", name="Filtern").click()
    shown = page.locator("main tbody tr td:first-child a").all_inner_texts()
    assert shown
    page.get_by_role("link", name="CSV").focus()
    with page.expect_download() as started:
        page.keyboard.press("Enter")
    assert started.value.suggested_filename.startswith("Besuche 20")
    started.value.save_as(tmp_path / "visits.csv")
    with (tmp_path / "visits.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["Besuch"] for row in rows] == shown
    expect(page.get_by_role("heading", level=1)).to_have_text("Besuche")
    with page.expect_download() as started:
        page.get_by_role("link", name="Excel").click()
    assert started.value.suggested_filename.endswith(".xlsx")
