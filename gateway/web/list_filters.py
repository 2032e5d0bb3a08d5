"""What the pages of lists read from their address: the page asked for, and the filters."""

from typing import Any

from flask import request
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

PAGE_SIZE = 25


def read_paging() -> dict[str, Any]:
    """Return the paging fields of a list request."""
    return {"page_size": PAGE_SIZE, "page_token": request.args.get("page_token", "")}


def read_enum(enum: EnumTypeWrapper, parameter: str) -> Any:
    """Return the enum value that a query parameter names; 0 (unspecified: no filter) for none and for unknown ones."""
    name = request.args.get(parameter, "")
    return dict(enum.items()).get(name, 0)
