"""The index on disk: what survives a restart, and files that are damaged, in use or of another version."""

import resource
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from services.knowledge.search.documents import Filters
from services.knowledge.search.index import IndexDamaged, IndexFailed, IndexInUse, SearchIndex
from services.knowledge.search.query import Query
from tests.knowledge.documents import ALL, ENGLISH, GERMAN, find, find_ids


def test_a_changed_document_is_replaced(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put([GERMAN])
    index.put([replace(GERMAN, title="Anderes", passages=["Anderes"])])
    assert find_ids(index, "fachbereichen") == []
    assert find_ids(index, "anderes") == ["de"]
    assert len(index) == 1


def test_a_removed_document_is_found_no_more(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put(ALL)
    index.remove([GERMAN.id, "unknown"])
    assert find_ids(index, "Controllings") == ["en"]
    index.close()
    assert len(SearchIndex(tmp_path)) == len(ALL) - 1


def test_documents_and_checkpoint_survive_a_restart(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    assert index.read_checkpoint() is None
    index.put(ALL)
    index.write_checkpoint({"seen": 7})
    index.close()
    again = SearchIndex(tmp_path)
    assert again.read_checkpoint() == {"seen": 7}
    assert len(again) == len(ALL)
    assert set(find_ids(again, "Controllings")) == {"de", "en"}


@pytest.mark.parametrize("content", [b"", b"garbage", b"\0" * 5000])
@pytest.mark.parametrize("files", ["meta.json", "*.term", "*.store", "*.idx", "*.fast"])
def test_a_damaged_index_is_made_anew_and_empty(tmp_path: Path, files: str, content: bytes) -> None:
    index = SearchIndex(tmp_path)
    index.put(ALL)
    index.write_checkpoint(1)
    index.close()
    (folder,) = tmp_path.glob("v*")
    for file in folder.glob(f"documents/{files}"):
        file.write_bytes(content)
    again = SearchIndex(tmp_path)
    assert again.read_checkpoint() is None
    assert len(again) == 0
    again.put(ALL)
    assert set(find_ids(again, "controllers")) == {"de", "en"}


def test_an_unreadable_checkpoint_is_none(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put(ALL)
    index.write_checkpoint(1)
    next(tmp_path.glob("*/checkpoint.json")).write_bytes(b"\0garbage")
    assert index.read_checkpoint() is None


def test_an_index_in_use_is_left_alone(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put(ALL)
    with pytest.raises(IndexInUse):
        SearchIndex(tmp_path)
    assert len(index) == len(ALL)
    index.close()
    with pytest.raises(IndexDamaged):
        index.search(Query.parse("controller"), Filters())
    SearchIndex(tmp_path).close()


def test_an_index_of_another_version_is_left_and_removed(tmp_path: Path) -> None:
    (tmp_path / "v0-0.1").mkdir()
    SearchIndex(tmp_path).remove_other_versions()
    assert not (tmp_path / "v0-0.1").exists()


@pytest.mark.parametrize("vanished", ["", "documents", "words"])
def test_files_that_vanish_while_running_are_reported_and_made_anew(vanished: str, tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put([GERMAN])
    (folder,) = tmp_path.glob("v*")
    shutil.rmtree(folder / vanished)
    with pytest.raises(IndexDamaged):
        index.put(ALL)
    index.clear()
    index.put(ALL)
    assert len(index) == len(ALL)


@pytest.mark.parametrize("vanished", ["documents", "words"])
@pytest.mark.parametrize("is_emptied", [False, True])
def test_an_index_that_lost_a_part_is_made_anew(vanished: str, is_emptied: bool, tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put(ALL)
    index.write_checkpoint(1)
    index.close()
    (folder,) = tmp_path.glob(f"v*/{vanished}")
    shutil.rmtree(folder)
    if is_emptied:
        folder.mkdir()
    again = SearchIndex(tmp_path)
    assert again.read_checkpoint() is None
    again.put(ALL)
    assert set(find_ids(again, "controllers")) == {"de", "en"}


def test_what_was_removed_is_neither_found_nor_counted(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put(ALL)
    index.remove(["en", "nobody"])
    assert find_ids(index, "swansea") == ["de"]
    page = find(index, "")
    assert page.total == len(index) == len(ALL) - 1
    assert dict(page.facets["languages"].counts) == {"de": 1, "tr": 1, "zh": 1}


def test_what_an_earlier_filling_left_goes(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put(ALL, generation=1)
    index.put([GERMAN], generation=2)
    assert len(index) == len(ALL)
    index.remove_before(2)
    assert find_ids(index, "") == ["de"]


def test_a_full_disk_leaves_the_index_as_it_was_and_heals_by_itself(tmp_path: Path) -> None:
    """What has no room to grow is a file system of its own, or where that needs rights, a limit on files."""
    index = SearchIndex(tmp_path)
    index.put([GERMAN])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, limits[1]))
    try:
        with pytest.raises(IndexFailed):
            index.put([ENGLISH])
        assert find_ids(index, "controlling") == ["de"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert find_ids(index, "controlling") == ["de"]
    index.put([ENGLISH])
    assert set(find_ids(index, "swansea")) == {"de", "en"}


def test_too_many_open_files_do_not_count_as_damage(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put([GERMAN])
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        with pytest.raises(IndexFailed):
            index.put([ENGLISH])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert find_ids(index, "controlling") == ["de"]
    index.put([ENGLISH])
    assert len(index) == 2


def test_words_that_only_removed_documents_had_are_forgotten(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put([GERMAN, replace(GERMAN, id="person", title="Erika Mustermann", passages=["Fachbereiche"])])
    index.remove(["person"])
    assert index.forget_words() >= 2
    assert index.forget_words() == 0
    assert find_ids(index, "Fachbereiche") == ["de"]
    index.put([replace(GERMAN, id="person", title="Erika Mustermann", passages=["Fachbereiche"])])
    assert find_ids(index, "mustermänn ") == ["person"]
