"""The forum's tables, by aggregate, with their invariants, states and transitions. No I/O."""

from services.forum.model.base import Base
from services.forum.model.conclusion import Conclusion, ConclusionGroup, ConclusionNode, ConclusionState
from services.forum.model.forum import Forum
from services.forum.model.panelist import (
    EligibilityCheck,
    Occasion,
    Origin,
    Panelist,
    PanelistKind,
    PanelistState,
)
from services.forum.model.recommendation import Recommendation, RecommendationState, Verdict
from services.forum.model.subject_node import Fulfilment, NodeKind, SubjectNode
from services.forum.model.working_group import Membership, Ownership, WorkingGroup

__all__ = [
    "Base",
    "Conclusion",
    "ConclusionGroup",
    "ConclusionNode",
    "ConclusionState",
    "EligibilityCheck",
    "Forum",
    "Fulfilment",
    "Membership",
    "NodeKind",
    "Occasion",
    "Origin",
    "Ownership",
    "Panelist",
    "PanelistKind",
    "PanelistState",
    "Recommendation",
    "RecommendationState",
    "SubjectNode",
    "Verdict",
    "WorkingGroup",
]
