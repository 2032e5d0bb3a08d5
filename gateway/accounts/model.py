"""Tables of the accounts database: who may sign in, what they hold, and how often somebody tried."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Text,
    false,
    func,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.identity import Identity, Role
from chassis.model import NAMING_CONVENTION, Versioned, enum_column, new_id, now

# A password that was made up and handed over is for the next days, not for whoever finds the note in a year.
FIRST_PASSWORD_LIFETIME = timedelta(days=7)
PEOPLE_ROLES = tuple(role.value for role in Role if role not in (Role.SERVICE, Role.INSTALLATION))


class Base(DeclarativeBase):
    """Tables of the accounts database."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {datetime: DateTime(timezone=True), str: Text, list[str]: ARRAY(Text)}


class Account(Versioned, Base):
    """Someone who may sign in."""

    __tablename__ = "accounts"
    __table_args__ = (
        Index("uq_accounts_email", text("lower(email)"), unique=True),
        CheckConstraint("cardinality(roles) > 0", name="has_role"),
        CheckConstraint(f"roles <@ ARRAY{list(PEOPLE_ROLES)!r}::text[]", name="known_roles"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str]
    """As its owner writes it; unique whatever the case of its letters."""
    display_name: Mapped[str]
    password_hash: Mapped[str]
    """argon2id, in the PHC string format."""
    must_choose_password: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the password was made up by the platform: it is for choosing an own one, and nothing else."""
    first_password_expire_time: Mapped[datetime] = mapped_column(
        default=lambda: now() + FIRST_PASSWORD_LIFETIME, server_default=text("now() + interval '7 days'")
    )
    """When a password that was made up stops being accepted; of no meaning where it was chosen."""
    roles: Mapped[list[str]]
    city: Mapped[str] = mapped_column(default="")
    department: Mapped[str] = mapped_column(default="")
    locale: Mapped[str] = mapped_column(default="")
    disabled: Mapped[bool] = mapped_column(default=False)
    create_time: Mapped[datetime] = mapped_column(default=now)
    update_time: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    updater: Mapped[str] = mapped_column(default="", server_default="")
    """Who changed it last, as shown to people; empty when that was its holder, or an operator."""
    version: Mapped[int] = mapped_column(default=1, server_default="1")

    @property
    def name(self) -> str:
        """The resource name."""
        return f"accounts/{self.id}"

    @property
    def is_first_password_expired(self) -> bool:
        """Whether its password was made up, and has not been replaced in time."""
        return self.must_choose_password and self.first_password_expire_time <= now()

    def make_up_password(self, password_hash: str) -> None:
        """Give it a password that was made up: for choosing an own one, within some days."""
        self.password_hash, self.must_choose_password = password_hash, True
        self.first_password_expire_time = now() + FIRST_PASSWORD_LIFETIME

    def note_change(self, updater: str) -> None:
        """Note a change by an administrator."""
        self.updater, self.version = updater, self.version + 1

    @property
    def identity(self) -> Identity:
        """Who the account is to the services."""
        roles = frozenset(Role(role) for role in self.roles)
        return Identity(self.name, self.display_name, roles, self.city, self.department)


class Kind(StrEnum):
    """What a token is for."""

    WEB = "web"
    SESSION = "session"
    PERSONAL = "personal"
    CALENDAR = "calendar"


class Scope(StrEnum):
    """What the holder of a token may do, of what the account may do."""

    READ = "read"
    WRITE = "write"


class Token(Base):
    """Something an account holds that proves who is asking: 256 random bits, of which only the digest is kept."""

    __tablename__ = "tokens"
    __table_args__ = (Index("ix_tokens_account_id", "account_id"), Index("ix_tokens_expire_time", "expire_time"))

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    kind: Mapped[Kind] = enum_column(Kind)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    """SHA-256 of the token."""
    title: Mapped[str] = mapped_column(default="")
    scope: Mapped[Scope] = enum_column(Scope, default=Scope.WRITE, server_default=Scope.WRITE)
    create_time: Mapped[datetime] = mapped_column(default=now)
    confirm_time: Mapped[datetime] = mapped_column(default=now, server_default=func.now())
    """When its holder last gave the password, at the sign-in or since."""
    expire_time: Mapped[datetime]
    last_use_time: Mapped[datetime | None]


class SignInAttempts(Base):
    """How often somebody tried to sign in, or published unproven, in a window: by address of e-mail or of network."""

    __tablename__ = "sign_in_attempts"
    __table_args__ = (Index("ix_sign_in_attempts_window_start", "window_start"),)

    key: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of what is counted: nobody can read from it who tried."""
    attempts: Mapped[int]
    window_start: Mapped[datetime]
