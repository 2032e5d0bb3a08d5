"""From when to when the days of a visit are planned, and with which breaks: as in its plan, else as usual."""

from datetime import time

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import schedule_runs_pb2 as runs_pb
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth.permissions import may
from gateway.pages.visits.free_times import Break, DayHours

LOOKED_AT = 10
"""How many of the last plans of a visit are looked at for the one that was accepted."""


def read_hours(visit: pb.Visit) -> DayHours:
    """
    Return the hours of the days of a visit, as in the plan that was accepted last.

    What was given up since, to see whether there is a plan then, counts only once that plan is accepted. As long as
    none is, the hours are those of the first that was looked for; to who may not see plans, the usual ones.
    """
    if may("ScheduleRunService.ListScheduleRuns"):
        wanted = runs_pb.ListScheduleRunsRequest(parent=visit.name, page_size=LOOKED_AT)
        runs = rpc.schedule_runs.ListScheduleRuns(wanted).schedule_runs
        accepted = [run for run in runs if run.state == runs_pb.ScheduleRun.STATE_APPLIED]
        if runs:
            return read_hours_of_run(accepted[0] if accepted else runs[-1])
    return DayHours(breaks=(Break(_("Lunch"), time(12, 30), time(13, 30)),))


def read_hours_of_run(run: runs_pb.ScheduleRun) -> DayHours:
    """Return the hours of the days that a run has planned."""
    usual = DayHours()
    return DayHours(
        start=time.fromisoformat(run.day_start_time) if run.day_start_time else usual.start,
        end=time.fromisoformat(run.day_end_time) if run.day_end_time else usual.end,
        breaks=tuple(
            Break(each.label, time.fromisoformat(each.start_time), time.fromisoformat(each.end_time))
            for each in run.breaks
        ),
    )
