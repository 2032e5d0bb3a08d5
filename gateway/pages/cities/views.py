"""Pages of cities: the home city, and those that it works with."""

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from chassis.errors import FieldRequired, NotFound
from gateway import rpc
from gateway.auth import permissions
from gateway.auth.permissions import may
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.i18n import countries_and_zones, formats
from gateway.pages.cities.exports import CITIES
from gateway.pages.deletion import delete_after_asking
from gateway.vocabulary import cities
from gateway.vocabulary.slugs import slugify
from gateway.web import exports, list_filters
from gateway.web.links import href

blueprint = Blueprint("cities", __name__, url_prefix="/cities")

COORDINATES = ("city.location.latitude", "city.location.longitude")
MAX_ID = 60


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    permissions.require(*permissions.ADMINISTRATION_RPCS)
    wanted = pb.ListCitiesRequest(**list_filters.read_paging())
    if exports.is_wanted():
        return exports.send_list(CITIES, rpc.cities.ListCities, wanted)
    answer = rpc.cities.ListCities(wanted)
    missing = may("CityService.CreateCity") and not _home_city_exists()
    return render_template("cities/list.html", answer=answer, home=_get_home_city(), home_is_missing=missing)


@blueprint.route("/new", methods=["GET", "POST"])
@sign_in_required
def create() -> ResponseReturnValue:
    permissions.require("CityService.CreateCity")
    form = Form(_get_initial_fields())
    if form.submitted:
        _write_codes_in_capitals(form)
        with form.catch_refusal():
            _require_both_coordinates(form)
            wanted = form.build_request(pb.CreateCityRequest)
            wanted.city_id = wanted.city_id or slugify(wanted.city.display_name)[:MAX_ID].strip("-")
            city = rpc.cities.CreateCity(wanted)
            cities.forget_cities()
            flash(_("“%(name)s” is entered.", name=city.display_name), "success")
            return redirect(href(city.name), 303)
    return _render_form(form, None)


@blueprint.get("/<city_id>")
@sign_in_required
def show(city_id: str) -> ResponseReturnValue:
    city = rpc.cities.GetCity(pb.GetCityRequest(name=f"cities/{city_id}"))
    partnerships = None
    if city.name != _get_home_city() and may("PartnershipService.ListPartnerships"):
        wanted = pb.ListPartnershipsRequest(city=city.name, page_size=1000)
        partnerships = rpc.partnerships.ListPartnerships(wanted).partnerships
    weekdays = [
        name
        for day, name in countries_and_zones.list_weekdays()
        if day in Form({"city": city}).get_all("city.working_week")
    ]
    return render_template(
        "cities/show.html",
        city=city,
        coordinates=formats.format_coordinates(city.location) if city.HasField("location") else "",
        home=_get_home_city(),
        partnerships=partnerships,
        working_week=weekdays,
        deletable=may("CityService.DeleteCity") and city.name != _get_home_city() and not partnerships,
    )


@blueprint.route("/<city_id>/edit", methods=["GET", "POST"])
@sign_in_required
def edit(city_id: str) -> ResponseReturnValue:
    permissions.require("CityService.UpdateCity")
    city = rpc.cities.GetCity(pb.GetCityRequest(name=f"cities/{city_id}"))
    form = Form({"city": city})
    if form.submitted:
        _write_codes_in_capitals(form)
        with form.catch_refusal():
            _require_both_coordinates(form)
            saved = form.save(rpc.cities.UpdateCity, pb.UpdateCityRequest, "city")
            cities.forget_cities()
            flash(_("“%(title)s” is saved.", title=saved.display_name), "success")
            return redirect(href(city.name), 303)
    return _render_form(form, city)


@blueprint.route("/<city_id>/delete", methods=["GET", "POST"])
@sign_in_required
def delete(city_id: str) -> ResponseReturnValue:
    permissions.require("CityService.DeleteCity")
    city = rpc.cities.GetCity(pb.GetCityRequest(name=f"cities/{city_id}"))
    return delete_after_asking(
        city,
        _delete,
        pb.DeleteCityRequest,
        question=_("Delete “%(title)s”?", title=city.display_name),
        consequence=_(
            "The city is deleted for good. Experts and learnings that name it stay, and are shown without it. That "
            "works only while it has no partnership."
        ),
        done=_("“%(title)s” is deleted.", title=city.display_name),
        then=url_for("cities.index"),
        above=[(url_for("cities.index"), _("Cities")), (href(city.name), city.display_name)],
    )


def _delete(request: pb.DeleteCityRequest) -> None:
    """Delete a city, and no longer offer it."""
    rpc.cities.DeleteCity(request)
    cities.forget_cities()


def _render_form(form: Form, city: pb.City | None) -> ResponseReturnValue:
    page = render_template(
        "cities/form.html",
        form=form,
        city=city,
        countries=countries_and_zones.list_countries(),
        decimal=formats.format_decimal,
        time_zones=countries_and_zones.list_time_zones(),
        weekdays=countries_and_zones.list_weekdays(),
    )
    return page, form.status


def _get_home_city() -> str:
    """Return the resource name of the home city, as the platform is set up for it."""
    return str(current_app.config["HOME_CITY"])


def _home_city_exists() -> bool:
    try:
        rpc.cities.GetCity(pb.GetCityRequest(name=_get_home_city()))
    except NotFound:
        return False
    return True


def _get_initial_fields() -> dict[str, str]:
    """Return what the form of a new city begins with: for the home city, what the platform is set up for."""
    if request.args.get("city") != _get_home_city():
        return {}
    return {"city_id": _get_home_city().removeprefix("cities/"), "city.time_zone": current_app.config["HOME_TIME_ZONE"]}


def _require_both_coordinates(form: Form) -> None:
    """
    Raise unless both coordinates are typed, or none: the contract would take a missing one for 0.

    Raises:
        FieldRequired: One of the two is missing.
    """
    missing = [path for path in COORDINATES if not form[path]]
    if len(missing) == 1:
        raise FieldRequired(missing[0])


def _write_codes_in_capitals(form: Form) -> None:
    """Let codes be typed in small letters."""
    for path in ("city.subdivision_code", "city.holiday_calendar"):
        if path in form.values:
            form.values[path] = form[path].upper()
