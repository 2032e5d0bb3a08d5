"""The chassis's own tables, in every service's database; created by ``chassis/migrations``."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_moment = DateTime(timezone=True)


class ChassisBase(DeclarativeBase):
    """Apart from the service's own tables, which have their own base."""


class OutboxEvent(ChassisBase):
    """An event that waits to be published, or was published lately. A trigger notifies the relay."""

    __tablename__ = "outbox"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    type: Mapped[str] = mapped_column(Text)
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    create_time: Mapped[datetime] = mapped_column(_moment)
    publish_time: Mapped[datetime | None] = mapped_column(_moment)
    stream_sequence: Mapped[int | None] = mapped_column(BigInteger)
    """Where NATS stored it in the stream of events."""


class OutboxTask(ChassisBase):
    """A task of a work queue that waits to be published. A trigger notifies the relay."""

    __tablename__ = "outbox_tasks"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    queue: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)


class InboxEvent(ChassisBase):
    """An event whose effect is in this database."""

    __tablename__ = "inbox"

    event_id: Mapped[str] = mapped_column(Text, primary_key=True)
    type: Mapped[str] = mapped_column(Text)
    receive_time: Mapped[datetime] = mapped_column(_moment)


class RequestId(ChassisBase):
    """The answer to a request that carried a request id."""

    __tablename__ = "request_ids"

    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    request_id: Mapped[str] = mapped_column(Text, primary_key=True)
    request_digest: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    create_time: Mapped[datetime] = mapped_column(_moment)
