"""The forum service's process: ``python -m services.forum`` serves, with ``migrate`` it migrates its database."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from austausch.forum.v1 import forum_pb2_grpc as contract

from chassis import server
from chassis.database import Database
from chassis.identity import Signer
from chassis.setting_types import Address, signing_key_of
from chassis.settings import ServiceSettings, load, secret
from services.forum.eligibility_checks import EligibilityChecks
from services.forum.events import HANDLERS
from services.forum.exchange_client import ExchangeClient
from services.forum.service.conclusions import ConclusionServicer
from services.forum.service.forums import ForumServicer
from services.forum.service.names import ForumNameServicer
from services.forum.service.panelists import PanelistServicer
from services.forum.service.recommendations import RecommendationServicer
from services.forum.service.subject_nodes import SubjectNodeServicer
from services.forum.service.working_groups import WorkingGroupServicer

NAME = "forum"


@dataclass(frozen=True, kw_only=True)
class ForumSettings(ServiceSettings):
    """What the forum service can be told."""

    signing_key: Annotated[str, signing_key_of(NAME)] = secret()
    """Ed25519 private key (PEM) with which the service signs its own identity."""
    signing_key_file: Path | None = None
    """The file that the key is from, which is read again when it has changed; none where the key itself is given."""
    exchange_address: Address
    """Host and port of the exchange service, or of its replicas (`chassis.client.target`)."""


def build(settings: ForumSettings) -> server.Service:
    """Wire the service up."""
    database = Database(settings.database_url, settings.pool_size)
    signer = Signer(NAME, settings.signing_key_file or settings.signing_key)
    exchange = ExchangeClient(settings.exchange_address, signer)
    eligibility = EligibilityChecks(database, exchange)
    return server.Service(
        name=NAME,
        settings=settings,
        database=database,
        servicers=[
            (contract.add_ForumServiceServicer_to_server, ForumServicer(database, exchange)),
            (contract.add_SubjectNodeServiceServicer_to_server, SubjectNodeServicer(database)),
            (contract.add_PanelistServiceServicer_to_server, PanelistServicer(database, eligibility)),
            (contract.add_WorkingGroupServiceServicer_to_server, WorkingGroupServicer(database)),
            (contract.add_ConclusionServiceServicer_to_server, ConclusionServicer(database, eligibility)),
            (contract.add_RecommendationServiceServicer_to_server, RecommendationServicer(database, eligibility)),
            (contract.add_ForumNameServiceServicer_to_server, ForumNameServicer(database)),
        ],
        handlers=HANDLERS,
    )


if __name__ == "__main__":
    server.main(NAME, lambda: load(ForumSettings, NAME), build)
