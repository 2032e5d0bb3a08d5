"""Runs the forum service: ``python -m services.forum`` serves, ``… migrate`` brings its database up to date."""

from dataclasses import dataclass

from austausch.forum.v1 import forum_pb2_grpc as grpc_of

from chassis.database import Database
from chassis.identity import Signer
from chassis.server import Service, main
from chassis.settings import ServiceSettings, load, secret
from services.forum.exchange import Exchange
from services.forum.panel import Panel
from services.forum.service.conclusion import ConclusionServicer
from services.forum.service.forum import ForumServicer
from services.forum.service.panelist import PanelistServicer
from services.forum.service.recommendation import RecommendationServicer
from services.forum.service.subject_node import SubjectNodeServicer
from services.forum.service.working_group import WorkingGroupServicer


@dataclass(frozen=True, kw_only=True)
class ForumSettings(ServiceSettings):
    """What the forum service can be told."""

    signing_key: str = secret()
    """Ed25519 private key (PEM) with which the service signs its own identity."""
    exchange_address: str
    """Host and port of the exchange service."""


def build(settings: ForumSettings) -> Service:
    """Return the service, wired up."""
    database = Database(settings.database_url, settings.pool_size)
    exchange = Exchange(settings.exchange_address, Signer("forum", settings.signing_key))
    panel = Panel(database, exchange)
    return Service(
        name="forum",
        settings=settings,
        database=database,
        servicers=[
            (grpc_of.add_ForumServiceServicer_to_server, ForumServicer(database)),
            (grpc_of.add_SubjectNodeServiceServicer_to_server, SubjectNodeServicer(database)),
            (grpc_of.add_PanelistServiceServicer_to_server, PanelistServicer(database, panel)),
            (grpc_of.add_WorkingGroupServiceServicer_to_server, WorkingGroupServicer(database)),
            (grpc_of.add_ConclusionServiceServicer_to_server, ConclusionServicer(database, panel)),
            (grpc_of.add_RecommendationServiceServicer_to_server, RecommendationServicer(database, panel)),
        ],
    )


if __name__ == "__main__":
    main("forum", lambda: load(ForumSettings, "forum"), build)
