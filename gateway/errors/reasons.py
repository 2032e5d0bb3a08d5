"""
What every reason means, in words for people: one table for refusals, one for fields.

The texts stand here in English, marked for translation; `gateway.errors.explanations` puts them into the reader's
language. Their placeholders are names of the metadata that come with a reason. ``docs/using/errors.md`` and the
description of the API list the same reasons; a test holds the tables against all that the source can raise.
"""


def N_(text: str) -> str:
    """Return a text as it is, and mark it for the catalogues."""
    return text


AWAY = N_("Your request could not be carried out just now.")
GONE = N_("This does not exist (any more).")
# Of a form whose value somebody chooses or has made by the page, rather than typing it.
CHOICE = N_("Please choose one of the entries.")
EXAMPLE = N_("This does not have the form that is needed here, for example: %(example)s.")

# Canonical code → reason of a refusal → what happened. What is wrong with fields stands in `FIELDS`.
REFUSALS: dict[str, dict[str, str]] = {
    "INVALID_ARGUMENT": {
        "INVALID_FIELD": N_("Something here cannot be taken as it is."),
        "VALUE_NOT_STORABLE": N_("It contains a character that cannot be stored."),
        "BAD_REQUEST": N_("The request is not well-formed."),
        "REQUEST_ENTITY_TOO_LARGE": N_("This is too large"),
        "UNSUPPORTED_MEDIA_TYPE": N_("The body of the request has to be JSON."),
    },
    "UNAUTHENTICATED": {
        "NOT_SIGNED_IN": N_("You are not signed in."),
        "MALFORMED_AUTHORIZATION": N_("The header Authorization has to be: Bearer, a space, and the token."),
        "TOKEN_NOT_VALID": N_("This token is not valid (any more)."),
        "WRONG_CREDENTIALS": N_("E-mail address or password is wrong."),
        "PASSWORD_CONFIRMATION_NEEDED": N_("Please sign in once more: the last time was too long ago for this."),
        "SESSION_ENDED": N_("Your session has ended. Please sign in again."),
        "INSTALLATION_UNKNOWN": N_("This installation is not registered here."),
        "SIGNATURE_NOT_VALID": N_(
            "The signature is not that of the installation, or not of what was sent to this hub."
        ),
        "SIGNATURE_EXPIRED": N_(
            "The time of the signature is too far off. Please compare the clocks of both installations."
        ),
        "SIGNATURE_REPLAYED": N_("This signature was used before."),
        "IDENTITY_MISSING": N_("A part of the platform was not told who is asking."),
        "IDENTITY_NOT_VALID": N_("A part of the platform does not accept who is asking."),
    },
    "PERMISSION_DENIED": {
        "INSTALLATION_REVOKED": N_("This installation may not publish here any more."),
        "LEARNING_OF_OTHER_INSTALLATION": N_("%(installation)s published this learning; it is changed there only."),
        "NOT_A_REPLICA": N_("Only the knowledge service itself may do this."),
        "ROLE_MISSING": N_("Your role is not allowed to do this."),
        "SESSION_NEEDED": N_("An access token cannot be used for this. Sign in."),
        "TOKEN_READ_ONLY": N_("This access token is for reading only."),
        "RESOURCE_NOT_VISIBLE": N_("You may not see this."),
        "NOT_DEPARTMENT_IN_CHARGE": N_("Only the department that is in charge of the visit may do this."),
        "NOT_IN_CHARGE_OF_DELEGATION": N_(
            "Only the department that is in charge of the visit and the city that travels may change the delegation."
        ),
        "NOT_DEPARTMENT_OF_PERSON": N_(
            "Only the department of a person and the international office see and change their calendars."
        ),
        "NOT_LEADING_DEPARTMENT": N_("Only the department that leads the exchange may do this."),
        "PUBLIC_BY_COORDINATORS_ONLY": N_("Only the international office makes a learning public."),
        "NOT_ON_PANEL": N_("You do not sit on the panel of this forum."),
        "INVITATION_NOT_ACCEPTED": N_("Accept the invitation before you write in this forum."),
        "INELIGIBLE": N_("The rule for panels does not allow this expert."),
        "REPLY_OF_OTHER_CITY": N_("You can say only for your own city which dates suit it."),
        "NOT_OWN_ACCOUNT": N_("You can look for your own places on panels only."),
        "NOT_OWN_PLACE": N_("This is somebody else's place on the panel."),
        "BEYOND_DECLARATION": N_("Experts change their own declaration of conflicts of interest only."),
        "NOT_OWNER_DEPARTMENT": N_("Another department is the owner of this recommendation."),
        "OWNER_BY_COORDINATORS_ONLY": N_("Only the international office names the owner of a recommendation."),
        "BEYOND_FOLLOW_UP": N_("A department changes the due date and the evidence only."),
        "VERIFIER_IS_OWNER": N_("A recommendation is verified by somebody other than its owner."),
        "VERIFIER_IS_IMPLEMENTER": N_("You reported this as implemented, so somebody else verifies it."),
        "NOT_IN_WORKING_GROUP": N_(
            "You can write here only for working groups that you belong to, and leave the others as they are."
        ),
        "VALIDATED_BY_AUTHOR": N_("A learning is validated by somebody other than its author."),
        "VALIDATED_BY_COORDINATORS_ONLY": N_("A learning is validated by the international office."),
        "LEARNING_OF_OTHERS": N_("This is for the department that recorded the learning or owns it."),
        "APPLICATION_OF_OTHERS": N_("Who recorded this, or the international office, can delete it."),
        "NOT_ABOUT_OWN_VISIT": N_("Please choose the visit of your city that it comes from."),
    },
    "NOT_FOUND": {
        "RESOURCE_NOT_FOUND": GONE,
        "NOT_FOUND": N_("There is nothing at this address."),
    },
    "UNIMPLEMENTED": {
        "METHOD_NOT_ALLOWED": N_("This address cannot be used like this"),
    },
    "ALREADY_EXISTS": {
        "NAME_TAKEN": N_("This short name is taken. Choose another one."),
        "EMAIL_TAKEN": N_("Another account has this e-mail address."),
        "CODE_TAKEN": N_("Something else under review here has this code."),
        "ACCOUNT_ON_PANEL": N_("This account sits on the panel already."),
        "NODE_OWNED": N_("Another working group reviews some of this already."),
        "DOUBLE_BOOKING": N_("A room or somebody is taken at that time."),
        "DELEGATE_TRAVELS_ALREADY": N_("Somebody travels with another delegation on these days."),
        "DELEGATE_NAMED_TWICE": N_("Somebody is part of this delegation already."),
        "DATE_OPTION_EXISTS": N_("These days are put to the cities already."),
        "SECOND_HEAD": N_("A delegation has one head."),
        "SOMETHING_IN_THE_WAY": N_("Something that is there already is in the way."),
    },
    "FAILED_PRECONDITION": {
        "NO_HUB": N_("This installation is no hub: it takes no publications."),
        "ILLEGAL_TRANSITION": N_("Somebody has moved this on meanwhile, or a step before this one is missing."),
        "VISIT_OVER": N_("This visit is over and cannot be changed any more."),
        "DATES_OPEN": N_("The dates of this visit are still open. Give it dates first."),
        "DATES_SETTLED": N_("The dates of this visit are settled. Postpone it first."),
        "TOO_MANY_DATE_OPTIONS": N_("A visit has no more than %(max_options)s candidate dates. Take some back first."),
        "VISIT_INCOMPLETE": N_("Something is still open that has to be known before a visit is agreed on."),
        "NEW_DATES_DUE": N_("The visit was postponed. Give it new days first."),
        "VISIT_DAYS_OVER": N_("The days of this visit are over."),
        "VISIT_TOO_LONG_TO_PLAN": N_("A visit of more than %(max_days)s days cannot be planned as a whole."),
        "NOTHING_TO_PLACE": N_("The programme has no item that the planner could place."),
        "RUN_UNDER_WAY": N_("This programme is being planned already. Wait for that, or stop it."),
        "PROGRAMME_EMPTY": N_("The programme has no item that could be copied."),
        "PROGRAMME_TOO_LONG": N_("The programme has %(items)s items; no more than %(max_items)s can be copied."),
        "NO_PLAN_TO_APPLY": N_("There is no plan yet that could be accepted."),
        "PLAN_OUT_OF_DATE": N_("The times of this plan have passed. Plan again."),
        "PROGRAMME_CHANGED": N_("The programme has changed since it was planned. Plan it again."),
        "PERSON_ABSENT": N_("Somebody is away at that time."),
        "AGENDA_OUTSIDE_DATES": N_("Items of the programme would lie outside the new days."),
        "NO_HOME_CITY": N_("The home city has to be entered first: %(city)s."),
        "NOT_AN_IDEA": N_("This visit is more than an idea. Cancel it instead."),
        "KIND_NEEDS_APPROVAL": N_("The council decides on that kind of partnership: end the contact and propose it."),
        "NOT_IN_PREPARATION": N_("This partnership is not in preparation any more. End it instead."),
        "HOME_CITY": N_("The home city cannot be deleted."),
        "RESOURCE_IN_USE": N_("Something else still refers to it."),
        "GUEST_CITY_HAS_DELEGATES": N_(
            "%(city_title)s still has a delegation on this visit. Please remove its delegates first."
        ),
        "FORUM_OVER": N_("The forum has ended. Experts write until its last day."),
        "ANSWER_CORRECTED_TOO_OFTEN": N_("The answer was corrected %(corrections)s times already."),
        "ADOPTED": N_("It is adopted; its text never changes again."),
        "VERIFIED": N_("It is verified and does not change any more."),
        "INELIGIBLE": N_("The rule for panels does not allow this expert."),
        "IN_USE": N_("Something else in the forum still refers to it."),
        "COMMITMENT_FULFILLED": N_("Something else under review fulfils this commitment; it has to stay one."),
        "REFERENCE_GONE": N_("Something that this refers to was deleted meanwhile."),
        "REFERENCE_BROKEN": N_("Something that this refers to is missing, or something still refers to it."),
        "INDEX_DATABASE_DIFFERS": N_("The search index there belongs to another database."),
        "INDEX_FORMAT_DIFFERS": N_("The search index there has another format."),
        "SUCCESSOR_SET_ASIDE": N_("This learning is itself set aside and cannot replace another."),
        "PASSWORD_NOT_CHOSEN": N_("The password was made up for the account. Sign in here and choose one of your own."),
        "FIRST_PASSWORD_EXPIRED": N_(
            "This first password is no longer valid. Please ask an administrator for a new one."
        ),
        "OWN_ACCOUNT": N_(
            "You cannot lock your own account or take the role of an administrator from it; another one can."
        ),
        "TOO_MANY_CALENDARS": N_("This person has %(max)s calendars already. Remove one first."),
        "TOO_MANY_ACCESS_TOKENS": N_(
            "You have %(max_tokens)s access tokens and calendar addresses already. Revoke one first."
        ),
    },
    "ABORTED": {
        "ETAG_MISMATCH": N_("Somebody changed this while you were working on it."),
        "CONCURRENT_CHANGE": N_("Somebody else changed something at the same moment. Please try again."),
    },
    "RESOURCE_EXHAUSTED": {
        "TOO_MANY_ATTEMPTS": N_("Too many attempts. Please try again later."),
        "INSTALLATION_FULL": N_("This installation may publish %(max_learnings)s learnings here at most."),
        "PLANNER_BUSY": N_("Several programmes are being planned just now. Please try again in a moment."),
    },
    "UNAVAILABLE": {
        "SIGN_IN_BUSY": N_("Very many people are signing in just now. Please try again in a moment."),
        "SERVICE_AWAY": AWAY,
        "SERVICE_BUSY": N_("The platform is very busy just now. Please try again in a moment."),
        "DATABASE_AWAY": AWAY,
        "DATABASE_READ_ONLY": N_(
            "Nothing can be saved just now, because the database takes no changes. Please try again in a minute."
        ),
        "DATABASE_DISK_FULL": N_(
            "Nothing can be saved just now, because the disk of the database is full. "
            "Please tell those who run this platform."
        ),
        "ACCOUNTS_AWAY": AWAY,
        "EXCHANGE_AWAY": N_("Whether the city is a partner cannot be looked up just now."),
        "VISIT_UNCERTAIN": N_("Whether there is such a visit cannot be looked up just now."),
        "CITY_DAY_UNCERTAIN": N_("What day it is in the city under review cannot be looked up just now."),
        "SOURCE_UNCERTAIN": N_("Whether what it comes from exists cannot be looked up just now."),
        "INDEX_DISK_FULL": N_("The search takes up nothing new at the moment, because its disk is full."),
        "INDEX_FAILED": N_("The search does not work at the moment; its disk may be full."),
        "INDEX_NOT_READY": N_("The search is being prepared."),
    },
    "DEADLINE_EXCEEDED": {
        "TOO_SLOW": N_("It took too long."),
    },
    "INTERNAL": {
        "DEFECT": N_("The log of the platform says what it was."),
        "CALL_FAILED": N_("A part of the platform did not take the request."),
    },
}

