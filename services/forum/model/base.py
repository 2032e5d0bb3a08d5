"""The declarative base of the forum's tables."""

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from chassis.model import NAMING_CONVENTION


class Base(DeclarativeBase):
    """
    Every table of the forum service.

    What belongs to a forum has the key (forum_id, id), and refers to its like by composite keys: the database itself
    refuses a reference from one forum into another.
    """

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
