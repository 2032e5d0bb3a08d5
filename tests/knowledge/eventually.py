"""What holds within a moment."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

Value = TypeVar("Value")


async def eventually(ask: Callable[[], Awaitable[Value]], *, seconds: float = 120.0) -> Value:
    """
    Return the first answer that is not empty; an index that is still being built counts as empty.

    Raises:
        TimeoutError: There was none in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if answer := await ask():
                return answer
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
        await asyncio.sleep(0.02)
    raise TimeoutError(f"nothing within {seconds} s")
