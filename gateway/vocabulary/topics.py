"""The topics of learnings and exchanges: what they are called, which are known, and which one a person means."""

import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from austausch.knowledge.v1 import knowledge_pb2, topics_pb2
from flask import current_app, flash, g
from flask_babel import gettext as _

from chassis.errors import DeadlineExceeded, DomainError, Unavailable
from gateway import rpc
from gateway.i18n.languages import current_language, sort_key

CACHE_SECONDS = 60.0
# Pages can do without: while the knowledge service is away, they wait for so long, and after that time once more.
ASK_SECONDS = 1.0
RETRY_SECONDS = 15.0
# The largest page of ListTopics; our own vocabulary fits into one.
MAX_LISTED = 200
# Words of one request that are looked for; no list of topics may be so long.
MAX_LOOKUPS = 100


@dataclass
class CachedTopics:
    """
    What is known of the vocabulary in one language.

    Attributes:
        until: When it has to be asked for anew.
        listed: Slug → label of the vocabulary, or of the beginning of one that is large.
        labels: The same, with other topics that were asked for; "" for those that are in no vocabulary.
        meant: What somebody typed, without case → the topic of that label; "" for what is no label.
        is_away: Whether the knowledge service did not answer.
    """

    until: float
    listed: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    meant: dict[str, str] = field(default_factory=dict)
    is_away: bool = False


def get_topic_label(slug: str) -> str:
    """Return what a person reads for a topic; for one that is in no vocabulary, its slug in words."""
    return find_topic_label(slug) or slug.replace("-", " ").capitalize()


def find_topic_label(slug: str) -> str:
    """Return what a topic of the vocabulary is called; "" for another one, or while the vocabulary is out of reach."""
    load_labels([slug])
    return _get_cached().labels.get(slug, "")


def load_labels(slugs: Iterable[str]) -> None:
    """Get the labels of topics that a page will show, many in one call, of those that are not known yet."""
    cached = _get_cached()
    missing = sorted({slug for slug in slugs if slug not in cached.labels and slug == make_slug(slug)})
    for start in range(0, len(missing), MAX_LISTED):
        if cached.is_away:
            return
        with _forgive(cached):
            asked = missing[start : start + MAX_LISTED]
            found = _list_topics(asked)
            cached.labels |= {slug: found.get(slug, "") for slug in asked}


def find_topic(text: str) -> str:
    """Return the topic that a person means by `text`: one that is called so in any language, else its slug."""
    cached, typed = _get_cached(), _without_case(text)
    if cached.labels.get(text):
        return text
    if typed not in cached.meant and not cached.is_away and _may_look_up():
        with _forgive(cached):
            cached.meant[typed] = _find_called(typed)
    return cached.meant.get(typed) or make_slug(text)


def make_slug(text: str) -> str:
    """
    Return `text` as the slug of a topic; the text itself where there is no letter in it, which the service refuses.

    A slug keeps the letters, with their marks, and the digits of any script; what is between them joins words.
    """
    lower = unicodedata.normalize("NFC", text.lower())
    letters = "".join(char if unicodedata.category(char)[0] in "LM" or char.isdecimal() else " " for char in lower)
    return "-".join(letters.split()) or text


def list_vocabulary() -> list[tuple[str, str]]:
    """Return (slug, label) of the vocabulary, at most `MAX_LISTED`, in the order of the reader's language."""
    return _sort(_get_cached().listed)


def list_topics_in_use(*more: str) -> list[tuple[str, str]]:
    """
    Return (slug, label) of the topics of the learnings that the reader may see, and of `more`.

    While the search index is being built, nobody knows which are in use: those are left out then.
    """
    try:
        facets = rpc.learnings.SearchLearnings(knowledge_pb2.SearchLearningsRequest(page_size=1)).facets
        slugs = [count.value for count in facets.topics]
    except Unavailable:
        slugs = []
    slugs += filter(None, more)
    load_labels(slugs)
    return _sort({slug: get_topic_label(slug) for slug in slugs})


