"""The peak of memory while many replies come in that are as long as they may be, or would be longer.

Plays rollouts of one call against a loopback server, as `agentlab run` does. Once as many calls are in flight as
wanted, each gets a reply of one kind: `short`, to compare with; `long`, a text at the bound; `nested`, JSON at the
bound that takes much memory as objects; `bomb`, a megabyte that decompresses to a thousand. Prints JSON.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name
    sys.path.insert(0, os.path.dirname(HERE))

import argparse
import asyncio
import json
import multiprocessing
import resource
import subprocess
import tempfile
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from agentlab.experiment.progress import Progress
from agentlab.experiment.session import run
from agentlab.experiment.specs import Selection
from agentlab.models.spec import ModelSpec
from agentlab.scenario.loading import load as load_scenario

BOUND = ModelSpec.model_validate({"name": "openai/m"}).reply_bytes
"""Bytes of a reply at most, unless a scenario says otherwise."""
BOMB = 1_000_000_000
SECONDS = 2.0
"""Until a request is answered, at least: long enough on a quiet machine that as many are open as are in flight."""
PATIENCE = 60.0
"""Seconds more that a request waits, on a busy machine, until as many are open as are wanted; the first ones do not
wait, since an account begins with few calls at once and doubles them with their replies."""
KINDS = ("short", "long", "nested", "bomb")
_USAGE = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
_TEXT = "@"


def completion(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    made = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": _USAGE}
    return json.dumps(made).encode()


def http(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer(kind: str) -> bytes:
    """The whole reply of this kind, head and body."""
    before, after = completion(_TEXT).split(_TEXT.encode())
    room = BOUND - len(before) - len(after)
    if kind == "long":
        return http(before + b"x" * room + after)
    if kind == "nested":
        deep = b'{"a": [%s[]]}' % (b"[]," * ((BOUND - 20) // 3))
        return http(deep)
    if kind == "bomb":
        packer = zlib.compressobj(9, wbits=31)
        middle = b"".join(packer.compress(b"x" * 1_000_000) for _ in range(BOMB // 1_000_000))
        return http(
            packer.compress(before) + middle + packer.compress(after) + packer.flush(), "content-encoding: gzip"
        )
    return http(completion("The report."))


def serve_forever(kind: str, many: int, there: Connection) -> None:
    """The child process: once `many` requests are open, so many replies of the kind, and short ones after them."""
    short, asked = answer("short"), answer(kind)
    state = {"open": 0, "peak": 0, "given": 0, "replied": 0}
    full = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                state["open"] += 1
                state["peak"] = max(state["peak"], state["open"])
                if state["open"] >= many:
                    full.set()
                await asyncio.sleep(SECONDS)
                with suppress(TimeoutError):
                    await asyncio.wait_for(full.wait(), PATIENCE if state["replied"] >= many else 0)
                now = full.is_set() and state["given"] < many
                state["given"] += now
                writer.write(asked if now else short)
                await writer.drain()
                state["open"] -= 1
                state["replied"] += 1
        except (ConnectionError, asyncio.IncompleteReadError):
            state["open"] -= 1
        finally:
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1000)
        there.send(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(there.recv)
        there.send((state["peak"], state["given"]))

    asyncio.run(main())


def document(url: str, rollouts: int) -> Mapping[str, Any]:
    return {
        "spec": 1,
        "name": "replies",
        "models": {"default": {"name": "openai/m", "base_url": url, "tries": 1}},
        "tasks": {"t": {"prompt": "What should the client do?", "target": "42"}},
        "organization": {"agents": {"one": {}}, "protocol": {"kind": "chain", "stages": [["one"]]}},
        "draws": rollouts,
        "judges": {"same": {"kind": "match", "by": "exact"}},
        "measures": {"correct": {"judge": "same"}},
    }


def work(kind: str, many: int) -> dict[str, Any]:
    """One run of this kind, in this process."""
    here, there = multiprocessing.Pipe()
    child = multiprocessing.Process(target=serve_forever, args=(kind, many, there), daemon=True)
    child.start()
    with tempfile.TemporaryDirectory() as folder:
        path, progress = Path(folder) / "replies.yaml", Progress()
        path.write_text(json.dumps(document(f"http://127.0.0.1:{here.recv()}/v1", 6 * many)))
        design, started = load_scenario(path), time.perf_counter()
        asyncio.run(run(design, Path(folder) / "run", Selection(), progress, 2 * many))
        seconds = time.perf_counter() - started
        here.send(None)
        stored = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 1e6
    in_flight, given = here.recv()
    child.join()
    if given < many:
        raise SystemExit(f"{kind}: {given} of {many} replies were given, at most {in_flight} requests were open")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"peak_mb": peak, "stored_mb": stored, "seconds": seconds}
    return {
        "in_flight": in_flight,
        "given": given,
        "failed": progress.failed,
        **{name: round(value, 1) for name, value in figures.items()},
    }


def main() -> None:
    """Each kind in a process of its own, so that the peak of memory is its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--part", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(work(options.kind[0], options.in_flight)))
        return
    figures: dict[str, Any] = {}
    for kind in options.kind or KINDS:
        command = [sys.executable, __file__, "--part", "--kind", kind, "--in-flight", str(options.in_flight)]
        figures[kind] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
