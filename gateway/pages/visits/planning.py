"""Pages on which the programme of a visit is planned: how to plan, what the planner found, and why it can't."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import schedule_runs_pb2 as runs_pb
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from chassis.convert import date_of
from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.i18n.formats import format_day, format_local_text
from gateway.pages.visits import delegation
from gateway.pages.visits.agenda_days import group_by_day
from gateway.pages.visits.attempts import attempt
from gateway.pages.visits.bookable import list_people, list_rooms, list_venues
from gateway.pages.visits.contradictions import get_button, relax_items, relax_run, say, say_unmet
from gateway.pages.visits.day_hours import find_run, get_usual_hours, read_hours_of_run
from gateway.pages.visits.day_notes import DayNotes, describe_days
from gateway.pages.visits.programme import list_items
from gateway.pages.visits.timeline import list_days
from gateway.vocabulary.cities import get_home_day

BREAKS = "schedule_run.breaks"
# As the contract has it.
MAX_DAYS = 31
# Requirements that several items have in common and each can give up.
BY_ITEM = ("INTERPRETATION", "ROOM_NEEDED", "REQUIRED_PERSON")
PLACED, MOVED, KEPT = (
    runs_pb.PlannedItem.CHANGE_PLACED,
    runs_pb.PlannedItem.CHANGE_MOVED,
    runs_pb.PlannedItem.CHANGE_KEPT,
)


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of visits the pages of planning."""
    base = "/<visit_id>/scheduleRuns"
    blueprint.add_url_rule(f"{base}/new", view_func=start_run, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{base}/<run_id>", view_func=show_run)
    blueprint.add_url_rule(f"{base}/<run_id>/cancel", view_func=cancel_run, methods=["POST"])
    blueprint.add_url_rule(f"{base}/<run_id>/apply", view_func=apply_run, methods=["POST"])
    blueprint.add_url_rule(f"{base}/<run_id>/relax/<int:place>", view_func=relax, methods=["POST"])


@sign_in_required
def start_run(visit_id: str) -> ResponseReturnValue:
    permissions.require("ScheduleRunService.CreateScheduleRun")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    notes = describe_days(visit) if visit.HasField("start_date") else {}
    form = Form(_propose_options(visit, notes), zone=visit.time_zone)
    if form.submitted:
        # A break without times is none, whatever it is called.
        beside = (".label", ".except_dates")
        form.keep_entries(BREAKS, lambda index: not form.is_blank(f"{BREAKS}.{index}", beside))
        with form.catch_refusal():
            run = rpc.schedule_runs.CreateScheduleRun(
                form.build_request(runs_pb.CreateScheduleRunRequest, parent=visit.name)
            )
            return redirect(_get_address(run.name), 303)
    items = list_items(visit)
    return render_template(
        "visits/plan.html",
        form=form,
        visit=visit,
        breaks=BREAKS,
        count=form.count_entries(BREAKS) + 1,
        visit_days=_list_days(visit, notes),
        label_days=_label_days,
        unplaced=sum(not item.HasField("start_time") for item in items),
        placed=sum(item.HasField("start_time") for item in items),
    ), form.status


def _label_days(days: Iterable[str]) -> list[tuple[str, str]]:
    """Return days (ISO 8601) with how the reader writes them."""
    return [(day, format_local_text(day)) for day in days]


def _list_days(visit: pb.Visit, notes: Mapping[date, DayNotes]) -> list[tuple[str, str]]:
    """Return the days of a visit, with how the reader writes them and what is to be known of each."""
    days = _list_dates(visit)[:MAX_DAYS]
    return [(f"{day}", ". ".join([format_day(day), *notes.get(day, DayNotes()).texts])) for day in days]


def _list_dates(visit: pb.Visit) -> list[date]:
    return list_days(date_of(visit.start_date), date_of(visit.end_date)) if visit.HasField("start_date") else []


def _list_days_off(visit: pb.Visit, notes: Mapping[date, DayNotes]) -> list[date]:
    """Return the days of a visit to come on which the host does not work; none where it works on none of them."""
    to_come = [day for day in _list_dates(visit) if day >= get_home_day()]
    days = [day for day in to_come if day in notes and notes[day].is_off]
    return days if len(days) < len(to_come) else []


def _propose_options(visit: pb.Visit, notes: Mapping[date, DayNotes]) -> dict[str, str | list[str]]:
    """
    Return how to plan: as in an earlier run, where the address names one, else with the hours of the last, and first of
    all as usual, without the days on which the host does not work.
    """
    run = runs_pb.ScheduleRun(time_limit_seconds=10)
    if earlier := request.args.get("like"):
        name = f"{visit.name}/scheduleRuns/{earlier}"
        run = rpc.schedule_runs.GetScheduleRun(runs_pb.GetScheduleRunRequest(name=name))
        hours = read_hours_of_run(run)
    elif found := find_run(visit):
        hours = read_hours_of_run(found)
        if hours.except_dates and hours.except_dates.isdisjoint(_list_dates(visit)):
            # It was for other days: the visit was moved since.
            hours = replace(hours, except_dates=frozenset(_list_days_off(visit, notes)))
    else:
        hours = replace(get_usual_hours(), except_dates=frozenset(_list_days_off(visit, notes)))
    options: dict[str, str | list[str]] = {
        "schedule_run.day_start_time": f"{hours.start:%H:%M}",
        "schedule_run.day_end_time": f"{hours.end:%H:%M}",
        "schedule_run.from_scratch": "on" if run.from_scratch else "",
        "schedule_run.time_limit_seconds": str(run.time_limit_seconds),
        "schedule_run.except_dates": [day.isoformat() for day in sorted(hours.except_dates)],
    }
    for index, each in enumerate(hours.breaks):
        options[f"{BREAKS}.{index}.label"] = each.label
        options[f"{BREAKS}.{index}.start_time"] = f"{each.start:%H:%M}"
        options[f"{BREAKS}.{index}.end_time"] = f"{each.end:%H:%M}"
        options[f"{BREAKS}.{index}.except_dates"] = [day.isoformat() for day in sorted(each.except_dates)]
    return options


@sign_in_required
def show_run(visit_id: str, run_id: str) -> ResponseReturnValue:
    """Show what a run has found; the page asks for the part that changes until the run has ended."""
    permissions.require("ScheduleRunService.GetScheduleRun")
    visit, run = _get_run(visit_id, run_id)
    items = {item.name: item for item in list_items(visit)}
    titles = _list_titles(visit, items)
    template = "visits/run_progress.html" if request.headers.get("HX-Request") else "visits/run.html"
    return render_template(
        template,
        visit=visit,
        run=run,
        here=_get_address(run.name),
        items=items,
        titles=titles,
        days=group_by_day(run.plan.items, visit.time_zone),
        counts=_count_changes(run.plan),
        changes_programme=_changes_programme(run.plan, items),
        by_item=BY_ITEM,
        standing=_list_standing(run, items, titles),
        left_out=[titles.get(name, name) for name in run.plan.dropped],
        requirements=[
            (
                place,
                say(each, titles, visit.time_zone, items),
                get_button(each, items, run),
                each,
            )
            for place, each in enumerate(run.plan.requirements)
        ],
    )


@sign_in_required
def cancel_run(visit_id: str, run_id: str) -> ResponseReturnValue:
    name = f"visits/{visit_id}/scheduleRuns/{run_id}"
    attempt(lambda: rpc.schedule_runs.CancelScheduleRun(runs_pb.CancelScheduleRunRequest(name=name)))
    return redirect(_get_address(name), 303)


@sign_in_required
def apply_run(visit_id: str, run_id: str) -> ResponseReturnValue:
    name = f"visits/{visit_id}/scheduleRuns/{run_id}"
    if not attempt(lambda: rpc.schedule_runs.ApplyScheduleRun(runs_pb.ApplyScheduleRunRequest(name=name))):
        return redirect(_get_address(name), 303)
    flash(_("The plan is accepted."), "success")
    return redirect(url_for("visits.timetable", visit_id=visit_id), 303)


@sign_in_required
def relax(visit_id: str, run_id: str, place: int) -> ResponseReturnValue:
    """Give up a requirement that stands in the way, and plan anew."""
    permissions.require("ScheduleRunService.CreateScheduleRun")
    visit, run = _get_run(visit_id, run_id)
    if place >= len(run.plan.requirements):
        abort(404)
    requirement = run.plan.requirements[place]
    items = {item.name: item for item in list_items(visit)}
    said = say(requirement, _list_titles(visit, items), visit.time_zone, items)
    if (only := request.args.get("item", "")) in requirement.agenda_items:
        requirement.agenda_items[:] = [only]
    options = relax_run(requirement, run, visit.time_zone)
    started: list[runs_pb.ScheduleRun] = []

    def plan_anew() -> None:
        if changes := relax_items(requirement, items):
            rpc.agenda_items.BatchUpdateAgendaItems(
                pb.BatchUpdateAgendaItemsRequest(parent=visit.name, requests=changes)
            )
        again = runs_pb.CreateScheduleRunRequest(parent=visit.name, schedule_run=options)
        started.append(rpc.schedule_runs.CreateScheduleRun(again))

    if attempt(plan_anew):
        flash(_("Given up: %(requirement)s", requirement=said), "info")
    return redirect(_get_address(started[0].name if started else run.name), 303)


def _get_run(visit_id: str, run_id: str) -> tuple[pb.Visit, runs_pb.ScheduleRun]:
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    name = f"{visit.name}/scheduleRuns/{run_id}"
    return visit, rpc.schedule_runs.GetScheduleRun(runs_pb.GetScheduleRunRequest(name=name))


def _get_address(run: str) -> str:
    """Return the address of the page of a run."""
    _visits, visit_id, _runs, run_id = run.split("/")
    return url_for("visits.show_run", visit_id=visit_id, run_id=run_id)


def _list_titles(visit: pb.Visit, items: Mapping[str, pb.AgendaItem]) -> dict[str, str]:
    """Return what people call the items, the rooms and everybody of a programme, by resource name."""
    titles = {item.name: item.title for item in items.values()}
    titles |= {each.name: each.function for each in delegation.list_delegates(visit.name)}
    titles |= {each.name: each.display_name for each in list_rooms(visit)}
    titles |= {each.name: each.display_name for each in list_venues(visit)}
    titles |= {each.name: each.function for each in list_people()}
    return titles


def _list_standing(
    run: runs_pb.ScheduleRun, items: Mapping[str, pb.AgendaItem], titles: Mapping[str, str]
) -> list[tuple[pb.AgendaItem, list[str]]]:
    """
    Return the items with a time that the planner did not touch, and what each lacks: fixed, or outside the hours that
    are planned. As long as there is no plan, only those that lack something.
    """
    planned = {each.agenda_item for each in run.plan.items} | {*run.plan.dropped}
    if run.state == runs_pb.ScheduleRun.STATE_APPLIED:
        return []
    lacks = defaultdict[str, list[str]](list)
    for each in run.plan.unmet:
        lacks[each.agenda_item].append(say_unmet(each, titles))
    return [
        (item, lacks[item.name])
        for item in items.values()
        if item.HasField("start_time") and (item.name in lacks or (run.plan.items and item.name not in planned))
    ]


def _changes_programme(plan: runs_pb.ProgrammePlan, items: Mapping[str, pb.AgendaItem]) -> bool:
    """Return whether the programme is another once a plan is accepted; what has no time yet may be left out of both."""
    left_out = (items.get(name, pb.AgendaItem()) for name in plan.dropped)
    return any(each.change != KEPT for each in plan.items) or any(item.HasField("start_time") for item in left_out)


def _count_changes(plan: runs_pb.ProgrammePlan) -> list[str]:
    """Return how many items a plan places, moves, keeps, leaves out, and leaves without what they ask for, in words."""
    count = [each.change for each in plan.items].count
    lacking = len({each.agenda_item for each in plan.unmet})
    told = [
        (count(PLACED), ngettext("%(num)s item gets a time", "%(num)s items get a time", count(PLACED))),
        (count(MOVED), ngettext("%(num)s item moves", "%(num)s items move", count(MOVED))),
        (count(KEPT), ngettext("%(num)s item stays", "%(num)s items stay", count(KEPT))),
        (len(plan.dropped), ngettext("%(num)s item is left out", "%(num)s items are left out", len(plan.dropped))),
        (lacking, ngettext("%(num)s item lacks something", "%(num)s items lack something", lacking)),
    ]
    return [words for number, words in told if number]
