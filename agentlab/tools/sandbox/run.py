"""Runs a command in a fresh sandbox."""

import asyncio
import json
import marshal
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agentlab.tools.sandbox import cgroup
from agentlab.tools.sandbox.backend import MODEL, Launch, Sandbox
from agentlab.tools.sandbox.ended import MB, Ended, Limits

GRACE = 10.0
"""Seconds that a sandbox may take longer than its command."""


async def run(
    sandbox: Sandbox,
    command: Sequence[str],
    files: Mapping[str, bytes],
    limits: Limits | None = None,
    model: Path | None = None,
) -> Ended:
    """Runs `command` in a folder with these files. Nothing is left of the sandbox afterwards.

    `model` is the socket of a `proxy`, which the program then finds at `OPENAI_BASE_URL`.
    """
    limits = limits or Limits()
    with cgroup.group(limits, cgroup.delegated() if sandbox.grouped else None) as group:
        ended = await _run(sandbox, command, files, limits, model, group)
        if group is not None and ended.why == "broken" and group.exhausted():
            return Ended("memory", None)
        return ended


async def _run(
    sandbox: Sandbox,
    command: Sequence[str],
    files: Mapping[str, bytes],
    limits: Limits,
    model: Path | None,
    group: cgroup.Group | None,
) -> Ended:
    launch = sandbox.launch(limits, model)
    arguments = launch.arguments if group is None else group.enter(launch.arguments)
    fds = launch.fds
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, pass_fds=fds, env=launch.outside, cwd="/"
        )
    except OSError as error:
        return Ended("broken", None, fault=str(error))
    finally:
        for fd in fds:
            os.close(fd)
    assert process.stdin is not None
    try:
        async with asyncio.timeout(limits.seconds + GRACE):
            return await _talk(process, _request(command, files, limits, launch, model), limits)
    except TimeoutError:
        return Ended("broken", None, fault="the sandbox did not answer")
    finally:
        process.stdin.close()  # process 1 ends when this hangs up
        if process.returncode is None:
            process.kill()
            await process.wait()


def _request(
    command: Sequence[str], files: Mapping[str, bytes], limits: Limits, launch: Launch, model: Path | None
) -> bytes:
    request = {
        "command": list(command),
        "env": {**(MODEL if model is not None else {}), **launch.environment},
        "limits": {**asdict(limits), "rlimits": dict(limits.rlimits())},
        "files": [[path, len(content)] for path, content in files.items()],
        "relay": list(launch.relay) if model is not None else None,
        "local": launch.local,
    }
    return marshal.dumps(request) + b"".join(files.values())


async def _talk(process: Process, request: bytes, limits: Limits) -> Ended:
    """Sends the request and reads the answer, which is cut off where it is longer than it may be."""
    longest = limits.workspace + 12 * limits.output + 4 * MB
    async with asyncio.TaskGroup() as group:
        group.create_task(_send(process, request))
        answer = group.create_task(_take(process, process.stdout, longest))
        noise = group.create_task(_take(process, process.stderr, 4096))
    await process.wait()
    fault = noise.result().decode("utf-8", "replace").strip()[:500]
    try:
        return _ended(answer.result())
    except (ValueError, KeyError, TypeError):
        return Ended("broken", None, fault=fault or f"it ended with code {process.returncode}")


async def _send(process: Process, request: bytes) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(request)
        await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # its answer, or the lack of one, says why


async def _take(process: Process, stream: asyncio.StreamReader | None, most: int) -> bytes:
    assert stream is not None
    taken = bytearray()
    while part := await stream.read(1 << 18):
        taken += part
        if len(taken) > most:
            process.kill()
            break
    return bytes(taken)


def _ended(answer: bytes) -> Ended:
    """Raises ValueError, KeyError or TypeError for what is no whole answer."""
    line, _, rest = answer.partition(b"\n")
    facts: dict[str, Any] = json.loads(line)
    at = 0

    def cut(size: int) -> bytes:
        nonlocal at
        if not 0 <= size <= len(rest) - at:
            raise ValueError("the answer is cut short")
        at += size
        return rest[at - size : at]

    head, tail = (cut(size).decode("utf-8", "replace") for size in facts["output"])
    left_out = f"\n… {facts['dropped']:,} bytes left out …\n" if facts["dropped"] else ""
    files = {_text(path): cut(size) for path, size in facts["files"]}
    return Ended(
        why=_text(facts["why"]),  # pyright: ignore[reportArgumentType]
        code=facts["code"],
        output=head + left_out + tail,
        files=files,
        gone=tuple(map(_text, facts["gone"])),
        odd={_text(sort): number for sort, number in facts["odd"]},
        seconds=facts["seconds"],
        cpu=facts["cpu"],
        peak=facts["peak"],
        left=facts["left"],
    )


def _text(hexed: str) -> str:
    return bytes.fromhex(hexed).decode()
