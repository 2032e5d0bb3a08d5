"""
The REST form of every RPC, under ``/api``: paths, parameters and bodies as the contract's ``google.api.http`` says.

Nothing here knows an RPC by name: an RPC added to the contract has its endpoint and its documentation.
"""

from flask import Blueprint, Flask

from gateway.rest import reference, transcoding
from gateway.rest.endpoints import Segment

PREFIX = "/api"


def init_app(app: Flask) -> Blueprint:
    """
    Mount the API and its description in an app.

    Returns:
        The blueprint. It needs no CSRF protection, because it never looks at a cookie.
    """
    app.url_map.converters["segment"] = Segment
    blueprint = Blueprint("rest", __name__)
    routes = transcoding.routes()
    for route in routes:
        blueprint.add_url_rule(
            route.endpoint.rule,
            endpoint=f"{route.endpoint.method.containing_service.name}_{route.endpoint.method.name}",
            view_func=route,
            methods=[route.endpoint.verb],
        )
    reference.init_blueprint(blueprint, [route.endpoint for route in routes], PREFIX)
    app.register_blueprint(blueprint, url_prefix=PREFIX)
    return blueprint
