"""The declarative base of the knowledge service's tables."""

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from chassis.model import NAMING_CONVENTION


class Base(DeclarativeBase):
    """Every table of the knowledge service."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
