"""
Copy what the pages load in a browser from `node_modules` into `static/vendor`.

Run after `npm ci` in `gateway/`: `python -m gateway.web.vendor_assets`. Pages load nothing from another host, so every
style sheet, font and script that they use is named in `ASSETS`; licences travel with the files.
"""

import shutil
import sys
from pathlib import Path

GATEWAY = Path(__file__).parent.parent
MODULES = GATEWAY / "node_modules"
VENDOR = GATEWAY / "static" / "vendor"

# Path below node_modules (a file, or a glob whose matches go into the target directory) → place below static/vendor.
ASSETS: dict[str, str] = {
    "@event-calendar/build/dist/event-calendar.min.css": "event-calendar/event-calendar.min.css",
    "@event-calendar/build/dist/event-calendar.min.js": "event-calendar/event-calendar.min.js",
    "@event-calendar/build/package.json": "event-calendar/package.json",  # names its licence; it brings no file of it
    "@kern-ux/native/dist/kern.min.css": "kern/kern.min.css",
    "@kern-ux/native/dist/fonts/fira-sans.css": "kern/fonts/fira-sans.css",
    "@kern-ux/native/dist/fonts/fira-sans/*.woff2": "kern/fonts/fira-sans/",
    "@kern-ux/native/LICENSE.md": "kern/LICENSE.md",
    "htmx.org/dist/htmx.min.js": "htmx/htmx.min.js",
    "htmx.org/LICENSE": "htmx/LICENSE",
}


def copy_assets() -> int:
    """
    Replace `static/vendor` by fresh copies and return the number of files copied.

    Raises:
        FileNotFoundError: An asset is missing in `node_modules`, named in the message.
    """
    shutil.rmtree(VENDOR, ignore_errors=True)
    copied = 0
    for source, target in ASSETS.items():
        matches = sorted(MODULES.glob(source))
        if not matches:
            raise FileNotFoundError(f"{MODULES / source} is missing; run `npm ci` in {GATEWAY} first")
        for match in matches:
            place = VENDOR / target / (match.name if target.endswith("/") else "")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(match, place)
            copied += 1
    return copied


if __name__ == "__main__":
    try:
        print(f"assets: {copy_assets()} files in {VENDOR}")
    except FileNotFoundError as missing:
        sys.exit(f"assets: {missing}")
