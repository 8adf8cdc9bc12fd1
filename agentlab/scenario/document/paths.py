"""Paths that a document names: how they are shown, and that they stay in its folder."""

from pathlib import Path

from agentlab.suggestion import suggest


def shown_path(path: Path) -> str:
    """As it was typed, or relative to the working directory where that is shorter."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_absolute() and path.is_relative_to(here) else str(path)


def confined(name: str, target: Path, root: Path, folder: bool = False) -> tuple[str, str] | None:
    """What is wrong with the file, or `folder`, `target` by this name, which ought to lie within `root`.

    `root` is resolved: an absolute path without links.
    """
    try:
        inside = target.resolve().is_relative_to(root)
        there = target.is_file() or (folder and target.is_dir())
    except (OSError, RuntimeError, ValueError):
        return f"{name[:60]!r} is not a path", "give the path of a file"
    if not name or not inside:
        return f"{name!r} is outside {shown_path(root)}", "keep included files in the scenario's folder"
    if not there:
        above = target.parent
        near = sorted(entry.name for entry in above.iterdir() if entry.is_file()) if above.is_dir() else []
        return f"{name!r}: file not found", suggest(target.name, near)
    return None
