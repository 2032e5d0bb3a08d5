"""What is answered while the accounts database is away."""

import structlog
from flask import Flask
from psycopg import OperationalError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.wrappers import Response

from chassis.errors import Unavailable

log = structlog.get_logger()


def init_app(app: Flask) -> None:
    """Make an app say that its accounts are away, where they are."""
    app.register_error_handler(DBAPIError, answer)
    app.register_error_handler(PoolTimeout, answer)


def answer(error: DBAPIError | PoolTimeout) -> Response:
    """Answer an error of the database: that it is away, or that this is a defect of ours."""
    from gateway import errors

    if not is_outage(error):
        return errors.defect(error)
    log.error("accounts database unavailable", error=str(error))
    return errors.refusal(Unavailable("The accounts cannot be read just now; try again in a moment."))


def is_outage(error: DBAPIError | PoolTimeout) -> bool:
    """Return whether the database is away, rather than refusing what it is told."""
    if isinstance(error, PoolTimeout):
        return True
    return error.connection_invalidated or isinstance(error.orig, OperationalError)
