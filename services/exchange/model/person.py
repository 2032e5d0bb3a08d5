"""The host's people: hosts, interpreters, drivers."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import ARRAY, TSTZMULTIRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from chassis.folded_names import index_folded_name, map_folded_name
from chassis.model import Resource
from services.exchange.model.base import Base


class Person(Resource, Base):
    """
    Someone on the host's side whose time agenda items book. The name may be missing; the function never is.

    `absences` do not overlap, and are in order: those that overlap or touch are one.
    """

    __tablename__ = "people"
    __table_args__ = (index_folded_name("people"),)
    NAME = "people/{id}"

    function: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text, default="")
    department: Mapped[str] = mapped_column(Text, default="")
    email: Mapped[str] = mapped_column(Text, default="")
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    language_pairs: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    absences: Mapped[list[Range[datetime]]] = mapped_column(TSTZMULTIRANGE, default=list)
    folded_name: Mapped[str] = map_folded_name("display_name", "function", "department")

    def has_pair(self, languages: Collection[str]) -> bool:
        """Return whether it is an interpreter between two languages, BCP 47, either way."""
        wanted = {language(tag) for tag in languages}
        return any(set(pair.split("-")) == wanted for pair in self.language_pairs)


def interprets(spoken: Collection[str], wanted: Collection[str]) -> bool:
    """
    Return whether somebody speaks all of the wanted languages, in whatever variety: ``en-GB`` is ``en``.

    Args:
        spoken: BCP 47; none where it is not known.
    """
    return not spoken or {language(tag) for tag in wanted} <= {language(tag) for tag in spoken}


def language(tag: str) -> str:
    """Return the language of a BCP 47 tag, without its variety."""
    return tag.partition("-")[0].lower()
