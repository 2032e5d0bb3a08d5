"""The ways of partnerships through their states, by kind."""

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb

from tests import factories
from tests.calls import Caller
from tests.refusals import refused


async def test_a_partnership_that_the_council_refuses_is_ended(coordinator: Caller) -> None:
    proposed = await factories.partnership(coordinator)
    assert list(proposed.allowed_transitions) == ["approve", "end"]
    ended = await coordinator.EndPartnership(pb.EndPartnershipRequest(name=proposed.name, etag=proposed.etag))
    assert (ended.state, list(ended.allowed_transitions)) == (pb.Partnership.STATE_ENDED, [])


async def test_a_contact_needs_no_council(coordinator: Caller) -> None:
    contact = await factories.partnership(coordinator, kind=pb.Partnership.KIND_CONTACT)
    assert list(contact.allowed_transitions) == ["activate", "end"]
    with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION") as refusal:
        await coordinator.ApprovePartnership(pb.ApprovePartnershipRequest(name=contact.name))
    assert refusal.metadata["allowed"] == "activate,end"
    active = await coordinator.ActivatePartnership(pb.ActivatePartnershipRequest(name=contact.name))
    assert active.state == pb.Partnership.STATE_ACTIVE


@pytest.mark.parametrize("kind", [pb.Partnership.KIND_PARTNERSHIP, pb.Partnership.KIND_PROJECT])
async def test_a_contact_does_not_become_what_the_council_decides_on(coordinator: Caller, kind: int) -> None:
    contact = await factories.partnership(coordinator, kind=pb.Partnership.KIND_CONTACT)

    async def change(to: int) -> pb.Partnership:
        changed = pb.Partnership(name=contact.name, kind=to)  # type: ignore[arg-type]
        return await coordinator.UpdatePartnership(pb.UpdatePartnershipRequest(partnership=changed))

    assert (await change(kind)).allowed_transitions[0] == "approve"
    await change(pb.Partnership.KIND_CONTACT)
    await coordinator.ActivatePartnership(pb.ActivatePartnershipRequest(name=contact.name))
    with refused("FAILED_PRECONDITION", "KIND_NEEDS_APPROVAL") as refusal:
        await change(kind)
    assert refusal.metadata["state"] == "ACTIVE"
