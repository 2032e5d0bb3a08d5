"""The demo accounts: one for each role, password ``demo``."""

import asyncpg

from chassis.identity import Identity, Role

PASSWORD = "demo"  # nothing else may stand beside the demo data

ACCOUNTS = (
    Identity("accounts/admin", "Betrieb der Plattform", frozenset({Role.ADMINISTRATOR})),
    Identity(
        "accounts/coordinator", "Internationales Büro", frozenset({Role.COORDINATOR}), department="Internationales Büro"
    ),
    Identity("accounts/member", "Dezernatscontrolling", frozenset({Role.MEMBER}), department="Dezernatscontrolling"),
    Identity("accounts/partner", "City of Swansea", frozenset({Role.PARTNER}), city="cities/swansea"),
    Identity("accounts/expert", "Stadtverwaltung Bydgoszcz", frozenset({Role.EXPERT}), city="cities/bydgoszcz"),
)
COORDINATOR = ACCOUNTS[1]


def get_email(account: Identity) -> str:
    """Return the address with which a demo account signs in."""
    return account.subject.removeprefix("accounts/") + "@mannheim.example"


EMAILS = {get_email(account) for account in ACCOUNTS}


async def are_present(url: str) -> bool:
    """
    Return whether a database has all demo accounts: they come last, so everything is loaded.

    Asked before each start, and so without all that the gateway stands on.

    Args:
        url: ``postgresql://…`` of the gateway's database.

    Raises:
        OSError: It does not answer.
        asyncpg.PostgresError: It refuses, or has no accounts yet.
    """
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return {row["email"] for row in await connection.fetch("SELECT lower(email) AS email FROM accounts")} >= EMAILS
    finally:
        await connection.close()
