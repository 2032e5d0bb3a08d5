"""The index on disk: opened or made anew, fed, and searched."""

import errno
import fcntl
import json
import os
import re
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tantivy

from services.knowledge.search.documents import Document, Filters, Order, Topic, get_key
from services.knowledge.search.engine import count_matches, make_index, open_index
from services.knowledge.search.lexicon import Lexicon, make_lexicon
from services.knowledge.search.matching import build_filters, build_term_query
from services.knowledge.search.query import Query
from services.knowledge.search.ranking import Found, Search, find_nearest, read_id
from services.knowledge.search.schema import SCHEMA_VERSION, build_schema, make_document
from services.knowledge.search.snapshot import Snapshot, open_snapshot
from services.knowledge.search.vectors import Meaning

_CHECKPOINT = "checkpoint.json"
_DOCUMENTS = "documents"
_WORDS = "words"
# What goes away by itself: no space, too many files, no memory, an interrupted call.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_PASSING = _FULL | frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EROFS})
_WRITER_BYTES = 64_000_000


class IndexDamaged(Exception):
    """The files of the index are missing or cannot be used: it has to be made anew (`SearchIndex.clear`)."""


class IndexFailed(Exception):
    """It does not work at the moment; what it holds is as it was."""


class IndexDiskFull(IndexFailed):
    """There is no room for more on its disk; what it holds is as it was."""


class IndexInUse(Exception):
    """Another process has the index open."""


