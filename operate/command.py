"""The command's own face: what can be asked of it."""

import signal
import sys
from types import FrameType

import click

from operate.backup import backup_command
from operate.create_admin import create_admin_command
from operate.dead_letters import dead_letters_command
from operate.doctor import doctor_command
from operate.export import export_command
from operate.import_archive import import_command
from operate.rebuild_index import rebuild_index_command
from operate.republish import republish_command
from operate.restore import restore_command
from operate.rotate_keys import rotate_keys_command


@click.group()
def main() -> None:
    """
    Operate an Austausch platform.

    The command works on the same settings as the processes: EXCHANGE_DATABASE_URL or EXCHANGE_DATABASE_URL_FILE,
    NATS_URL, and so on. See docs/operations/command.md.
    """
    # By default a process ends at once: what it has half done would stay.
    signal.signal(signal.SIGTERM, _stop)


def _stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


for command in (
    doctor_command,
    backup_command,
    restore_command,
    republish_command,
    dead_letters_command,
    rotate_keys_command,
    export_command,
    import_command,
    rebuild_index_command,
    create_admin_command,
):
    main.add_command(command)
