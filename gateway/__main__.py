"""
The gateway's commands::

    python -m gateway                  serve
    python -m gateway migrate          bring the accounts database to the newest schema
"""

import os
import sys
from pathlib import Path
from typing import NoReturn

from chassis.settings import load
from gateway.settings import GatewaySettings


def main() -> None:
    """Run the command that the arguments name."""
    match sys.argv[1:]:
        case []:
            serve()
        case ["migrate"]:
            migrate(load(GatewaySettings, "gateway"))
        case _:
            sys.exit("usage: python -m gateway [migrate]")


def serve() -> NoReturn:
    """Become gunicorn, which reads the settings by its configuration."""
    configuration = str(Path(__file__).with_name("gunicorn.conf.py"))
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", configuration, "--no-control-socket"])


def migrate(settings: GatewaySettings) -> None:
    """Bring the accounts database to the newest schema."""
    from chassis.migrate import failing_in_one_line
    from chassis.migrate import migrate as run

    with failing_in_one_line("gateway"):
        run(settings.database_url, "gateway.accounts", messaging=False)


if __name__ == "__main__":
    main()
