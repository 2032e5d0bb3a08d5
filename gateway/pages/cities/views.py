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
from gateway.pages.deletion import delete_after_asking
from gateway.vocabulary import cities
from gateway.vocabulary.slugs import slugified
from gateway.web import list_filters
from gateway.web.links import href

blueprint = Blueprint("cities", __name__, url_prefix="/cities")

COORDINATES = ("city.location.latitude", "city.location.longitude")
MAX_ID = 60


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    permissions.require(*permissions.ADMINISTERING)
    answer = rpc.cities.ListCities(pb.ListCitiesRequest(**list_filters.page()))
    missing = may("CityService.CreateCity") and not _home_city_exists()
    return render_template("cities/list.html", answer=answer, home=_home(), home_is_missing=missing)


@blueprint.route("/new", methods=["GET", "POST"])
@sign_in_required
def create() -> ResponseReturnValue:
    permissions.require("CityService.CreateCity")
    form = Form(_beginning())
    if form.submitted:
        form.values["city_id"] = form["city_id"] or slugified(form["city.display_name"])[:MAX_ID].strip("-")
        _write_codes_in_capitals(form)
        with form.keeping_what_was_typed():
            _require_both_coordinates(form)
            city = rpc.cities.CreateCity(form.message(pb.CreateCityRequest))
            cities.forget()
            flash(_("“%(name)s” is entered.", name=city.display_name), "success")
            return redirect(href(city.name), 303)
    return _form_page(form, None)


@blueprint.get("/<city_id>")
@sign_in_required
def show(city_id: str) -> ResponseReturnValue:
    city = rpc.cities.GetCity(pb.GetCityRequest(name=f"cities/{city_id}"))
    partnerships = None
    if city.name != _home() and may("PartnershipService.ListPartnerships"):
        wanted = pb.ListPartnershipsRequest(city=city.name, page_size=1000)
        partnerships = rpc.partnerships.ListPartnerships(wanted).partnerships
    weekdays = [
        name for day, name in countries_and_zones.weekdays() if day in Form({"city": city}).all("city.working_week")
    ]
    return render_template(
        "cities/show.html",
        city=city,
        coordinates=formats.coordinates(city.location) if city.HasField("location") else "",
        home=_home(),
        partnerships=partnerships,
        working_week=weekdays,
        deletable=may("CityService.DeleteCity") and city.name != _home() and not partnerships,
    )


@blueprint.route("/<city_id>/edit", methods=["GET", "POST"])
@sign_in_required
def edit(city_id: str) -> ResponseReturnValue:
    permissions.require("CityService.UpdateCity")
    city = rpc.cities.GetCity(pb.GetCityRequest(name=f"cities/{city_id}"))
    form = Form({"city": city})
    if form.submitted:
        _write_codes_in_capitals(form)
        with form.keeping_what_was_typed():
            _require_both_coordinates(form)
            saved = form.save(rpc.cities.UpdateCity, pb.UpdateCityRequest, "city")
            cities.forget()
            flash(_("“%(title)s” is saved.", title=saved.display_name), "success")
            return redirect(href(city.name), 303)
    return _form_page(form, city)


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
    cities.forget()


def _form_page(form: Form, city: pb.City | None) -> ResponseReturnValue:
    page = render_template(
        "cities/form.html",
        form=form,
        city=city,
        countries=countries_and_zones.countries(),
        decimal=formats.decimal,
        time_zones=countries_and_zones.time_zones(),
        weekdays=countries_and_zones.weekdays(),
    )
    return page, form.status


def _home() -> str:
    """Return the resource name of the home city, as the platform is set up for it."""
    return str(current_app.config["HOME_CITY"])


def _home_city_exists() -> bool:
    try:
        rpc.cities.GetCity(pb.GetCityRequest(name=_home()))
    except NotFound:
        return False
    return True


def _beginning() -> dict[str, str]:
    """Return what the form of a new city begins with: for the home city, what the platform is set up for."""
    if request.args.get("city") != _home():
        return {}
    return {"city_id": _home().removeprefix("cities/"), "city.time_zone": current_app.config["HOME_TIME_ZONE"]}


def _require_both_coordinates(form: Form) -> None:
    """
    Raise unless both coordinates are typed, or none: the contract would take a missing one for 0.

    Raises:
        FieldRequired: One is missing.
    """
    missing = [path for path in COORDINATES if not form[path]]
    if len(missing) == 1:
        raise FieldRequired(missing[0])


def _write_codes_in_capitals(form: Form) -> None:
    """Let codes be typed in small letters."""
    for path in ("city.subdivision_code", "city.holiday_calendar"):
        if path in form.values:
            form.values[path] = form[path].upper()
