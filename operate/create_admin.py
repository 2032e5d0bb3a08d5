"""``austausch create-admin``: an account with which everything else can be done on pages."""

import secrets
import sys
from dataclasses import dataclass

import click
from sqlalchemy.exc import DBAPIError

from chassis.errors import DomainError
from chassis.identity import Role
from chassis.setting_types import DatabaseUrl
from chassis.settings import secret
from operate.settings import load

# Of 64 letters, digits and signs: more than anybody can try.
MADE_UP_BYTES = 12
ROLES = (Role.ADMINISTRATOR, Role.COORDINATOR)


@dataclass(frozen=True, kw_only=True)
class AccountSettings:
    """Where the accounts are, and the city whose name is no password."""

    gateway_database_url: DatabaseUrl = secret()
    gateway_home_city: str = "cities/mannheim"


@click.command("create-admin", short_help="Create an account for the international office.")
@click.option("--email", required=True, help="E-mail address to sign in with.")
@click.option("--name", required=True, help="Name or function, as shown to others.")
def create_admin_command(email: str, name: str) -> None:
    """
    Create an account of the international office, with the roles administrator and coordinator.

    Its password is read from standard input, or made up and printed. All further accounts are made on the pages under
    Administration.
    """
    # They bring the gateway with them, which takes a second.
    from gateway.accounts.account_admin import create_account_with_password
    from gateway.accounts.database import AccountsDatabase
    from gateway.accounts.model import Account
    from gateway.accounts.password_rules import require_good_password

    settings = load(AccountSettings)
    given = "" if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    password = given or secrets.token_urlsafe(MADE_UP_BYTES)
    try:
        if given:
            account = Account(email=email, display_name=name, city="", department="")
            require_good_password("password", given, account, settings.gateway_home_city)
        database = AccountsDatabase(settings.gateway_database_url)
        created = create_account_with_password(database, email, name, password, ROLES)
    except DomainError as error:
        raise click.ClickException(error.message) from None
    except DBAPIError as error:
        raise click.ClickException(" ".join(str(error.orig).split())) from None
    click.echo(f"{created}: {email}" + ("" if given else f", password: {password}"))
