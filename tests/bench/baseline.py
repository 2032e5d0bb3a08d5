"""
The baselines: the least that a page or an endpoint of this shape can be, on the same machine in the same run.

``python -m tests.bench.baseline FOLDER ADDRESS`` serves the gRPC side; ``tests.bench.baseline:app`` is the Flask side,
under the same gunicorn settings as the gateway. The folder has answers of the real services, of each kind in `ANSWERS`
several, so that each baseline carries what it is compared with.

- ``/list/N``, ``/search/N``, ``/detail/N``: Flask → gRPC echo of the N-th answer → protobuf's own JSON.
- ``/write/N``: the same as ``/detail/N``, once a row and another for an outbox are inserted and committed.
- ``/bytes``: Flask → gRPC echo of a list's JSON as bytes: nothing but the two hops.
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

# What the files `KIND-N.binpb` hold.
ANSWERS: dict[str, Any] = {
    "list": exchange_pb2.ListVisitsResponse,
    "search": knowledge_pb2.SearchLearningsResponse,
    "detail": exchange_pb2.Visit,
}

PAGE = """<!doctype html><title>Visits</title><table>{% for visit in visits %}
<tr><td><a href="/visits/{{ visit.name }}">{{ visit.title }}</a></td><td>{{ visit.host_department }}</td>
<td>{{ visit.start_date.year }}-{{ visit.start_date.month }}-{{ visit.start_date.day }}</td></tr>{% endfor %}</table>"""


def read_answers(folder: Path) -> dict[str, list[Any]]:
    """Return the answers of each kind."""
    return {
        kind: [
            message.FromString((folder / f"{kind}-{number}.binpb").read_bytes())
            for number in range(len(list(folder.glob(f"{kind}-*.binpb"))))
        ]
        for kind, message in ANSWERS.items()
    }


async def serve(answers: dict[str, list[Any]], address: str) -> None:
    """Serve the echoes of the answers."""
    from chassis.database import Database

    text = json_format.MessageToJson(answers["list"][0], indent=None).encode()
    database = Database(os.environ["EXCHANGE_DATABASE_URL"])
    async with database.engine.begin() as connection:
        for table in ("written", "told"):
            await connection.exec_driver_sql(
                f"CREATE TABLE IF NOT EXISTS {table} (id bigserial PRIMARY KEY, text text)"
            )

    def echo(kind: str) -> Any:
        async def echoed(request: Any, _context: Any) -> Any:
            return answers[kind][request.page_size]

        return echoed

    async def write(request: Any, _context: Any) -> Any:
        async with database.engine.begin() as connection:
            await connection.exec_driver_sql("INSERT INTO written (text) VALUES ('To compare reports')")
            await connection.exec_driver_sql("INSERT INTO told (text) VALUES ('To compare reports')")
        return answers["detail"][request.page_size]

    async def echo_bytes(_request: Any, _context: Any) -> Any:
        return wrappers_pb2.BytesValue(value=text)

    async def rows(_request: Any, _context: Any) -> Any:
        from sqlalchemy import text as sql

        statement = sql(
            "SELECT id, title, host_department, start_date FROM visits WHERE start_date IS NOT NULL"
            " ORDER BY start_date DESC LIMIT 50"
        )
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
            **{kind: echo(kind) for kind in answers},
            "write": write,
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

    def call(name: str, kind: Any, number: int = 0) -> Any:
        if name not in calls:
            channel = grpc.insecure_channel(os.environ["BASELINE_ADDRESS"], options=OPTIONS)
            calls[name] = channel.unary_unary(
                f"/baseline.Echo/{name}",
                request_serializer=exchange_pb2.ListVisitsRequest.SerializeToString,
                response_deserializer=kind.FromString,
            )
        return calls[name](exchange_pb2.ListVisitsRequest(page_size=number), timeout=5, wait_for_ready=True)

    @app.get(f"/<any({','.join(ANSWERS)},write):name>/<int:number>")
    def message(name: str, number: int) -> Response:
        return jsonify(json_format.MessageToDict(call(name, ANSWERS.get(name, exchange_pb2.Visit), number)))

    @app.get("/bytes")
    def plain() -> Response:
        return Response(call("bytes", wrappers_pb2.BytesValue).value, content_type="application/json")

    @app.get("/page")
    def page() -> str:
        return render_template_string(PAGE, visits=call("rows", exchange_pb2.ListVisitsResponse).visits)

    return app


app = _app()

if __name__ == "__main__":
    uvloop.run(serve(read_answers(Path(sys.argv[1])), sys.argv[2]))
