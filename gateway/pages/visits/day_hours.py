"""From when to when the days of a visit are planned, and with which breaks: as in its plan, else as usual."""

from datetime import time

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import schedule_runs_pb2 as runs_pb
from flask_babel import gettext as _

from chassis.convert import date_of
from gateway import rpc
from gateway.auth.permissions import may
from gateway.pages.visits.free_times import Break, DayHours


def read_hours(visit: pb.Visit) -> DayHours:
    """
    Return the hours of the days of a visit, as in the plan that was accepted last.

    What was given up since, to see whether there is a plan then, counts only once that plan is accepted. As long as
    none is, the hours are those of the first that was looked for; to who may not see plans, the usual ones.
    """
    run = find_run(visit)
    return read_hours_of_run(run) if run else get_usual_hours()


def get_usual_hours() -> DayHours:
    """Return the hours of the days of which nothing is known."""
    return DayHours(breaks=(Break(_("Lunch"), time(12, 30), time(13, 30)),))


def find_run(visit: pb.Visit) -> runs_pb.ScheduleRun | None:
    """Return the run with the hours of a visit, as `read_hours` has it; None where there is none to be seen."""
    if may("ScheduleRunService.ListScheduleRuns"):
        last_accepted = runs_pb.ListScheduleRunsRequest(state=runs_pb.ScheduleRun.STATE_APPLIED)
        first = runs_pb.ListScheduleRunsRequest(order_by="create_time")
        for wanted in (last_accepted, first):
            wanted.parent, wanted.page_size = visit.name, 1
            if runs := rpc.schedule_runs.ListScheduleRuns(wanted).schedule_runs:
                return runs[0]
    return None


def read_hours_of_run(run: runs_pb.ScheduleRun) -> DayHours:
    """Return the hours of the days that a run has planned."""
    usual = DayHours()
    return DayHours(
        start=time.fromisoformat(run.day_start_time) if run.day_start_time else usual.start,
        end=time.fromisoformat(run.day_end_time) if run.day_end_time else usual.end,
        breaks=tuple(
            Break(
                each.label,
                time.fromisoformat(each.start_time),
                time.fromisoformat(each.end_time),
                frozenset(map(date_of, each.except_dates)),
            )
            for each in run.breaks
        ),
        except_dates=frozenset(map(date_of, run.except_dates)),
    )
