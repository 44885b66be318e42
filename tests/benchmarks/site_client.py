"""Readers who do not wait for one another: pages asked for at planned moments, however slow the answers are.

A program of its own, which never shares a processor's turn with the measure: a plan as JSON on standard input, the
outcome as JSON on standard output. Latency counts from the planned moment, so that a server which falls
behind is not spared what it kept waiting.
"""

import asyncio
import json
import sys
import time
from typing import Any

MOST_AT_ONCE = 200
"""Requests under way at one time; one more waits, and its waiting counts."""

PATIENCE = 30.0
"""Seconds after which a request has failed."""


async def run(port: int, requests: list[dict[str, str]], every: float) -> list[dict[str, Any]]:
    """Ask for each page `every` seconds after the one before; what became of each."""
    gate = asyncio.Semaphore(MOST_AT_ONCE)
    began = time.perf_counter() + 0.2

    async def one(number: int, request: dict[str, str]) -> dict[str, Any]:
        planned = began + number * every
        await asyncio.sleep(max(0.0, planned - time.perf_counter()))
        async with gate:
            try:
                status = await asyncio.wait_for(ask(port, request["path"], request["token"]), PATIENCE)
            except (OSError, TimeoutError, ValueError, IndexError) as error:
                status = repr(error)
        return {"page": request["page"], "status": status, "seconds": time.perf_counter() - planned}

    return list(await asyncio.gather(*(one(number, request) for number, request in enumerate(requests))))


async def ask(port: int, path: str, token: str) -> str:
    """The status of one page, read to its end, on a connection of its own as a proxy in front opens it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: __Host-session={token}\r\n"
            "Accept-Language: vi\r\nConnection: close\r\n\r\n".encode()
        )
        answer = await reader.read(-1)
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    if len(body) != length:
        raise ValueError(f"{len(body)} of {length} bytes")
    return head.split(b" ", 2)[1].decode()


if __name__ == "__main__":
    given = json.load(sys.stdin)
    json.dump(asyncio.run(run(given["port"], given["requests"], given["every"])), sys.stdout)
