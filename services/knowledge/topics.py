"""The topics that queries name, as the vocabulary stands now."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from chassis.database import Database
from chassis.notifications import listen, wait_until_set
from services.knowledge.model import TopicLabel
from services.knowledge.search.analysis import join_terms, list_words, normalize
from services.knowledge.search.documents import Filters, Topic
from services.knowledge.search.query import Occurrence, Query
from services.knowledge.search.stemming import get_stems
from services.knowledge.search.stop_words import STOP_WORDS
from services.knowledge.vocabulary.expansion import TopicExpander

CHANNEL = "topics"
RETRY_SECONDS = 5.0
_LABELS = select(TopicLabel.topic_id, TopicLabel.language, TopicLabel.label, TopicLabel.preferred)

log = structlog.get_logger(__name__)


class TopicFinder:
    """
    Finds the topics of queries: none before `run` has read the vocabulary.

    Args:
        database: The knowledge service's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._expander: TopicExpander | None = None
        self._changed = asyncio.Event()

    def find(self, query: Query) -> list[Topic]:
        """Return the topics that the words of a query name."""
        if self._expander is None:
            return []
        return find_topics(self._expander, query)

    def add_named(self, query: Query) -> Query:
        """Return a query of which filters for topics by any of their names are filters for these topics as well."""
        return replace(query, filters=self._add_called(query.filters), unwanted=self._add_called(query.unwanted))

    def _add_called(self, filters: Filters) -> Filters:
        expander = self._expander
        if expander is None or not filters.topics:
            return filters
        slugs = [slug for name in filters.topics for slug in (name, *_list_called(expander, name))]
        return replace(filters, topics=list(dict.fromkeys(slugs)))

    async def run(self) -> None:
        """Follow the vocabulary until cancelled."""
        listener = asyncio.create_task(listen(self._database.url, CHANNEL, lambda _payload: self._changed.set()))
        try:
            while True:
                self._changed.clear()
                try:
                    async with self._database.read_once() as session:
                        rows = (await session.execute(_LABELS.order_by(TopicLabel.topic_id))).all()
                    self._expander = await asyncio.to_thread(
                        make_expander, [(row.topic_id, row.language, row.label, row.preferred) for row in rows]
                    )
                except (SQLAlchemyError, OSError) as error:
                    log.warning("topics.retry", error=str(error) or type(error).__name__)
                    await wait_until_set(self._changed, RETRY_SECONDS)
                    continue
                await self._changed.wait()
        finally:
            listener.cancel()


def make_expander(rows: Sequence[tuple[str, str, str, bool]]) -> TopicExpander:
    """
    Return what finds topics by their labels, whatever the form of the words.

    Args:
        rows: (slug, language, label, whether it is the preferred one), those of a topic one after the other.
    """
    topics = (
        (slug, [(language, label, preferred) for _, language, label, preferred in labels])
        for slug, labels in groupby(rows, key=lambda row: row[0])
    )
    return TopicExpander(topics, _get_form, _split_label)


def find_topics(expander: TopicExpander, query: Query) -> list[Topic]:
    """Return the topics that the words of a query name."""
    # No label has a hyphen: nobody asks for the topic of what is not wanted.
    terms = [
        f"-{term}" if unit.occurrence is Occurrence.MUST_NOT else term for unit in query.units for term in unit.terms
    ]
    return [
        Topic(match.slug, [label for labels in match.labels.values() for label in labels], match.start, match.end)
        for match in expander.find_concepts(terms)
    ]


def _list_called(expander: TopicExpander, name: str) -> list[str]:
    """Return the topics that are called so, by the whole name."""
    words = _split_label(name.replace("-", " "))
    return [match.slug for match in expander.find_concepts(words) if match.end - match.start == len(words)]


def _get_form(term: str, language: str) -> str:
    """Return what the forms of a word share in a language; "" for a word that says nothing."""
    if term in STOP_WORDS:
        return ""
    return next(iter(get_stems(term, language)), term)


def _split_label(label: str) -> list[str]:
    return join_terms(list_words(normalize(label))).split()
