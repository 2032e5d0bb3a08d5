"""What a conclusion is about: it inherits topics and SDG targets from the nodes that it speaks about."""

from sqlalchemy import literal, select

from chassis.database import Session
from services.forum.model import Conclusion, SubjectNode


async def get_sdg_targets(session: Session, conclusion: Conclusion) -> list[str]:
    """Return the goals and targets of the 2030 Agenda that a conclusion's nodes serve, each once, in order."""
    statement = select(SubjectNode.sdg_targets).where(
        SubjectNode.forum_id == conclusion.forum_id, SubjectNode.id.in_(conclusion.node_ids)
    )
    return sorted({target for targets in await session.scalars(statement) for target in targets})


async def get_topics(session: Session, conclusion: Conclusion) -> list[str]:
    """Return what a conclusion's nodes and those above them are about, each once: of the nodes themselves first."""
    own = (SubjectNode.parent_id, SubjectNode.topics, literal(0).label("distance"))
    nodes = (
        select(*own)
        .where(SubjectNode.forum_id == conclusion.forum_id, SubjectNode.id.in_(conclusion.node_ids))
        .cte(recursive=True)
    )
    above = select(SubjectNode.parent_id, SubjectNode.topics, nodes.c.distance + 1).where(
        SubjectNode.forum_id == conclusion.forum_id, SubjectNode.id == nodes.c.parent_id
    )
    nodes = nodes.union(above)
    found = await session.scalars(select(nodes.c.topics).order_by(nodes.c.distance, nodes.c.topics))
    return list(dict.fromkeys(topic for topics in found for topic in topics))
