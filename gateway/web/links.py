"""Addresses: of the page of a resource, of this page with other parameters, and of static files."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from flask import current_app, request, url_for

# What a path may hold as it is, by the URL standard, and the sign of what is quoted already.
SAFE_IN_PATH = "%!$&'()*+,/:;=@"
# Collections that are shown on a further page of their parent.
PAGE_BY_COLLECTION = {
    "panelists": "/panel",
    "workingGroups": "/panel",
    "subjectNodes": "/subject",
    "calendars": "/calendars",
}


def get_asset_url(path: str) -> str:
    """Return the URL of a static file, changing with its content so that browsers may keep it for good."""
    versions: dict[str, str] = current_app.extensions.setdefault("asset_versions", {})
    if path not in versions or current_app.debug:
        versions[path] = url_for("static", filename=path, v=get_asset_version(path))
    return versions[path]


def get_asset_version(path: str) -> str:
    """Return what names the content of a static file in its URL."""
    return hashlib.sha256(Path(current_app.static_folder or "", path).read_bytes()).hexdigest()[:10]


def href(name: str) -> str:
    """
    Return the page of a resource by its name.

    What has no page of its own is a place on its parent's: `forums/x/conclusions/y` is `/forums/x#conclusions-y`.
    """
    parts = name.split("/")
    part, place = (PAGE_BY_COLLECTION.get(parts[2], ""), "#" + "-".join(parts[2:4])) if len(parts) > 3 else ("", "")
    return quote(request.script_root + "/" + "/".join(parts[:2]) + part, safe=SAFE_IN_PATH) + place


def get_page_url(**changes: Any) -> str:
    """Return the address of this page with query parameters replaced, by a value or a list; an empty one removes it."""
    query = request.args.to_dict(flat=False) | {
        name: value if isinstance(value, list) else [value] for name, value in changes.items()
    }
    pairs = urlencode([(name, value) for name, values in query.items() for value in values if value])
    return request.script_root + request.path + ("?" + pairs if pairs else "")
