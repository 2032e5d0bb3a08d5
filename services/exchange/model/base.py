"""The declarative base of the exchange service's tables."""

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from chassis.model import NAMING_CONVENTION


class Base(DeclarativeBase):
    """
    Every table of the exchange service.

    Exchanges and visits repeat the key of the other city, held true by composite foreign keys: lists for one city, and
    for the partners who may see no other, need no join.
    """

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
