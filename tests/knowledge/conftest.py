"""What tests of the knowledge service share."""

import pytest

from tests.calls import RunningService
from tests.knowledge.producer import Producer


@pytest.fixture
def producer(exchange: RunningService, knowledge: RunningService) -> Producer:
    """The exchange service's outbox, for events to the knowledge service."""
    return Producer(exchange, knowledge)
