"""Pages of expert forums: subject, panel, working groups, conclusions and recommendations."""

from gateway.access import may


def coordinates() -> bool:
    """Return whether the reader runs the forums: it writes for everybody, not for working groups of its own only."""
    return may("ForumService.UpdateForum")
