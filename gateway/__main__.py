"""
The gateway's commands::

    python -m gateway                  serve
    python -m gateway migrate          bring the accounts database to the newest schema
    python -m gateway create-account --email … --name … --role coordinator [--role …] [--city …] [--department …]
                                       create an account; the password is read from standard input, or made up
"""

import argparse
import os
import secrets
import sys
from pathlib import Path
from typing import NoReturn

from chassis.errors import DomainError
from chassis.identity import Role
from chassis.settings import load
from gateway.settings import GatewaySettings

# Of 64 letters, digits and signs: more than anybody can try.
MADE_UP_BYTES = 12


def main() -> None:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m gateway", description="The door to the platform.")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="serve (what happens without a command)")
    commands.add_parser("migrate", help="bring the accounts database to the newest schema")
    account = commands.add_parser("create-account", help="create an account")
    account.add_argument("--email", required=True)
    account.add_argument("--name", required=True, help="name or function, as shown to others")
    account.add_argument(
        "--role", required=True, action="append", choices=[role.value for role in Role if role is not Role.SERVICE]
    )
    account.add_argument("--city", default="", help="city that a partner works for, cities/…")
    account.add_argument("--department", default="", help="department of the home city")
    arguments = parser.parse_args()
    settings = load(GatewaySettings, "gateway")
    match arguments.command:
        case "migrate":
            migrate(settings)
        case "create-account":
            create_account(settings, arguments)
        case _:
            serve()


def serve() -> NoReturn:
    """Become gunicorn."""
    configuration = str(Path(__file__).with_name("gunicorn.conf.py"))
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", configuration, "--no-control-socket"])


def migrate(settings: GatewaySettings) -> None:
    """Bring the accounts database to the newest schema."""
    from chassis.migrate import migrate as run

    run(settings.database_url, "gateway.accounts", messaging=False)


def create_account(settings: GatewaySettings, arguments: argparse.Namespace) -> None:
    """Create an account, and print its password if nobody gave one."""
    from gateway.accounts.account_admin import create_account_with_password
    from gateway.accounts.database import AccountsDatabase
    from gateway.accounts.model import Account
    from gateway.accounts.password_rules import require_good_password

    given = "" if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    password = given or secrets.token_urlsafe(MADE_UP_BYTES)
    account = Account(
        email=arguments.email, display_name=arguments.name, city=arguments.city, department=arguments.department
    )
    try:
        if given:
            require_good_password("password", given, account, settings.home_city)
        name = create_account_with_password(
            AccountsDatabase(settings.database_url), arguments.email, arguments.name, password, arguments.role,
            city=arguments.city, department=arguments.department,
        )  # fmt: skip
    except DomainError as error:
        sys.exit(error.message)
    print(f"{name}: {arguments.email}" + ("" if given else f", password: {password}"))


if __name__ == "__main__":
    main()