# Reason of what is wrong with a field → what to do about it. Those in small letters are rules of the contract.
FIELDS: dict[str, str] = {
    "required": N_("Please fill this in."),
    "string.max_len": N_("Please write no more than %(max_len)s characters."),
    "string.pattern": N_("This does not have the form that is needed here."),
    "string.uuid": N_("This does not have the form that is needed here."),
    "int32.gte": N_("Please give a number that is not below %(gte)s."),
    "int32.gte_lte": N_("Please give a number from %(gte)s to %(lte)s."),
    "double.gte_lte": N_("Please give a number from %(gte)s to %(lte)s."),
    "enum.defined_only": CHOICE,
    "enum.not_in": CHOICE,
    "repeated.max_items": N_("Please give no more than %(max_items)s entries."),
    "repeated.unique": N_("Please give each entry only once."),
    "date.complete": N_("Please give a date as day, month and year."),
    "interpretation_languages.pair": N_("Please name both languages, or none."),
    # Forms of the contract's patterns.
    "CITY_MALFORMED": EXAMPLE,
    "PARTNERSHIP_MALFORMED": EXAMPLE,
    "EXCHANGE_MALFORMED": EXAMPLE,
    "ROOM_MALFORMED": EXAMPLE,
    "VISIT_MALFORMED": EXAMPLE,
    "VENUE_MALFORMED": EXAMPLE,
    "PARTICIPANT_MALFORMED": EXAMPLE,
    "DELEGATE_MALFORMED": EXAMPLE,
    "PERSON_MALFORMED": EXAMPLE,
    "SUBJECT_NODE_MALFORMED": EXAMPLE,
    "PANELIST_MALFORMED": EXAMPLE,
    "WORKING_GROUP_MALFORMED": EXAMPLE,
    "CONCLUSION_MALFORMED": EXAMPLE,
    "LEARNING_MALFORMED": EXAMPLE,
    "SOURCE_MALFORMED": EXAMPLE,
    "PROGRAMME_SOURCE_MALFORMED": CHOICE,
    "AUTHOR_MALFORMED": EXAMPLE,
    "NAME_MALFORMED": EXAMPLE,
    "COUNTRY_MALFORMED": EXAMPLE,
    "SUBDIVISION_MALFORMED": EXAMPLE,
    "SDG_TARGET_MALFORMED": EXAMPLE,
    "ACCOUNT_MALFORMED": N_("Please give the e-mail address with which the person signs in."),
    "EMAIL_MALFORMED": N_("Please give an e-mail address, for example: %(example)s."),
    "ID_MALFORMED": N_("Please use small letters from a to z, digits and hyphens only, for example: %(example)s."),
    "WEB_ADDRESS_MALFORMED": EXAMPLE,
    "PUBLIC_KEY_NOT_VALID": N_("Please give a public Ed25519 key in PEM; it begins with -----BEGIN PUBLIC KEY-----."),
    "CONTENT_MALFORMED": N_("This has to be JSON with at most %(max_items)s publications."),
    "PUBLICATION_MALFORMED": N_("This is no publication of a learning."),
    "VERSION_OLDER": N_("A newer version of this learning is known here."),
    "NOT_PROVEN": N_("Only learnings that are validated or embedded are published."),
    "LANGUAGE_MALFORMED": N_("This language is not known. Please give its name, for example: Polish."),
    "LANGUAGE_PAIR_MALFORMED": N_("Please give the names of two languages, for example: Arabic–German."),
    "CALENDAR_URL_MALFORMED": N_("Please give the address of a calendar, for example: %(example)s."),
    "TOPIC_MALFORMED": N_("A topic is a few words of letters and digits, for example: water supply."),
    # What is typed into a form, or sent as JSON.
    "CHANGED_TWICE": N_("%(updater)s changed this as well. Keep what you typed, or take the other."),
    "CHANGED_BEFORE_REMOVAL": N_("%(updater)s changed this meanwhile. Save again if it is to be removed all the same."),
    "ENTRY_REMOVED": N_("Somebody removed this meanwhile. Save again to add it anew, or empty the row."),
    "NOTHING_TICKED": N_("Please tick the rows that this is for."),
    "DAY_MISSING": N_("Please choose the day as well."),
    "NOT_A_TIME_OF_DAY": N_("Please give a time of day, for example: 9:30."),
    "NO_ROW_ABOVE": N_("There is no item above this one."),
    "ORDER_TOO_WIDE": N_(
        "It would come directly after %(count)s items, and %(most)s are possible. Put some of these in an order first."
    ),
    "NOT_A_DATE": N_("Please give a date as day, month and year."),
    "NOT_A_LOCAL_TIME": N_("Please give a date and a time."),
    "LOCAL_TIME_SKIPPED": N_("This time does not exist: the clocks go forward on that day."),
    "NOT_A_WHOLE_NUMBER": N_("Please give a whole number."),
    "NOT_A_NUMBER": N_("Please give a number."),
    "NOT_A_DECIMAL": N_("Please give a number, for example: %(example)s."),
    "NUMBER_OUT_OF_RANGE": N_("Please give a number from %(low)s to %(high)s."),
    "LANGUAGE_UNKNOWN": N_("This is no language that is known here. Please choose one from the list."),
    "CHOICE_UNKNOWN": CHOICE,
    "NUL_CHARACTER": N_("It contains a character that cannot be stored."),
    "VALUE_NOT_STORABLE": N_("It contains a character that cannot be stored."),
    "NOT_A_TEXT": N_("This has to be a text."),
    "NOT_A_BOOLEAN": N_("This has to be true or false."),
    "NOT_A_LIST": N_("This has to be a list."),
    "NOT_AN_OBJECT": N_("This has to be an object with fields."),
    "NOT_AN_INSTANT": EXAMPLE,
    "NOT_A_DURATION": EXAMPLE,
    "NOT_A_FIELD_MASK": N_("These have to be names of fields, separated by commas."),
    "NOT_BASE64": N_("This has to be in base64."),
    "NOT_WELL_FORMED": N_("This is not well-formed."),
    "NOT_UTF_8": N_("The body of the request is not in UTF-8."),
    "NOT_JSON": N_("The body of the request is not JSON."),
    "NESTED_TOO_DEEPLY": N_("The body of the request is nested too deeply."),
    "NOT_ONE_PARAMETER": N_("This is given by several parameters, one for each part."),
    "PARAMETER_REPEATED": N_("This can be given only once."),
    "FIELD_REPEATED": N_("This is given twice."),
    "FIELD_UNKNOWN": N_("There is no such field."),
    "FIELD_NOT_CHANGEABLE": N_("This cannot be changed: %(path)s."),
    "ALTERNATIVE_GIVEN": N_("Only one of these can be given."),
    "REQUEST_ID_REUSED": N_(
        "This form was sent before with different content. Open it anew from the list to create another entry."
    ),
    # Lists.
    "PAGE_SIZE_NEGATIVE": N_("Please give a number that is not below 0."),
    "PAGE_TOKEN_MALFORMED": N_("This page of the list does not exist (any more)."),
    "PAGE_TOKEN_OF_OTHER_LIST": N_("This page belongs to another list."),
    "ORDER_UNKNOWN": N_("The list cannot be ordered like this; possible is: %(allowed)s."),
    # Days and times.
    "NO_SUCH_DAY": N_("There is no such day."),
    "NO_SUCH_INSTANT": N_("There is no such time."),
    "YEAR_OUT_OF_RANGE": N_("The year has to lie between %(low)s and %(high)s."),
    "EARLY_NOT_CONFIRMED": N_("Please confirm this, or come back when the visit is over."),
    "DAY_PASSED": N_("This day has passed. Please choose one that is still to come."),
    "OUTCOME_BEFORE_DAY": N_(
        "This day is still to come. Please give the day on which it was applied, or leave open whether it helped."
    ),
    "LAST_DAY_BEFORE_FIRST": N_("The last day is before the first."),
    # What does not exist, or is not of here.
    "REFERENCE_NOT_FOUND": GONE,
    "NOT_IN_FORUM": GONE,
    "NOT_IN_DELEGATION": N_("This is no member of this delegation."),
    "NOT_IN_PROGRAMME": N_("This is no item of this programme."),
    "SOURCE_IS_TARGET": N_("This is the visit itself. Please choose another one."),
    "CITY_TAKES_NO_PART": N_("This city takes no part in the visit."),
    "NOT_A_GUEST_CITY": N_("This city is no guest of the visit."),
    "CITY_TAKES_PART_ALREADY": N_("%(city_title)s takes part already: as the host, or as the city of the exchange."),
    "NOT_OF_VISIT": N_("Somebody here belongs neither to the hosts nor to this delegation."),
    # Cities, partnerships, visits.
    "TIME_ZONE_UNKNOWN": N_("This time zone is not known. Please choose one from the list."),
    "COORDINATE_OUT_OF_RANGE": N_("Please give a number from %(low)s to %(high)s."),
    "CITY_IS_HOME": N_("This is the home city. Please choose another one."),
    "VISIT_TOO_LONG": N_("A visit lasts no longer than %(max_days)s days."),
    "HOST_NOT_NAMED": N_("%(city)s travels: please name the department of the other city that hosts."),
    "END_NOT_AFTER_START": N_("The end is not after the beginning."),
    "AGENDA_ITEM_TOO_LONG": N_("An item lasts no longer than 24 hours."),
    "TIME_WITHOUT_DATES": N_("The dates of the visit are still open. Until then an item has no time, only a duration."),
    "OUTSIDE_VISIT_DATES": N_("This lies outside the days of the visit."),
    "ROOM_NOT_AT_HOST": N_("%(room_title)s is not in the city that hosts the visit."),
    "ROOM_NAMED_TWICE": N_("%(room_title)s is the room of this item already."),
    "VENUE_NOT_AT_HOST": N_("%(venue_title)s is not in the city that hosts the visit."),
    "VENUE_OF_ROOM": N_("%(room_title)s is not there. Choose another room, or leave the venue to the room."),
    "VENUE_NOT_IN_CITY": N_("%(venue_title)s is no other venue of this city."),
    "WAY_REPEATED": N_("The way to this venue is given twice."),
    "INTERPRETER_LANGUAGES": N_("Nobody who is booked speaks both languages: %(people)s."),
    "INTERPRETER_PAIR": N_("%(person_title)s is no interpreter between these languages."),
    "LANGUAGE_PAIR_OF_ONE": N_("This pair names one language twice."),
    "END_WITHOUT_START": N_("Please say when it begins, or leave the end empty as well."),
    "DURATION_OTHER_THAN_TIMES": N_("This is not the time from beginning to end. Please leave one of them empty."),
    "NO_DAY_TO_PLAN": N_("At least one day that is still to come has to be planned."),
    "NAMED_TWICE": N_("This is chosen twice."),
    "PRECEDENCE_CYCLE": N_("“%(agenda_item_title)s” comes after this item, and cannot come before it as well."),
    "DATES_UNCHANGED": N_("These are the days that the visit has now."),
    "DEBRIEF_TOO_LARGE": N_("The debrief is too long as a whole. Please shorten some of its texts."),
    # Programmes that are planned.
    "UNKNOWN_ID": N_("There is no %(id)s."),
    "ID_REPEATED": N_("There is more than one %(id)s."),
    "NOT_IDS": N_("This has to be a list of ids."),
    "TIME_MALFORMED": EXAMPLE,
    "SPAN_REVERSED": N_("The end is before the beginning."),
    "SPAN_TOO_LONG": N_("The end is more than %(max_days)s days after the beginning."),
    "CALENDAR_LINE_UNREADABLE": N_("Line %(line)s of the calendar cannot be read: %(text)s"),
    "CALENDAR_INCOMPLETE": N_("The calendar is not complete: look at line %(line)s."),
    "CALENDAR_ZONE_UNKNOWN": N_("Line %(line)s of the calendar names a time zone that is not known: %(text)s"),
    "CALENDAR_END_BEFORE_START": N_("Line %(line)s of the calendar: this ends before it begins."),
    "CALENDAR_TOO_LARGE": N_("It takes too long to read this calendar. Please export fewer years of it."),
    "CALENDAR_TOO_FREQUENT": N_("Line %(line)s of the calendar: this repeats several times a day."),
    "CALENDAR_OF_TWO_SOURCES": N_("Please give either an address or a file."),
    "CALENDAR_SCHEME_FORBIDDEN": N_("The address has to begin with https:// or webcal://."),
    "DAYS_OVERLAP": N_("Two days overlap."),
    # Forums.
    "EXPERT_CITY_REQUIRED": N_("Please fill this in: only a national expert comes from no city."),
    "NOT_AN_EXPERTS_EMAIL": N_("No expert signs in with this e-mail address."),
    "NOT_A_COMMITMENT": N_("Only commitments can be fulfilled."),
    "OWN_ANCESTOR": N_("It cannot lie below itself."),
    "WORKING_GROUP_REQUIRED": N_("Please choose your working group."),
    "DUE_DATE_REQUIRED": N_("Please give the day by which it is done."),
    "EVIDENCE_REQUIRED": N_("Please say what shows that it is done."),
    # Learnings.
    "SOURCE_NOT_FOUND": GONE,
    "OWN_SUCCESSOR": N_("A learning is replaced by another one."),
    # Accounts.
    "EMAIL_TAKEN": N_("Another account has this e-mail address."),
    "WRONG_PASSWORD": N_("This is not your present password."),
    "PASSWORD_MADE_UP": N_("Please choose another one: this is the password that was made up for you."),
    "PASSWORD_TOO_SHORT": N_("Please choose at least %(min_length)s characters."),
    "PASSWORD_TOO_LONG": N_("Please choose at most %(max_length)s characters."),
    "PASSWORD_TOO_COMMON": N_(
        "Please choose another one: this is among the first that others would try. Several words are good."
    ),
    "PASSWORD_OF_OWN_WORDS": N_(
        "Please choose another one, not made of your name, your address, your city or this platform's name."
    ),
    "EXPIRY_OUT_OF_RANGE": N_("Please choose a time within the next %(max_days)s days."),
}
