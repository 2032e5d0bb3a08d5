"""
Rows as servicers need them: those that the caller may see, those that a request refers to, and what is written, with
the database's refusals as errors of the domain.

The home city's administrators, coordinators and members see every forum; an expert sees those on whose panel it sits.
Whoever may not see a forum gets PERMISSION_DENIED whether it exists or not.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, delete, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.orm.attributes import set_committed_value

from chassis.database import Session
from chassis.database_errors import constraint_name, sqlstate
from chassis.error_metadata import MAX_LISTED
from chassis.errors import AlreadyExists, FailedPrecondition, InvalidArgument, PermissionDenied
from chassis.identity import identity
from chassis.model import Resource, now
from chassis.paging import read_page
from services.forum import rights
from services.forum.model import Conclusion, Forum, Panelist, Recommendation, SubjectNode, WorkingGroup
from services.forum.model.links import Linked
from services.forum.model.panelist import ON_PANEL

Row = TypeVar("Row", bound=Resource)
OfForum = TypeVar("OfForum", SubjectNode, Panelist, WorkingGroup, Conclusion, Recommendation)

EVERY_FORUM = "forums/-"
# SQLSTATEs.
UNIQUE_VIOLATION = "23505"
FOREIGN_KEY_VIOLATION = "23503"


async def get_visible(session: Session, model: type[Row], name: str, *, lock: bool = False) -> Row:
    """
    Return a forum, or something of a forum, that the caller may see, locked if asked to.

    Raises:
        PermissionDenied: The caller may not see the forum, if it exists; reason NOT_ON_PANEL.
        NotFound: There is none of that name.
    """
    caller, columns = identity(), model.parse(name)
    if not rights.may_see_all_forums(caller):
        sits = await session.scalar(select(is_on_panel(caller.subject, columns.get("forum_id", columns["id"]))))
        if not sits:
            raise PermissionDenied("You do not sit on the panel of this forum.", reason="NOT_ON_PANEL")
    if not lock:
        return await session.get_by_name(model, name)
    row = await session.get_for_update(model, name)
    if isinstance(row, Linked):
        # A wait for the lock shows the row as it is then, but other tables as they were before.
        await session.refresh(row, list(row.LINKS))
    return row


def filter_visible(statement: Select[Row], forum_id: InstrumentedAttribute[str]) -> Select[Row]:
    """Return the statement, limited to the forums that the caller may see."""
    caller = identity()
    return statement if rights.may_see_all_forums(caller) else statement.where(is_on_panel(caller.subject, forum_id))


def is_on_panel(account: ColumnElement[str] | str, forum_id: InstrumentedAttribute[str] | str) -> ColumnElement[bool]:
    """Return the condition that an account sits on the panel of a forum, be it invited or accepted."""
    # An alias, for a list of panelists is restricted by it too.
    place = aliased(Panelist)
    return exists().where(
        place.forum_id == forum_id,
        place.account == account,
        place.state.in_(ON_PANEL),
    )


def select_of_forum(model: type[OfForum], forum: str) -> Select[OfForum]:
    """
    Return the statement for what a forum, or every forum, has of one kind, limited to what the caller may see.

    It finds none as well where there is no such forum: `read_page_of_forum` says which.
    """
    statement = filter_visible(select(model), model.forum_id)
    if _asks_every_forum(model, forum):
        return statement
    return statement.where(model.forum_id == Forum.parse(forum)["id"])


async def read_page_of_forum(
    session: Session,
    statement: Select[Any],
    model: type[Any],
    request: Any,
    orderings: Mapping[str, Any],
    default: str = "create_time",
) -> tuple[Sequence[Any], str, int]:
    """
    Return one page of what the request's ``parent`` has, as `read_page` does; an empty list asks for the parent.

    Args:
        statement: From `select_of_forum`, with the request's filters.

    Raises:
        PermissionDenied: The caller may not see the forum, if it exists; reason NOT_ON_PANEL.
        NotFound: There is no such forum.
        InvalidArgument: As `read_page`.
    """
    rows, token, total = await read_page(session, statement, model, request, orderings, default)
    if not total and not _asks_every_forum(model, request.parent):
        await get_visible(session, Forum, request.parent)
    return rows, token, total


def get_forum_name(model: type[Resource], name: str) -> str:
    """Return the name of the forum to which something belongs."""
    return f"forums/{model.parse(name)['forum_id']}"


async def get_ids_in_forum(
    session: Session, model: type[OfForum], names: Sequence[str], forum_id: str, field: str
) -> list[str]:
    """
    Return the ids of resources of one forum, in the given order.

    Args:
        names: Their names, as the contract's patterns have let them pass.
        field: Path of the field that they were given in, for the error.

    Raises:
        InvalidArgument: One does not exist, or is of another forum; reason NOT_IN_FORUM.
    """
    if not names:
        return []
    ids = {name: columns["id"] for name in names if (columns := model.parse(name))["forum_id"] == forum_id}
    statement = select(model.id).where(model.forum_id == forum_id, model.id.in_(ids.values()))
    known = set(await session.scalars(statement))
    if unknown := [name for name in names if ids.get(name) not in known]:
        raise InvalidArgument(
            field,
            f"{', '.join(unknown)}: not in this forum.",
            reason="NOT_IN_FORUM",
            metadata={"resources": ",".join(unknown[:MAX_LISTED])},
        )
    return list(ids.values())


async def flush_or_refuse(session: Session) -> None:
    """
    Write what is pending in the session, so that the database judges it now.

    Raises:
        AlreadyExists: An id (reason NAME_TAKEN), a code (CODE_TAKEN), an account (ACCOUNT_ON_PANEL) or a node
            (NODE_OWNED) is taken.
        FailedPrecondition: Something that is referred to was deleted meanwhile; reason REFERENCE_GONE.
    """
    try:
        await session.flush()
    except IntegrityError as error:
        state = sqlstate(error)
        if state == UNIQUE_VIOLATION:
            raise _explain_duplicate(constraint_name(error)) from error
        if state == FOREIGN_KEY_VIOLATION:
            message = "Something that this refers to was deleted meanwhile."
            raise FailedPrecondition(message, reason="REFERENCE_GONE") from error
        raise


async def write_linked(
    session: Session, row: SubjectNode | WorkingGroup | Conclusion, links: Mapping[str, Collection[str]]
) -> None:
    """
    Write a resource, and let it refer to these others, each once, and no longer to any it referred to before.

    Args:
        row: The resource; locked, unless it is new.
        links: Ids of the others, by the attribute that holds them, such as ``node_ids``; others stay as they are.

    Raises:
        AlreadyExists: As `flush_or_refuse`.
        FailedPrecondition: As `flush_or_refuse`.
    """
    changed = {attribute: ids for attribute, ids in links.items() if {*ids} != {*(getattr(row, attribute) or ())}}
    if changed:
        # They are kept in rows of their own: the resource is changed all the same.
        row.update_time = now()
    session.add(row)
    await flush_or_refuse(session)
    for attribute, ids in changed.items():
        own, other = row.LINKS[attribute]
        table: Any = own.class_
        await session.execute(delete(table).where(table.forum_id == row.forum_id, own == row.id))
        session.add_all(table(forum_id=row.forum_id, **{own.key: row.id, other.key: each}) for each in ids)
        await flush_or_refuse(session)
    for attribute, ids in links.items():
        set_committed_value(row, attribute, sorted(ids))


def _asks_every_forum(model: type[Any], forum: str) -> bool:
    """Return whether a List request asks for every forum's (aip.dev/159), of what can be listed so."""
    return forum == EVERY_FORUM and model in (Panelist, Conclusion, Recommendation)


def _explain_duplicate(constraint: str) -> AlreadyExists:
    """Return what it means that a value of a unique key is taken."""
    match constraint:
        case "ix_subject_nodes_forum_id_code":
            return AlreadyExists("Another node of this forum has this code.", reason="CODE_TAKEN")
        case "ix_panelists_forum_id_account":
            return AlreadyExists("This account sits on the panel already.", reason="ACCOUNT_ON_PANEL")
        case "pk_ownerships":
            return AlreadyExists("Another working group owns one of these nodes.", reason="NODE_OWNED")
        case _:  # any other unique key is that of an id
            return AlreadyExists("This id is taken.", reason="NAME_TAKEN")
