"""What of a programme those see who may see the visit, but not everybody on it."""

from collections.abc import Collection, Sequence

from austausch.exchange.v1 import exchange_pb2 as pb
from sqlalchemy import ARRAY, Text, any_, bindparam, select

from chassis.database import Session
from chassis.identity import Identity
from services.exchange import convert, rights
from services.exchange.model import AgendaItem, Delegate
from services.exchange.model.agenda import PARTS

_SELECT_OWN_DELEGATES = select(Delegate).where(
    Delegate.visit_id == any_(bindparam("visits", type_=ARRAY(Text))), Delegate.city_id == bindparam("city")
)


async def show_items(session: Session, caller: Identity, items: Sequence[AgendaItem]) -> list[pb.AgendaItem]:
    """
    Return agenda items as messages, without what the caller may not see.

    Args:
        items: Of visits that the caller may see.
    """
    seen: set[str] = set()
    if not caller.has(*rights.ALL_DELEGATES):
        visits = list({item.visit_id for item in items})
        own = {"visits": visits, "city": rights.get_own_city_id(caller)}
        seen = {each.name for each in await session.scalars(_SELECT_OWN_DELEGATES, own)}
    return [show_item(caller, item, seen) for item in items]


def show_item(caller: Identity, item: AgendaItem, seen: Collection[str]) -> pb.AgendaItem:
    """
    Return an agenda item as a message, without what the caller may not see.

    Args:
        seen: Names of the visit's delegates whom the caller may see; of no matter to who may see all.
    """
    message = convert.agenda_item_message(item)
    if caller.has(*rights.ALL_DELEGATES):
        return message
    hosts = rights.may_see_host_people(caller)
    for present in ("people", "optional_people"):
        _keep_seen(message, present, seen, hosts=hosts)
    for part in PARTS:
        named = getattr(message, part)
        named[:] = [name for name in named if _is_seen(name, seen, hosts=hosts)]
    if not hosts:
        message.ClearField("interpreter")
        message.ClearField("interpreter_function")
    if not rights.may_see_notes(caller):
        message.ClearField("notes")
    return message


def _keep_seen(message: pb.AgendaItem, field: str, seen: Collection[str], *, hosts: bool) -> None:
    """Keep of a field with names, and of that with their functions, what is seen."""
    names, functions = getattr(message, field), getattr(message, f"{field}_functions")
    kept = [
        (name, function) for name, function in zip(names, functions, strict=True) if _is_seen(name, seen, hosts=hosts)
    ]
    names[:] = [name for name, _ in kept]
    functions[:] = [function for _, function in kept]


def _is_seen(name: str, seen: Collection[str], *, hosts: bool) -> bool:
    return hosts if name.startswith("people/") else name in seen
