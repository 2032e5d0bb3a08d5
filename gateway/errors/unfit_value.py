"""A value that does not fit its field, as whoever reads one finds it."""

from collections.abc import Mapping

from chassis.errors import Violation


class UnfitValue(ValueError):
    """
    One value does not fit its field.

    Attributes:
        reason: Machine-readable reason.
        description: What would fit, in words for developers.
        metadata: Particulars of the reason.
    """

    def __init__(self, description: str, *, reason: str, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(description)
        self.reason, self.description, self.metadata = reason, description, metadata or {}

    def to_violation(self, path: str) -> Violation:
        """Return this as what is wrong with the field at a path."""
        return Violation(path, self.reason, self.description, self.metadata)
