"""Words and meaning in one order: how much it counts that some words of a query occur."""

from pathlib import Path

import numpy as np
import pytest

from services.knowledge.search.documents import Filters, get_key
from services.knowledge.search.index import SearchIndex
from services.knowledge.search.query import Query
from services.knowledge.search.vectors import Meaning
from tests.knowledge.documents import make_document


@pytest.fixture
def index(tmp_path: Path) -> SearchIndex:
    index = SearchIndex(tmp_path)
    index.put(
        [
            make_document("answer", "Engineers advised the sewage works of the partner city.", "en"),
            make_document("chance", "Der Bürgermeister lobte die Partnerstadt und ihre jungen Fachleute beim Empfang."),
            make_document("compound", "Die Abwasserbehandlung wurde erneuert."),
        ]
    )
    return index


def search(index: SearchIndex, text: str, **nearness: float) -> list[str]:
    """Return the ids that a query finds, best first; `nearness`: cosine of a document, by its id."""
    meaning = Meaning(np.array([get_key(id_) for id_ in nearness]), np.array([*nearness.values()], np.float32))
    return [hit.id for hit in index.search(Query.parse(text), Filters(), meaning=meaning).page.hits]


def test_some_words_of_a_question_count_less_than_what_it_means(index: SearchIndex) -> None:
    question = "Womit berieten Fachleute die Partnerstadt bei Klärwerken, Kanälen und Pumpen beim Empfang?"
    assert search(index, question, answer=0.42, chance=0.4)[0] == "answer"


def test_a_word_that_is_part_of_another_counts_as_one_that_was_looked_for(index: SearchIndex) -> None:
    assert search(index, "Abwasser", answer=0.42, compound=0.25)[0] == "compound"
