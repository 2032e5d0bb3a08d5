"""Rows as servicers need them: those that the caller may see."""

from collections.abc import Sequence

from sqlalchemy import Select, case, false, literal, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from chassis.database import Session
from chassis.errors import NotFound
from chassis.identity import identity
from services.knowledge import rights
from services.knowledge.model import Learning, Topic, TopicLabel, Visibility
from services.knowledge.vocabulary.folding import fold_label

# A shorter first word is found at the beginning of a word only: inside words it is everywhere, and no index has it.
MIN_INNER_PART = 3


async def get_visible(session: Session, name: str, *, lock: bool = False) -> Learning:
    """
    Return a learning that the caller may see, locked if asked to.

    Raises:
        NotFound: There is none of that name, or the caller may not see it.
    """
    learning = await (session.get_for_update if lock else session.get_by_name)(Learning, name)
    if not rights.may_see(identity(), learning):
        raise NotFound(name)
    return learning


def filter_visible(statement: Select[Learning]) -> Select[Learning]:
    """Return the statement, limited to the learnings that the caller may see."""
    caller = identity()
    if rights.get_audience(caller) is None:
        return statement
    is_shared = Learning.visibility.in_([Visibility.PARTNERS, Visibility.PUBLIC])
    return statement.where(or_(is_shared, Learning.author == caller.subject))


def select_topics(slugs: Sequence[str]) -> Select[str, int, str, str]:
    """Return (slug, 0, "", "") of these topics; of none, all that are not withdrawn."""
    wanted = Topic.id.in_(slugs) if slugs else ~Topic.withdrawn
    return select(Topic.id, literal(0).label("rank"), literal("").label("folded"), literal("").label("label")).where(
        wanted
    )


def select_called(query: str, language: str, slugs: Sequence[str]) -> Select[str, int, str, str]:
    """
    Return (slug, rank, folded label, label) of the topics that are called so, by the best of their labels.

    The lower the rank the better: the label is the query, begins with it, has a word that does, has it anywhere; of two
    alike, one in the language comes first.
    """
    folded, primary = fold_label(query), language.partition("-")[0]
    is_long = len(folded.split()[0]) >= MIN_INNER_PART if folded else False
    part = folded[1:] if is_long else folded
    is_foreign = case((or_(TopicLabel.language == primary, TopicLabel.language.startswith(f"{primary}-")), 0), else_=1)
    rank = is_foreign + case(
        (TopicLabel.folded == folded, 0),
        (TopicLabel.folded.startswith(folded), 2),
        (TopicLabel.folded.contains(folded), 4),
        else_=6,
    )
    return (
        select(Topic.id, rank.label("rank"), TopicLabel.folded, TopicLabel.label)
        .join(TopicLabel, TopicLabel.topic_id == Topic.id)
        .where(TopicLabel.folded.contains(part) if folded else false())
        .where(Topic.id.in_(slugs) if slugs else ~Topic.withdrawn)
        .ext(distinct_on(Topic.id))
        .order_by(Topic.id, rank, TopicLabel.preferred.desc(), TopicLabel.folded, TopicLabel.label)
    )
