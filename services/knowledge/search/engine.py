"""What both indexes, that of documents and that of words, ask of tantivy."""

from pathlib import Path

import tantivy

TERMS = "terms"
"""Name of the tokenizer of fields that hold several terms in one text, separated by spaces."""


def make_index(schema: tantivy.Schema, folder: Path) -> None:
    """
    Make an empty index in a new folder.

    Raises:
        OSError: The folder is there, or cannot be made.
        ValueError: It cannot be written.
    """
    folder.mkdir(parents=True)
    tantivy.Index(schema, str(folder))


def open_index(schema: tantivy.Schema, folder: Path) -> tantivy.Index:
    """
    Return the index in a folder.

    Raises:
        OSError: The folder is not there, or cannot be read.
        ValueError: It holds none, a broken one, or one of another schema.
    """
    if not tantivy.Index.exists(str(folder)):
        raise ValueError(f"{folder} holds no index")
    index = tantivy.Index(schema, str(folder))
    index.register_tokenizer(TERMS, tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
    index.config_reader("manual")
    index.reload()
    return index


def count_matches(searcher: tantivy.Searcher, query: tantivy.Query) -> int:
    """Return how many documents match a query; deleted ones do not."""
    unscored = tantivy.Query.const_score_query(query, 0.0)
    return int(searcher.search(unscored, 1).count)  # type: ignore[attr-defined]
