"""The knowledge service's tables, by aggregate, with their invariants, states and transitions. No I/O."""

from services.knowledge.model.application import Application, Outcome
from services.knowledge.model.base import Base
from services.knowledge.model.deleted_learning import DeletedLearning
from services.knowledge.model.installation import Installation, InstallationState, Publication, UsedSignature
from services.knowledge.model.known_visit import DELETED_VERSION, KnownVisit
from services.knowledge.model.learning import (
    ASSIGNED,
    FORUM_AUTHOR,
    IN_USE,
    PROVEN,
    SET_ASIDE,
    Learning,
    LearningState,
    Visibility,
    get_audience,
)
from services.knowledge.model.learning_vector import LearningVector
from services.knowledge.model.sent_learning import SentLearning
from services.knowledge.model.topic import Topic, TopicImport, TopicLabel

__all__ = [
    "ASSIGNED",
    "DELETED_VERSION",
    "FORUM_AUTHOR",
    "IN_USE",
    "PROVEN",
    "SET_ASIDE",
    "Application",
    "Base",
    "DeletedLearning",
    "Installation",
    "InstallationState",
    "KnownVisit",
    "Learning",
    "LearningState",
    "LearningVector",
    "Outcome",
    "Publication",
    "SentLearning",
    "Topic",
    "TopicImport",
    "TopicLabel",
    "UsedSignature",
    "Visibility",
    "get_audience",
]
