"""The demo accounts: one for each role, password ``demo``."""

from chassis.identity import Identity, Role
from gateway.accounts.account_admin import create_account_with_password, list_emails
from gateway.accounts.database import AccountsDatabase

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


def create_accounts(database: AccountsDatabase) -> None:
    """Create the accounts that are missing."""
    present = list_emails(database)
    for account in ACCOUNTS:
        if get_email(account) not in present:
            create_account_with_password(
                database,
                get_email(account),
                account.name,
                PASSWORD,
                sorted(account.roles),
                city=account.city,
                department=account.department,
                account_id=account.subject.removeprefix("accounts/"),
            )
