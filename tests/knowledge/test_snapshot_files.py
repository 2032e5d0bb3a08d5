"""A snapshot on disk: whole, whatever the index does meanwhile, and refused where it is not."""

import threading
from contextlib import closing
from pathlib import Path

import pytest

from services.knowledge.search.documents import Document, Filters
from services.knowledge.search.index import IndexDamaged, SearchIndex
from services.knowledge.search.query import Query
from services.knowledge.search.snapshot import Snapshot, SnapshotBroken, SnapshotWriter


def document(id_: str, observation: str) -> Document:
    """Return a document with a text."""
    return Document(id=id_, language="de", title="", passages=[observation])


def write_snapshot(snapshot: Snapshot, folder: Path) -> None:
    """Write a snapshot into a folder, as it would be received."""
    with closing(SnapshotWriter(folder)) as writer:
        for file in snapshot.files:
            writer.begin(file.path, file.size)
            while data := snapshot.read(file):
                writer.write(data)
        writer.finish(snapshot.get_digest())


def find(index: SearchIndex, query: str) -> set[str]:
    """Return the ids that a query finds."""
    return {hit.id for hit in index.search(Query.parse(query), Filters(), limit=1000).page.hits}


def test_a_snapshot_holds_what_its_checkpoint_stands_for_while_the_index_is_fed(tmp_path: Path) -> None:
    """Segments are merged, and their files removed, all the while."""
    source, stop = SearchIndex(tmp_path / "source"), threading.Event()

    def feed() -> None:
        for number in range(10_000):
            if stop.is_set():
                return
            # Each takes the place of an earlier one, so that there is something to merge away.
            source.put([document(str(number % 500), f"wort{number}x")])
            source.write_checkpoint(number)

    source.write_checkpoint(-1)
    feeding = threading.Thread(target=feed)
    feeding.start()
    try:
        for number in range(20):
            with closing(source.take_snapshot()) as snapshot:
                folder = tmp_path / f"copy{number}"
                write_snapshot(snapshot, folder)
            copy = SearchIndex(tmp_path / "index")
            copy.replace(folder)
            kept = copy.read_checkpoint()
            assert len(copy) >= min(kept + 1, 500)
            if kept >= 0:
                assert find(copy, f"+wort{kept}x") == {str(kept % 500)}
            copy.put([document("more", "weiter")])
            assert find(copy, "+weiter") == {"more"}
            copy.close()
    finally:
        stop.set()
        feeding.join()


def test_a_snapshot_can_be_read_after_the_index_is_gone(tmp_path: Path) -> None:
    source = SearchIndex(tmp_path / "source")
    source.put([document("a", "Wasser")])
    source.write_checkpoint("here")
    with closing(source.take_snapshot()) as snapshot:
        source.clear()
        write_snapshot(snapshot, tmp_path / "copy")
    source.replace(tmp_path / "copy")
    assert source.read_checkpoint() == "here"
    assert find(source, "Wasser") == {"a"}


def test_an_index_that_cannot_be_opened_is_not_taken_in_place_of_one_that_can(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path / "index")
    index.put([document("a", "Wasser")])
    (tmp_path / "copy").mkdir()
    with pytest.raises(IndexDamaged):
        index.replace(tmp_path / "copy")
    assert find(index, "Wasser") == {"a"}


def test_what_is_no_whole_snapshot_is_refused(tmp_path: Path) -> None:
    def begin() -> SnapshotWriter:
        writer = SnapshotWriter(tmp_path / str(len(list(tmp_path.iterdir()))))
        writer.begin("documents/meta.json", 4)
        return writer

    with closing(begin()) as writer, pytest.raises(SnapshotBroken, match="more"):
        writer.write(b"12345")
    with closing(begin()) as writer, pytest.raises(SnapshotBroken, match="not complete"):
        writer.begin("documents/other", 1)
    with closing(begin()) as writer:
        writer.write(b"1234")
        with pytest.raises(SnapshotBroken, match="digest"):
            writer.finish(b"other")
        assert not writer.is_whole


@pytest.mark.parametrize("path", ["../meta.json", "/etc/passwd", "documents/../../x", "a/b/c", "..", "documents/.."])
def test_nothing_is_written_outside_of_the_folder(tmp_path: Path, path: str) -> None:
    with closing(SnapshotWriter(tmp_path / "copy")) as writer, pytest.raises(SnapshotBroken, match="no file"):
        writer.begin(path, 1)
