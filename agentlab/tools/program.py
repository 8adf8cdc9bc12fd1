"""Runs a command in a sandbox on a copy of the workspace; files that it changes are changed in the workspace."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import Field

from agentlab.organization.board.workspace import fault
from agentlab.text import pluralize
from agentlab.tools.files import files
from agentlab.tools.sandbox.backend import Sandbox
from agentlab.tools.sandbox.detect import lacking, sandbox
from agentlab.tools.sandbox.ended import Ended, Limits
from agentlab.tools.sandbox.proxy import proxy
from agentlab.tools.sandbox.run import run as run_in
from agentlab.tools.sandbox.turns import turn
from agentlab.tools.tool import Shared, tool
from agentlab.types import Act, Returned, Scene, Task

LIMITS = Limits()
_ENDS = {
    "timeout": f"It was stopped after {LIMITS.seconds:g} seconds.",
    "memory": f"It was stopped: it took more than {LIMITS.memory >> 20:,} MB of memory, or too many processes.",
    "flood": f"It was stopped: it printed more than {LIMITS.flood >> 20:,} MB.",
}
_ODD = {
    "link": "links",
    "device": "devices",
    "name": "files with odd names",
    "deep": "folders that are too deep",
    "too many": f"all changes: there are more than {LIMITS.entries:,} files",
    "too much": f"all changes: more than {LIMITS.changed:,} files or {LIMITS.workspace >> 20} MB were changed",
}


@tool
async def run(
    scene: Scene, command: Annotated[str, Field(description="A line for sh, such as python3 src/rank.py data.csv.")]
) -> Returned:
    """Runs a command in a sandbox without a network, in a folder with the files of the workspace."""
    where: Sandbox = scene.resource
    before = files(scene)
    given = {path: text.encode() for path, text in before.items()}
    typed = ["sh", "-c", command]
    async with turn():
        if scene.model is None:
            ended = await run_in(where, typed, given, LIMITS)
        else:
            place = (scene.calls[-1].k, len(scene.calls[-1].tool_results))  # of this command in its turn
            async with proxy(scene.model, place) as socket:
                ended = await run_in(where, typed, given, LIMITS, socket)
    if ended.why == "broken":
        raise RuntimeError(f"the sandbox failed: {ended.fault}")
    after = {path: text for path, text in before.items() if path not in ended.gone}
    acts, lost = [Act("removed", "", path) for path in ended.gone], list[str]()
    for path, content in ended.files.items():
        text = content.decode("utf-8", "replace")
        wrong = fault(path, text, after) if text.encode() == content else f"{path} is no text"
        if wrong is None:
            after[path] = text
            acts.append(Act("file", text, path))
        else:
            lost.append(wrong)
    return Returned("\n".join(_report(ended, [act.ref or "" for act in acts], lost)), tuple(acts))


def _report(ended: Ended, changed: list[str], not_kept: list[str]) -> list[str]:
    lines = [ended.output.rstrip()] if ended.output.strip() else []
    lines.append(_ENDS.get(ended.why, f"Exit code {ended.code}."))
    if ended.left:
        lines.append(f"What it had left running was ended: {pluralize(ended.left, 'process', 'processes')}.")
    if changed:
        lines.append(f"Changed: {', '.join(changed[:20])}{', …' if len(changed) > 20 else ''}")
    lost = [*(_ODD[sort] for sort in ended.odd), *not_kept[:5]]
    return [*lines, *(f"Not kept: {what}" for what in lost)]


@asynccontextmanager
async def _open(task: Task) -> AsyncGenerator[Sandbox]:
    yield await sandbox()


program = Shared((run,), _open, lacking)
