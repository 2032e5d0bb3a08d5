"""
The baselines: the least that a page or an endpoint of this shape can be, on the same machine in the same run.

``python -m tests.bench.baseline MESSAGE_FILE ADDRESS`` serves the gRPC side; ``tests.bench.baseline:app`` is the Flask
side, under the same gunicorn settings as the gateway. The message is an answer of the real service, so the baseline
carries the same rows.

- ``/message``: Flask → gRPC echo of the message → protobuf's own JSON.
- ``/bytes``: Flask → gRPC echo of the same JSON as bytes: nothing but the two hops.
- ``/page``: Flask → gRPC → one SQL statement for as many rows → a bare Jinja table.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import grpc
import uvloop
from austausch.exchange.v1 import exchange_pb2
from flask import Flask, Response, jsonify, render_template_string
from google.protobuf import json_format, wrappers_pb2

from chassis.client import OPTIONS

PAGE = """<!doctype html><title>Visits</title><table>{% for visit in visits %}
<tr><td><a href="/visits/{{ visit.name }}">{{ visit.title }}</a></td><td>{{ visit.host_department }}</td>
<td>{{ visit.start_date.year }}-{{ visit.start_date.month }}-{{ visit.start_date.day }}</td></tr>{% endfor %}</table>"""


async def serve(message: exchange_pb2.ListVisitsResponse, address: str) -> None:
    """Serve the echo of a message."""
    from chassis.database import Database

    text = json_format.MessageToJson(message, indent=None).encode()
    database = Database(os.environ["EXCHANGE_DATABASE_URL"])

    async def echo_message(_request: Any, _context: Any) -> Any:
        return message

    async def echo_bytes(_request: Any, _context: Any) -> Any:
        return wrappers_pb2.BytesValue(value=text)

    async def rows(_request: Any, _context: Any) -> Any:
        from sqlalchemy import text as sql

        statement = sql("SELECT id, title, host_department, start_date FROM visits ORDER BY start_date DESC LIMIT 50")
        answer = exchange_pb2.ListVisitsResponse()
        async with database.engine.connect() as connection:
            for row in await connection.execute(statement):
                visit = answer.visits.add(name=row.id, title=row.title, host_department=row.host_department)
                visit.start_date.year, visit.start_date.month = row.start_date.year, row.start_date.month
                visit.start_date.day = row.start_date.day
        return answer

    server = grpc.aio.server()
    methods = {
        name: grpc.unary_unary_rpc_method_handler(
            method,
            request_deserializer=exchange_pb2.ListVisitsRequest.FromString,
            response_serializer=lambda answer: answer.SerializeToString(),
        )
        for name, method in {"Message": echo_message, "Bytes": echo_bytes, "Rows": rows}.items()
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("baseline.Echo", methods)])
    server.add_insecure_port(address)
    await server.start()
    await asyncio.Event().wait()


def _app() -> Flask:
    app = Flask(__name__)
    calls: dict[str, Any] = {}

    def call(name: str, kind: Any) -> Any:
        if name not in calls:
            channel = grpc.insecure_channel(os.environ["BASELINE_ADDRESS"], options=OPTIONS)
            calls[name] = channel.unary_unary(
                f"/baseline.Echo/{name}",
                request_serializer=exchange_pb2.ListVisitsRequest.SerializeToString,
                response_deserializer=kind.FromString,
            )
        return calls[name](exchange_pb2.ListVisitsRequest(page_size=50), timeout=5)

    @app.get("/message")
    def message() -> Response:
        return jsonify(json_format.MessageToDict(call("Message", exchange_pb2.ListVisitsResponse)))

    @app.get("/bytes")
    def plain() -> Response:
        return Response(call("Bytes", wrappers_pb2.BytesValue).value, content_type="application/json")

    @app.get("/page")
    def page() -> str:
        return render_template_string(PAGE, visits=call("Rows", exchange_pb2.ListVisitsResponse).visits)

    return app


app = _app()

if __name__ == "__main__":
    answer = exchange_pb2.ListVisitsResponse.FromString(Path(sys.argv[1]).read_bytes())
    uvloop.run(serve(answer, sys.argv[2]))