def list_known_topics(*more: str) -> list[tuple[str, str]]:
    """Return (slug, label) of the vocabulary, of the topics in use and of `more`, in the reader's order."""
    return _sort(dict(list_vocabulary()) | dict(list_topics_in_use(*more)))


def suggest_topics(typed: str, limit: int) -> list[tuple[str, str]]:
    """
    Return (label, label by which it was found) of the topics that somebody may mean who has typed so much.

    Who has typed nothing may mean any; they are in the order of the reader's language.

    Raises:
        Unavailable: The knowledge service is away.
    """
    if not typed:
        return [(label, label) for _slug, label in list_known_topics()][:limit]
    request = topics_pb2.ListTopicsRequest(query=typed[:300], language=current_language(), page_size=limit)
    found = {topic.label: topic.matched_label for topic in rpc.topics.ListTopics(request, timeout=ASK_SECONDS).topics}
    free = [label for _slug, label in list_topics_in_use() if _without_case(typed) in _without_case(label)]
    return [*found.items(), *((label, label) for label in free if label not in found)][:limit]


def flash_new_topics(slugs: Iterable[str], known_before: Iterable[tuple[str, str]]) -> None:
    """Say on the next page which topics nobody used before: one of them may be a slip of the pen."""
    before = dict(known_before)
    new = [slug for slug in slugs if slug not in before]
    load_labels(new)
    # One without a label is in no vocabulary; one of which nobody could tell, as the service is away, may be.
    if free := [get_topic_label(slug) for slug in new if _get_cached().labels.get(slug) == ""]:
        flash(
            _("New among the topics: %(topics)s. If that is a slip, please correct it.", topics=", ".join(free)), "info"
        )


def _get_cached() -> CachedTopics:
    """Return what is known in the reader's language; where the service is away, what was known before."""
    caches: dict[str, CachedTopics] = current_app.extensions.setdefault("topics", {})
    language = current_language()
    cached = caches.get(language)
    if cached is None:
        cached = CachedTopics(0.0)
    if time.monotonic() >= cached.until:
        # One thread asks; the others go on with what is known.
        cached.until = time.monotonic() + RETRY_SECONDS
        with _forgive(cached):
            listed = _list_topics()
            meant = {_without_case(label): slug for slug, label in listed.items()}
            cached = CachedTopics(time.monotonic() + CACHE_SECONDS, listed, dict(listed), meant)
        if cached.listed or cached.is_away:
            caches[language] = cached
    return cached


@contextmanager
def _forgive(cached: CachedTopics) -> Iterator[None]:
    """Let the block end where the service does not answer, which is not asked again soon, or refuses this reader."""
    try:
        yield
    except (Unavailable, DeadlineExceeded):
        cached.is_away, cached.until = True, time.monotonic() + RETRY_SECONDS
    except DomainError:
        pass


def _list_topics(slugs: Iterable[str] = ()) -> dict[str, str]:
    """Return slug → label in the reader's language of these topics, or of the vocabulary."""
    request = topics_pb2.ListTopicsRequest(page_size=MAX_LISTED, language=current_language(), topics=slugs)
    return {
        topic.name.removeprefix("topics/"): topic.label
        for topic in rpc.topics.ListTopics(request, timeout=ASK_SECONDS).topics
    }


def _find_called(typed: str) -> str:
    """Return the topic that has a label of just these words; "" where there is none."""
    request = topics_pb2.ListTopicsRequest(query=typed[:300], language=current_language(), page_size=5)
    topics = rpc.topics.ListTopics(request, timeout=ASK_SECONDS).topics
    called = (topic for topic in topics if _without_case(topic.matched_label) == typed)
    return next((topic.name.removeprefix("topics/") for topic in called), "")


def _may_look_up() -> bool:
    """Count the look-ups of this request, and tell whether there may be another."""
    g.topic_lookups = g.get("topic_lookups", 0) + 1
    return bool(g.topic_lookups <= MAX_LOOKUPS)


def _without_case(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip().casefold()


def _sort(labels: dict[str, str]) -> list[tuple[str, str]]:
    return sorted(labels.items(), key=lambda entry: sort_key(entry[1]))
