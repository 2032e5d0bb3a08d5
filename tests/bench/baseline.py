"""
The baselines: the least that a page or an endpoint of this shape can be, on the same machine in the same run.

``python -m tests.bench.baseline FOLDER ADDRESS`` serves the gRPC side; ``tests.bench.baseline:app`` is the Flask side,
under the same gunicorn settings as the gateway. The folder has the answers of the real services, one file for each of
`ANSWERS`, so that each baseline carries what it is compared with.

- ``/list``, ``/search``, ``/detail``: Flask → gRPC echo of the answer → protobuf's own JSON.
- ``/bytes``: Flask → gRPC echo of the list's JSON as bytes: nothing but the two hops.
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
from austausch.knowledge.v1 import knowledge_pb2
from flask import Flask, Response, jsonify, render_template_string
from google.protobuf import json_format, wrappers_pb2

from chassis.client import OPTIONS

# What the files hold, by their names without `.binpb`, which are the paths as well.
ANSWERS: dict[str, Any] = {
    "list": exchange_pb2.ListVisitsResponse,
    "search": knowledge_pb2.SearchLearningsResponse,
    "detail": exchange_pb2.Visit,
}

PAGE = """<!doctype html><title>Visits</title><table>{% for visit in visits %}
<tr><td><a href="/visits/{{ visit.name }}">{{ visit.title }}</a></td><td>{{ visit.host_department }}</td>
<td>{{ visit.start_date.year }}-{{ visit.start_date.month }}-{{ visit.start_date.day }}</td></tr>{% endfor %}</table>"""


async def serve(folder: Path, address: str) -> None:
    """Serve the echoes of the answers."""
    from chassis.database import Database

    answers = {name: kind.FromString((folder / f"{name}.binpb").read_bytes()) for name, kind in ANSWERS.items()}
    text = json_format.MessageToJson(answers["list"], indent=None).encode()
    database = Database(os.environ["EXCHANGE_DATABASE_URL"])

    def echo(answer: Any) -> Any:
        async def echoed(_request: Any, _context: Any) -> Any:
            return answer

        return echoed

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
        for name, method in {
            **{name: echo(answer) for name, answer in answers.items()},
            "bytes": echo_bytes,
            "rows": rows,
        }.items()
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

    @app.get(f"/<any({','.join(ANSWERS)}):name>")
    def message(name: str) -> Response:
        return jsonify(json_format.MessageToDict(call(name, ANSWERS[name])))

    @app.get("/bytes")
    def plain() -> Response:
        return Response(call("bytes", wrappers_pb2.BytesValue).value, content_type="application/json")

    @app.get("/page")
    def page() -> str:
        return render_template_string(PAGE, visits=call("rows", exchange_pb2.ListVisitsResponse).visits)

    return app


app = _app()

if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), sys.argv[2]))
