"""An exchange that costs nothing: a sandbox's answers, byte for byte, after a fixed latency.

`python -m benchmarks._replay ENDPOINT LATENCY_MS`. The sandbox makes its bodies in Python, which
takes longer than the way to the exchange and would hide what clients take. Each distinct question
is put to it once, with its clock standing still; from then on the same bytes go out at once.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time

import httpx
import uvicorn


class Replay:
    def __init__(self, endpoint: str, latency: float) -> None:
        self._endpoint = endpoint
        self._latency = latency
        self._kept: dict[tuple[bytes, ...], tuple[int, list[tuple[bytes, bytes]], bytes]] = {}
        self._requests = 0
        self._client = httpx.AsyncClient(timeout=60)

    async def __call__(self, scope, _receive, send) -> None:
        began = time.monotonic()
        if scope["path"] == "/requests":
            await _answer(send, 200, [], json.dumps(self._requests).encode())
            return
        self._requests += 1
        zipped = dict(scope["headers"]).get(b"accept-encoding", b"identity")
        question = (scope["raw_path"], scope["query_string"], zipped)
        if question not in self._kept:
            self._kept[question] = await self._ask(*question)
        await asyncio.sleep(max(0.0, self._latency - (time.monotonic() - began)))
        await _answer(send, *self._kept[question])

    async def _ask(self, path: bytes, query: bytes, zipped: bytes):
        url = f"{self._endpoint}{path.decode()}?{query.decode()}"
        headers = {"accept-encoding": zipped.decode()}
        async with self._client.stream("GET", url, headers=headers) as answer:
            body = b"".join([part async for part in answer.aiter_raw()])
        kept = [(k, v) for k, v in answer.headers.raw if k.lower() in _KEPT]
        return answer.status_code, kept, body


_KEPT = {b"content-type", b"content-encoding", b"remaining-req", b"date"}


async def _answer(send, status: int, headers, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    start = {"type": "http.response.start", "status": status, "headers": [*headers, length]}
    await send(start)
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    print(json.dumps({"endpoint": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
    config = uvicorn.Config(
        Replay(sys.argv[1], float(sys.argv[2]) / 1000),
        log_config=None,
        access_log=False,
        lifespan="off",
        date_header=False,
        server_header=False,
        timeout_keep_alive=75,
    )
    uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
