"""
``python -m gateway.demo``: loads the demo data, once.

It does nothing when it is loaded, continues a load that was interrupted, and refuses to stand beside anything else.
"""

import sys

from chassis.errors import DomainError
from chassis.settings import load as load_settings
from gateway.accounts.account_admin import list_emails
from gateway.accounts.database import AccountsDatabase
from gateway.demo import accounts
from gateway.settings import GatewaySettings


def main() -> None:
    """Load the demo data where nothing else is."""
    settings = load_settings(GatewaySettings, "gateway")
    database = AccountsDatabase(settings.database_url)
    present = list_emails(database)
    if present >= accounts.EMAILS:
        return
    if present - accounts.EMAILS:
        sys.exit("The demo data is not loaded: there are accounts already.")
    # The accounts come last: when they are there, everything is. All of the gateway is imported only now.
    from gateway import create_app, rpc
    from gateway.demo import loader

    with create_app(settings).app_context(), rpc.act_as(accounts.COORDINATOR):
        try:
            loader.refuse_foreign()
            print("loading the demo data …", flush=True)
            loader.load()
        except loader.ForeignData as foreign:
            sys.exit(f"The demo data is not loaded: {foreign}.")
        except DomainError as error:
            sys.exit(f"The demo data is not loaded: {error.message} ({error.code})")
    loader.create_accounts(database)


if __name__ == "__main__":
    main()
