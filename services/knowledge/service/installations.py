"""Installations that publish here: who they are, and what they publish."""

from functools import partial
from typing import Any

from austausch.knowledge.v1 import hub_pb2 as pb
from austausch.knowledge.v1 import hub_pb2_grpc
from austausch.knowledge.v1.events_pb2 import InstallationRegistered, InstallationRevoked
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Database, Session
from chassis.errors import FailedPrecondition, NotFound, PermissionDenied, Unauthenticated
from chassis.idempotency import answer_once
from chassis.identity import Identity, Role, act_as
from chassis.model import new_id, now
from chassis.outbox import emit
from chassis.paging import read_page
from chassis.transitions import SeenVersion, transition
from services.knowledge import convert_installation
from services.knowledge.model import Installation, InstallationState, Learning, UsedSignature
from services.knowledge.received_publications import apply_publications, read_content, remove_published
from services.knowledge.signatures import Signature, load_public_key, verify

ORDERINGS = {"display_name": Installation.display_name, "create_time": Installation.create_time}


class InstallationServicer(hub_pb2_grpc.InstallationServiceServicer):
    """
    Serves ``InstallationService``.

    Args:
        public_uri: Web address of this installation, as those who publish here know it; "" where it is no hub.
        max_learnings: How many learnings each of them may have here.
    """

    def __init__(self, database: Database, public_uri: str, max_learnings: int) -> None:
        self._database = database
        self._public_uri = public_uri
        self._max_learnings = max_learnings

    async def GetInstallation(self, request: pb.GetInstallationRequest, context: Any) -> pb.Installation:
        async with self._database.read() as session:
            return await _describe(session, await session.get_by_name(Installation, request.name))

    async def ListInstallations(
        self, request: pb.ListInstallationsRequest, context: Any
    ) -> pb.ListInstallationsResponse:
        async with self._database.read() as session:
            rows, token, total = await read_page(
                session, select(Installation), Installation, request, ORDERINGS, "display_name"
            )
            counts = await _count_learnings(session, [row.id for row in rows])
        installations = [convert_installation.installation_message(row, counts.get(row.id, 0)) for row in rows]
        return pb.ListInstallationsResponse(installations=installations, next_page_token=token, total_size=total)

    async def CreateInstallation(self, request: pb.CreateInstallationRequest, context: Any) -> pb.Installation:
        return await answer_once(self._database, request, _create)

    async def RevokeInstallation(self, request: pb.RevokeInstallationRequest, context: Any) -> pb.Installation:
        return await transition(self._database, request, _lock, lambda row: row.transition("revoke"), _revoke)

    async def PublishLearnings(self, request: pb.PublishLearningsRequest, context: Any) -> pb.PublishLearningsResponse:
        if not self._public_uri:
            raise FailedPrecondition("This installation is no hub: it takes no publications.", reason="NO_HUB")
        async with self._database.read_once() as session:
            installation = await _find_registered(session, request.name)
        key = load_public_key(installation.public_key)
        signature = verify(request.signature, request.content, request.name, self._public_uri, key)
        # Only the installation itself learns that it was revoked.
        _check_active(installation)
        act_as(Identity(request.name, installation.display_name, frozenset({Role.INSTALLATION})))
        return await answer_once(self._database, request, partial(_publish, signature, self._max_learnings))


async def _create(session: Session, request: pb.CreateInstallationRequest) -> pb.Installation:
    columns = convert_installation.installation_columns(request.installation)
    installation = Installation(id=request.installation_id or new_id(), **columns)
    await session.insert_named(installation)
    message = convert_installation.installation_message(installation, 0)
    emit(session, InstallationRegistered(installation=message), installation.name)
    return message


async def _lock(session: Session, request: SeenVersion) -> Installation:
    installation = await session.get_for_update(Installation, request.name)
    installation.check_etag(request.etag)
    return installation


async def _revoke(session: Session, installation: Installation) -> pb.Installation:
    await session.flush()
    await remove_published(session, installation)
    message = convert_installation.installation_message(installation, 0)
    emit(session, InstallationRevoked(installation=message), installation.name)
    return message


async def _publish(
    signature: Signature, max_learnings: int, session: Session, request: pb.PublishLearningsRequest
) -> pb.PublishLearningsResponse:
    # Locked, so that nothing is published beside its revocation.
    installation = await _find_registered(session, request.name, lock=True)
    _check_active(installation)
    await _use_up(session, installation, signature)
    values = read_content(request.content)
    outcomes = await apply_publications(session, installation, values, signature.issue_time, max_learnings)
    return pb.PublishLearningsResponse(outcomes=outcomes)


async def _find_registered(session: Session, name: str, *, lock: bool = False) -> Installation:
    """
    Return an installation, revoked or not.

    Raises:
        Unauthenticated: Nobody has registered it; reason INSTALLATION_UNKNOWN.
    """
    try:
        return await (session.get_for_update if lock else session.get_by_name)(Installation, name)
    except NotFound:
        raise Unauthenticated(f"{name} is not registered here.", reason="INSTALLATION_UNKNOWN") from None


def _check_active(installation: Installation) -> None:
    """
    Raise unless an installation may publish.

    Raises:
        PermissionDenied: It was revoked; reason INSTALLATION_REVOKED.
    """
    if installation.state is InstallationState.REVOKED:
        raise PermissionDenied(f"{installation.name} may not publish here any more.", reason="INSTALLATION_REVOKED")


async def _use_up(session: Session, installation: Installation, signature: Signature) -> None:
    """
    Keep a signature from being used again; those that have expired need not be kept.

    Raises:
        Unauthenticated: It was used before; reason SIGNATURE_REPLAYED.
    """
    is_over = (UsedSignature.installation_id == installation.id) & (UsedSignature.expire_time < now())
    await session.execute(delete(UsedSignature).where(is_over))
    row = {"installation_id": installation.id, "id": signature.id, "expire_time": signature.expire_time}
    recorded = insert(UsedSignature).values(row).on_conflict_do_nothing().returning(UsedSignature.id)
    if await session.scalar(recorded) is None:
        raise Unauthenticated("This signature was used before.", reason="SIGNATURE_REPLAYED")


async def _describe(session: Session, installation: Installation) -> pb.Installation:
    counts = await _count_learnings(session, [installation.id])
    return convert_installation.installation_message(installation, counts.get(installation.id, 0))


async def _count_learnings(session: Session, ids: list[str]) -> dict[str, int]:
    """Return how many learnings there are of installations, by their ids; of those that have none, nothing."""
    statement = select(Learning.installation_id, func.count()).where(Learning.installation_id.in_(ids))
    return {id_: count for id_, count in await session.execute(statement.group_by(Learning.installation_id)) if id_}
