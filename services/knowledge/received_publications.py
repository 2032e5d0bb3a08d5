"""
What other installations publish here: taken in any order and any number of times, of each learning the newest stays.

The caller holds the installation's row locked, so that what one installation sends is applied request by request.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from austausch.knowledge.v1 import hub_pb2 as pb
from austausch.knowledge.v1.events_pb2 import LearningDeleted, LearningRecorded, LearningUpdated
from google.protobuf import json_format
from google.protobuf.message import Message
from sqlalchemy import delete, func, insert, select

from chassis.database import Session
from chassis.errors import InvalidArgument, ResourceExhausted
from chassis.model import now
from chassis.outbox import emit
from chassis.validation import validate
from chassis.work_queue import enqueue
from services.knowledge import convert, convert_installation
from services.knowledge.model import DeletedLearning, Installation, Learning, Publication, Visibility
from services.knowledge.semantics import EMBED
from services.knowledge.signatures import LEEWAY_SECONDS

MAX_PUBLICATIONS = 50
# What was withdrawn is remembered, too, so that nothing older brings it back.
REMEMBERED = 10
LEEWAY = timedelta(seconds=LEEWAY_SECONDS)

Outcome = pb.PublishLearningsResponse.Outcome


def read_content(content: str) -> list[Any]:
    """
    Return the publications of a signed content, each as JSON has it.

    Raises:
        InvalidArgument: It is no batch of publications, or too large a one; reason CONTENT_MALFORMED.
    """
    try:
        publications = json.loads(content)["publications"]
    except (ValueError, TypeError, LookupError, RecursionError):
        publications = None
    if not isinstance(publications, list) or len(publications) > MAX_PUBLICATIONS:
        raise InvalidArgument(
            "content",
            f"must be a PublicationBatch as JSON, with at most {MAX_PUBLICATIONS} publications",
            reason="CONTENT_MALFORMED",
            metadata={"max_items": str(MAX_PUBLICATIONS)},
        )
    return publications


async def apply_publications(
    session: Session, installation: Installation, values: list[Any], issue_time: datetime, max_learnings: int
) -> list[Outcome]:
    """
    Take what an installation says of its learnings, and return what became of each.

    What cannot be taken is refused by itself: reason VERSION_OLDER where something newer is known. Fields that this
    version does not know are left out: installations are upgraded one by one.

    An installation that was restored from a backup counts versions from there on, and what it says looks old. Its
    withdrawals are taken nevertheless, unless they may be late: it has to be certain that one was signed after the
    hub took what it removes. A signature's time is ahead of the hub's by `LEEWAY_SECONDS` at most.

    Args:
        issue_time: When it was signed.
        max_learnings: How many learnings it may have here when all is taken, unless none of them is new.

    Raises:
        ResourceExhausted: It would have more; reason INSTALLATION_FULL. Nothing of it is to be taken then.
    """
    outcomes, has_new = [], False
    for value in values:
        outcome = Outcome()
        try:
            publication = _parse_publication(value)
            outcome.learning = publication.learning
            validate(publication)
            has_new |= await _apply(session, installation, publication, issue_time)
        except InvalidArgument as error:
            outcome.reason = error.violations[0].reason if error.violations else error.reason
        outcomes.append(outcome)
    if has_new:
        await _check_room(session, installation, max_learnings)
    return outcomes


async def remove_published(session: Session, installation: Installation) -> None:
    """Remove all that an installation has published, and what is known of it."""
    is_theirs = Learning.installation_id == installation.id
    ids = list(await session.scalars(select(Learning.id).where(is_theirs)))
    if ids:
        await session.execute(insert(DeletedLearning), [{"id": id_} for id_ in ids])
        await session.execute(delete(Learning).where(is_theirs))
    await session.execute(delete(Publication).where(Publication.installation_id == installation.id))


async def _check_room(session: Session, installation: Installation, max_learnings: int) -> None:
    """
    Raise if an installation has too many learnings here, or has had far too many.

    Raises:
        ResourceExhausted: It has more than `max_learnings`, or there is something to remember of more than
            `REMEMBERED` times as many; reason INSTALLATION_FULL.
    """
    count = await session.scalar(select(func.count()).where(Learning.installation_id == installation.id))
    remembered = await session.scalar(select(func.count()).where(Publication.installation_id == installation.id))
    if (count or 0) > max_learnings or (remembered or 0) > REMEMBERED * max_learnings:
        raise ResourceExhausted(
            f"{installation.name} may have {max_learnings} learnings here at most.",
            reason="INSTALLATION_FULL",
            metadata={"max_learnings": str(max_learnings)},
        )


def _parse_publication(value: Any) -> pb.Publication:
    """
    Return a publication.

    Raises:
        InvalidArgument: The value is none; reason PUBLICATION_MALFORMED.
    """
    publication = pb.Publication()
    try:
        # A list would pass for one that says nothing.
        json_format.ParseDict(dict(value), publication, ignore_unknown_fields=True)
    except (json_format.ParseError, AttributeError, TypeError, ValueError):
        raise InvalidArgument("content", "holds no publication", reason="PUBLICATION_MALFORMED") from None
    return publication


async def _apply(
    session: Session, installation: Installation, publication: pb.Publication, issue_time: datetime
) -> bool:
    """
    Take a publication, and return whether it brought a learning of which nothing was known, or that was withdrawn;
    twice the same has no effect.

    Raises:
        InvalidArgument: It breaks its rule, or is older than what is known (reason VERSION_OLDER).
    """
    columns = None
    if publication.HasField("content"):
        columns = convert_installation.published_columns(publication, installation)
    key = (installation.id, publication.learning)
    known = await session.get(Publication, key)
    is_new = known is None
    if known is None:
        known = Publication(installation_id=key[0], original=key[1], version=0)
        session.add(known)
    learning = await session.get(Learning, known.learning_id, with_for_update=True) if known.learning_id else None
    is_older, is_same = publication.version < known.version, publication.version == known.version
    if columns is None:
        is_refused = is_older and learning is not None and issue_time <= learning.update_time + LEEWAY
    else:
        # At one version a learning says one thing, and is not both withdrawn and published: else one of the two is of
        # before a restore.
        is_refused = is_older or (is_same and (learning is None or _says_otherwise(learning, columns)))
    if is_refused:
        raise InvalidArgument("version", "is older than what is known", reason="VERSION_OLDER")
    if is_same and columns is not None:
        return False
    is_new |= columns is not None and learning is None
    known.version = max(publication.version, known.version)
    if columns is None:
        if learning is not None:
            await _withdraw(session, learning)
        known.learning_id = None
    elif learning is None:
        learning = Learning(
            author=installation.name,
            author_name=installation.display_name,
            visibility=Visibility.PUBLIC,
            installation_id=installation.id,
            **columns,
        )
        session.add(learning)
        await _write(LearningRecorded, session, learning)
        known.learning_id = learning.id
    else:
        # Also where nothing differs: a withdrawal that was signed before does not remove it.
        learning.assign(columns | {"update_time": now()})
        await _write(LearningUpdated, session, learning)
    return is_new


def _says_otherwise(learning: Learning, columns: Mapping[str, Any]) -> bool:
    """Return whether a learning is published with other words than before; times of its own it may have."""
    said = {name: columns[name] for name in (*convert_installation.PUBLISHED_FIELDS, "state")}
    return bool(learning.list_changes(said))


async def _withdraw(session: Session, learning: Learning) -> None:
    session.add(DeletedLearning(id=learning.id))
    await session.delete(learning)
    await session.flush()
    emit(session, LearningDeleted(learning=learning.name), learning.name)


async def _write(event: Callable[..., Message], session: Session, learning: Learning) -> None:
    """Write the learning and the event."""
    await session.flush()
    enqueue(session, EMBED, [learning.id])
    emit(session, event(learning=convert.learning_message(learning)), learning.name)