class SearchIndex:
    """
    A full-text index in a folder of its own, held by one process at a time.

    Every method may block and is safe to call from any thread. The index remembers a *checkpoint*, a value of its
    user's own that says how far it has read.

    Raises:
        IndexDamaged: The files are missing or damaged, or it is closed; from every method but `clear` and `close`.
        IndexFailed: It does not work at the moment; from the same.
    """

    def __init__(self, folder: Path) -> None:
        """
        Open the index below a folder; made empty when there is none that this version can read.

        Raises:
            IndexInUse: Another process has it open.
            IndexFailed: There is no room to make it, for example.
            OSError: The folder cannot be written.
        """
        self._root = folder
        # Also by tantivy's version, so that an update of the library never meets files of another format.
        self._folder = folder / re.sub(r"\W+", "-", f"v{SCHEMA_VERSION} tantivy {version('tantivy')}")
        self._schema = build_schema()
        self._writing = threading.Lock()
        self._index: tantivy.Index | None = None
        self._writer: tantivy.IndexWriter | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise IndexInUse(f"{folder} is in use by another process") from None
        try:
            try:
                self._open()
            except IndexDamaged:
                self._make()
        except BaseException:
            self._lock.close()
            raise

    def clear(self) -> None:
        """Make the index anew: empty, without a checkpoint. Removes what other versions left, too."""
        with self._writing:
            self._index = self._writer = None
            for path in self._root.glob("v*"):
                shutil.rmtree(path, ignore_errors=True)
            self._make()

    def remove_other_versions(self) -> None:
        """Remove what other versions of the code or of tantivy left."""
        for path in self._root.glob("v*"):
            if path != self._folder:
                shutil.rmtree(path, ignore_errors=True)

    @property
    def format(self) -> str:
        """In which format its files are: an index can open those of its own."""
        return self._folder.name

    @property
    def incoming(self) -> Path:
        """Folder beside it for another index, for `replace`; what is left there goes with other versions."""
        return self._root / f"{self._folder.name} incoming"

    def take_snapshot(self) -> Snapshot:
        """Return what is on disk now: the checkpoint, and all that it stands for or more; the caller closes it."""
        with self._writing, self._report_failure():
            return open_snapshot(self._folder, [_DOCUMENTS, _WORDS], [_CHECKPOINT])

    def replace(self, folder: Path) -> None:
        """
        Become the index in another folder, which a snapshot was written into; the folder takes the place of this one's.

        Raises:
            IndexDamaged: It cannot be opened; this index is as it was.
        """
        with self._writing:
            self._open_files(folder)
            self._abandon()
            self._index = None
            shutil.rmtree(self._folder, ignore_errors=True)
            folder.rename(self._folder)
            self._open()

    def read_checkpoint(self) -> Any:
        """Return what `write_checkpoint` was told last; `None` for a new index, or where it cannot be read."""
        try:
            return json.loads((self._folder / _CHECKPOINT).read_text())
        except (OSError, ValueError):
            return None

    def write_checkpoint(self, checkpoint: Any) -> None:
        """Keep a checkpoint, a JSON value, across restarts; what it stands for has been put in."""
        with self._writing, self._report_failure():
            scratch = self._folder / f"{_CHECKPOINT}.new"
            with scratch.open("w") as file:
                file.write(json.dumps(checkpoint))
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(self._folder / _CHECKPOINT)

    def put(self, documents: Iterable[Document], *, generation: int = 0) -> None:
        """
        Put documents in, in place of those with the same id; they are on disk and can be found when this returns.

        Args:
            generation: See `remove_before`.
        """
        with self._change() as writer:
            words: dict[str, set[str]] = {}
            for document in documents:
                writer.delete_documents_by_term("key", get_key(document.id))
                writer.add_document(make_document(document, generation, words))
            # First the words: a document whose words are not known would be found by less.
            self._lexicon.add(words)
            self._lexicon.commit()

    def remove(self, ids: Iterable[str]) -> None:
        """Take documents out; nothing finds or counts them when this returns."""
        with self._change() as writer:
            for id_ in ids:
                writer.delete_documents_by_term("key", get_key(id_))

    def forget_words(self) -> int:
        """
        Forget the words that only removed documents had, and return how many there were.

        Nobody is told of them before; but there may be names among them. It takes a look at every word that there is.
        """
        with self._writing, self._report_failure() as index:
            searcher = index.searcher()

            def is_present(term: str) -> bool:
                return count_matches(searcher, build_term_query(self._schema, term)) > 0

            count = self._lexicon.forget(is_present)
            self._lexicon.commit()
            return count

    def remove_before(self, generation: int) -> None:
        """Take out the documents that were put in with a lower number."""
        with self._change() as writer:
            earlier = tantivy.Query.range_query(
                self._schema, "generation", tantivy.FieldType.Integer, upper_bound=generation, include_upper=False
            )
            writer.delete_documents_by_query(earlier)

    def search(
        self,
        query: Query,
        filters: Filters,
        *,
        topics: Sequence[Topic] = (),
        meaning: Meaning | None = None,
        order: Order = Order.RELEVANCE,
        cursor: tuple[float, int] | None = None,
        limit: int = 50,
    ) -> Found:
        """
        Return a stretch of what matches, with counts over all of it.

        Args:
            topics: What the words of the query name: counted as the terms of its units.
            meaning: How near documents are to the query; None where that is not known.
            cursor: Where the stretch before ended.
        """
        with self._report_failure() as index:
            view = Search(index.searcher(), self._lexicon, self._schema, query, filters, topics, meaning, order)
            return view.run(cursor, limit)

    def list_nearest(self, meaning: Meaning, filters: Filters, limit: int) -> list[str]:
        """Return the ids of the documents that are nearest in meaning, nearest first."""
        with self._report_failure() as index:
            searcher = index.searcher()
            allowed = build_filters(self._schema, [filters])
            near = find_nearest(searcher, self._schema, meaning, allowed, limit)
            return [read_id(searcher, address) for _, _, address in near]

    def close(self) -> None:
        """Release the files for another process."""
        with self._writing:
            self._abandon()
            self._index = None
            self._lock.close()

    def __len__(self) -> int:
        """How many documents can be found."""
        with self._report_failure() as index:
            return int(index.searcher().num_docs)

    @contextmanager
    def _change(self) -> Iterator[tantivy.IndexWriter]:
        """Commit what is written in the block, and let it be found; nothing of it where that fails."""
        with self._writing, self._report_failure() as index:
            try:
                if self._writer is None:
                    self._writer = index.writer(_WRITER_BYTES, num_threads=1)
                yield self._writer
                self._writer.commit()
                index.reload()
            except BaseException:
                # A writer that failed once never writes again.
                self._abandon()
                raise

    def _abandon(self) -> None:
        self._writer = None
        self._lexicon.abandon()

    @contextmanager
    def _report_failure(self) -> Iterator[tantivy.Index]:
        if self._index is None:
            raise IndexDamaged(f"{self._folder} is closed")
        try:
            yield self._index
        except (ValueError, OSError) as error:
            # What can be opened is not damaged: the disk is full, or too many files are open.
            self._open_files(self._folder)
            raise (_name_passing(self._folder, error) or IndexFailed(f"{self._folder}: {error}")) from error
        except BaseException as error:
            _raise_if_panic(self._folder, error)
            raise

    def _make(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        with _report_damage(self._folder):
            make_index(self._schema, self._folder / _DOCUMENTS)
            make_lexicon(self._folder / _WORDS)
        self._open()

    def _open(self) -> None:
        self._index, self._lexicon = self._open_files(self._folder)

    def _open_files(self, folder: Path) -> tuple[tantivy.Index, Lexicon]:
        with _report_damage(folder):
            return open_index(self._schema, folder / _DOCUMENTS), Lexicon(folder / _WORDS)


@contextmanager
def _report_damage(folder: Path) -> Iterator[None]:
    """Turn what tantivy raises over missing or broken files into `IndexDamaged`."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise (_name_passing(folder, error) or IndexDamaged(f"{folder}: {error}")) from error
    except BaseException as error:
        _raise_if_panic(folder, error)
        raise


def _name_passing(folder: Path, error: Exception) -> IndexFailed | None:
    """Return what fails for the moment only, as tantivy or the system tell it; None for anything else."""
    told = {
        number
        for number in _PASSING
        if getattr(error, "errno", None) == number
        or any(text in str(error) for text in (f"os error {number})", f"code: {number},"))
    }
    kind = IndexDiskFull if told & _FULL else IndexFailed
    return kind(f"{folder}: {error}") if told else None


def _raise_if_panic(folder: Path, error: BaseException) -> None:
    """Raise `IndexDamaged` for a panic in Rust, which some broken files cause; its class cannot be imported."""
    if type(error).__name__ == "PanicException":
        raise IndexDamaged(f"{folder}: {error}") from error
