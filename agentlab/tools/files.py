"""The files of a shared workspace: an agent reads, writes, edits, lists and searches them, and removes them."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from agentlab.organization.board import workspace
from agentlab.text import pluralize
from agentlab.tools.tool import tool
from agentlab.types import Act, Returned, Scene

LINES, FOUND = 400, 100
"""Lines that one reading shows, and matches that one search shows."""
Path = Annotated[str, Field(description="Of the file, such as src/rank.py.")]


@tool
async def read(
    scene: Scene, path: Path, start: Annotated[int, Field(description="The first line to show.", ge=1)] = 1
) -> str:
    """Shows a file of the workspace, with line numbers."""
    lines = _text(scene, path).splitlines()
    shown = [f"{start + i}\t{line}" for i, line in enumerate(lines[start - 1 : start - 1 + LINES])]
    rest = len(lines) - (start - 1 + LINES)
    more = f"\n({pluralize(rest, 'more line')}; read on with start={start + LINES})" if rest > 0 else ""
    return "\n".join(shown) + more if shown else f"{path} has {pluralize(len(lines), 'line')}."


@tool
async def write(scene: Scene, path: Path, text: Annotated[str, Field(description="All of the file.")]) -> Returned:
    """Writes a file of the workspace, or replaces it."""
    return _written(scene, path, text, f"Wrote {path}, {pluralize(len(text.splitlines()), 'line')}.")


@tool
async def edit(
    scene: Scene,
    path: Path,
    old: Annotated[str, Field(description="Text that stands in the file exactly once.", min_length=1)],
    new: Annotated[str, Field(description="What stands there instead.")],
) -> Returned:
    """Replaces one passage of a file of the workspace."""
    text = _text(scene, path)
    if (times := text.count(old)) != 1:
        raise ValueError(f"the old text stands {times} times in {path}; give one that stands there once")
    return _written(scene, path, text.replace(old, new), f"Edited {path}.")


@tool
async def remove(scene: Scene, path: Path) -> Returned:
    """Removes a file from the workspace."""
    _text(scene, path)
    return Returned(f"Removed {path}.", (Act("removed", "", path),))


@tool
async def list_files(scene: Scene) -> str:
    """Lists the files of the workspace."""
    now = files(scene)
    return "\n".join(f"{path} ({len(now[path]):,} characters)" for path in sorted(now)) or "No files."


@tool
async def search(scene: Scene, text: Annotated[str, Field(min_length=1, description="What to look for.")]) -> str:
    """Finds the lines of the workspace that hold a text, upper and lower case alike."""
    wanted, now = text.casefold(), files(scene)
    lines = [
        f"{path}:{i}: {line.strip()[:200]}"
        for path in sorted(now)
        for i, line in enumerate(now[path].splitlines(), 1)
        if wanted in line.casefold()
    ]
    more = [f"({len(lines) - FOUND} more)"] if len(lines) > FOUND else []
    return "\n".join([*lines[:FOUND], *more]) or "Nothing."


def files(scene: Scene) -> Mapping[str, str]:
    """The workspace as the agent has left it so far in its turn."""
    acts = (act for call in scene.calls for result in call.tool_results for act in result.acts)
    return workspace.files(acts, scene.files)


def _written(scene: Scene, path: str, text: str, said: str) -> Returned:
    if wrong := workspace.fault(path, text, files(scene)):
        raise ValueError(wrong)
    return Returned(said, (Act("file", text, path),))


def _text(scene: Scene, path: str) -> str:
    now = files(scene)
    if path not in now:
        raise ValueError(f"there is no file {path[:100]!r}; there are {', '.join(sorted(now)[:20]) or 'none'}")
    return now[path]
