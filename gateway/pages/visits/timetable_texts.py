"""What the timetable says in a browser, in the reader's language; `%(…)s` is put in there."""

from flask_babel import gettext as _


def list_texts(other_city: str) -> dict[str, str]:
    """Return the texts of the timetable's script by their keys; the clock of `other_city` is shown as well."""
    return {
        "other_clock": _("%(time)s in %(city)s", time="%(time)s", city=other_city),
        "shifts": _("The difference to the time in %(city)s changes during these days; each item shows both.",
                    city=other_city),
        "no_room": _("No room"),
        "others": _("Others"),
        "free": _("free"),
        "alternatives": _("Free instead:"),
        "dismiss": _("Dismiss"),
        "clash": _("Clashes with “%(title)s”, %(time)s: %(resources)s."),
        "no_clash": _("Nothing clashes."),
        "fixed": _("fixed"),
        "is_fixed": _("Its time and place are fixed."),
        "too_early": _("It is not to begin before %(when)s."),
        "too_late": _("It is to be over by %(when)s."),
        "closed": _("%(title)s then."),
        "before_other": _("“%(title)s” is to be over before it begins."),
        "after_other": _("It is to be over before “%(title)s” begins."),
        "picked_up": _(
            "“%(title)s” is picked up: %(when)s. Click a time, or use the arrow keys: they move it by 15 minutes or a"
            " day, with Shift they change how long it takes. Page Up and Page Down choose its room. Enter puts it down,"
            " Escape puts it back."
        ),
        "put_back": _("“%(title)s” is back where it was."),
        "saved": _("“%(title)s”: %(when)s. Saved."),
        "taken_out": _("“%(title)s” has no time any more."),
        "undone": _("Undone. “%(title)s”: %(when)s."),
        "gone": _("“%(title)s” was removed meanwhile: moving it can no longer be undone."),
        "without_time": _("without a time"),
        "refused": _("“%(title)s” stays where it was: %(reason)s"),
        "changed": _("%(updater)s has changed “%(title)s”: %(when)s."),
        "added": _("%(updater)s has added “%(title)s”: %(when)s."),
        "removed": _("“%(title)s” was removed from the programme."),
        "not_saved": _("The change could not be saved. It is put back; please try again in a moment."),
        "signed_out": _("You are no longer signed in. Load the page again to sign in; nothing is lost."),
        "days": _("%(first)s – %(last)s"),
    }  # fmt: skip
