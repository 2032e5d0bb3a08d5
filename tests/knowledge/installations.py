"""Installations that publish to a hub under test."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from austausch.knowledge.v1 import hub_pb2 as pb
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from chassis.identity import Role, new_private_key
from services.knowledge.signatures import load_private_key, sign
from tests.calls import RunningService, person

HUB = "https://hub.example"


def content_of(**fields: Any) -> dict[str, Any]:
    """Return a learning as it is published."""
    return {
        "title": "Kurze Wege",
        "language": "de",
        "observation": "Das Controlling sitzt im Fachbereich.",
        "remedialAction": "Handbuch ändern",
        "owner": "Organisation",
        "cities": ["cities/mannheim"],
        "topics": ["controlling"],
        "state": "STATE_VALIDATED",
        "createTime": "2024-05-06T07:08:09Z",
        **fields,
    }


def publication(learning: str = "short-ways", version: int = 1, **fields: Any) -> dict[str, Any]:
    """Return that a learning is published."""
    return {"learning": f"learnings/{learning}", "version": version, "content": content_of(**fields)}


def withdrawal(learning: str = "short-ways", version: int = 1) -> dict[str, Any]:
    """Return that a learning is withdrawn."""
    return {"learning": f"learnings/{learning}", "version": version}


def public_pem(key: Ed25519PrivateKey) -> str:
    """Return the public key of a pair, PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@dataclass
class Publishing:
    """An installation that publishes to a hub."""

    hub: RunningService
    id: str = "swansea"
    key: Ed25519PrivateKey = field(default_factory=lambda: load_private_key(new_private_key()))

    @property
    def name(self) -> str:
        """Its resource name at the hub."""
        return f"installations/{self.id}"

    def private_pem(self) -> bytes:
        """Return the private key, PEM."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    async def register(self) -> pb.Installation:
        """Have an administrator of the hub register it."""
        return await self.hub.as_(Role.ADMINISTRATOR).CreateInstallation(self.registration())

    def registration(self, **fields: Any) -> pb.CreateInstallationRequest:
        """Return the request to register it."""
        values = {
            "display_name": self.id.capitalize(),
            "city": f"cities/{self.id}",
            "uri": f"https://{self.id}.example/austausch/",
            "public_key": public_pem(self.key),
            **fields,
        }
        return pb.CreateInstallationRequest(installation=pb.Installation(**values), installation_id=self.id)

    def sign(self, *publications: Any, key: Ed25519PrivateKey | None = None) -> pb.PublishLearningsRequest:
        """Return a signed request."""
        content = json.dumps({"publications": publications})
        signature = sign(content, self.name, HUB, key or self.key)
        return pb.PublishLearningsRequest(
            name=self.name, content=content, signature=signature, request_id=str(uuid.uuid4())
        )

    async def send(self, request: pb.PublishLearningsRequest) -> list[str]:
        """Return why each publication was refused, or "", as the gateway lets anybody ask."""
        answer = await self.hub.as_identity(person(Role.INSTALLATION)).PublishLearnings(request)
        return [outcome.reason for outcome in answer.outcomes]

    async def publish(self, *publications: Any) -> list[str]:
        """Sign and send."""
        return await self.send(self.sign(*publications))
