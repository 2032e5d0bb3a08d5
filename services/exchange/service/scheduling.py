"""Scheduling for programs that keep their data elsewhere."""

from typing import Any

from austausch.exchange.v1 import scheduling_pb2 as pb
from austausch.exchange.v1 import scheduling_pb2_grpc

from services.exchange.convert_schedule import ProblemReader, plan_message
from services.exchange.planner_pool import PlannerPool, make_planner

DEFAULT_SECONDS = 10.0


class SchedulingServicer(scheduling_pb2_grpc.SchedulingServiceServicer):
    """Serves ``SchedulingService``."""

    def __init__(self, planners: PlannerPool) -> None:
        self._planners = planners

    async def ScheduleProgramme(
        self, request: pb.ScheduleProgrammeRequest, context: Any
    ) -> pb.ScheduleProgrammeResponse:
        reader = ProblemReader(request)
        plan = await self._planners.run(
            lambda: make_planner(*reader.read(), request.time_limit_seconds or DEFAULT_SECONDS)
        )
        return plan_message(plan, reader.zone)
