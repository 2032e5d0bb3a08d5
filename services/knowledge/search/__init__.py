"""
Full-text search over learnings: a tantivy index as a read model beside the database.

It knows plain values only (`Document`, `Filters`, `Page`), never rows or messages, and blocks: call it in a thread.

- `analysis` turns text into words and words into the terms that are compared;
- `query` reads what a person typed and makes the tantivy query;
- `analyzed` keeps a text as its words and terms;
- `snippets` shows where a text matched;
- `index` keeps the index on disk and searches it.
"""

from services.knowledge.search.analyzed import AnalyzedDocument
from services.knowledge.search.documents import Document, Filters, Hit, Page
from services.knowledge.search.index import IndexDamaged, IndexInUse, SearchIndex
from services.knowledge.search.query import Query
from services.knowledge.search.snippets import Snippets

__all__ = [
    "AnalyzedDocument",
    "Document",
    "Filters",
    "Hit",
    "IndexDamaged",
    "IndexInUse",
    "Page",
    "Query",
    "SearchIndex",
    "Snippets",
]
