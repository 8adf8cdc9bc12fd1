"""What a command has changed in its folder. For process 1 of a sandbox, on the standard library alone."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEEPEST, LONGEST_PATH = 12, 200


def plain(path: str) -> bool:
    """Whether a path can be shown as it is."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return path.isprintable() and len(path) <= LONGEST_PATH


def walk(
    limits: dict[str, Any], before: dict[str, bytes], work: str
) -> tuple[list[tuple[str, bytes]], list[str], dict[str, int]]:
    """The changed files, the paths that are gone, and how many entries of each odd sort were left out.

    Follows no link. Past a limit nothing is kept: which files would be kept would depend on the order of a folder.
    """
    changed: list[tuple[str, bytes]] = []
    seen: set[str] = set()
    odd: dict[str, int] = {}
    todo, many, total = [("", 0)], 0, 0
    while todo:
        folder, depth = todo.pop()
        with os.scandir(os.path.join(work, folder)) as entries:
            for entry in entries:
                many += 1
                if many > limits["entries"]:
                    return [], [], {"too many": 1}
                path, info = os.path.join(folder, entry.name), entry.stat(follow_symlinks=False)
                sort = strange(path, info, depth)
                if sort:
                    odd[sort] = odd.get(sort, 0) + 1
                    seen.add(path)
                elif stat.S_ISDIR(info.st_mode):
                    if entry.name != "__pycache__":
                        os.chmod(entry.path, 0o700)
                        todo.append((path, depth + 1))
                else:
                    seen.add(path)
                    data = content(entry.path, limits["file"])
                    if before.get(path) != data:
                        total += len(data)
                        changed.append((path, data))
                        if total > limits["workspace"] or len(changed) > limits["changed"]:
                            return [], [], {"too much": 1}
    changed.sort()
    gone = sorted(path for path in set(before) - seen if not os.path.lexists(os.path.join(work, path)))
    return changed, gone, odd


def strange(path: str, info: os.stat_result, depth: int) -> str | None:
    """Why an entry is not kept; None if it is."""
    if not plain(path):
        return "name"
    if stat.S_ISDIR(info.st_mode):
        return "deep" if depth >= DEEPEST else None
    if not stat.S_ISREG(info.st_mode):
        return "link" if stat.S_ISLNK(info.st_mode) else "device"
    return None


def content(path: str, most: int) -> bytes:
    """Of a file, readable or not."""
    os.chmod(path, 0o600)
    with open(path, "rb") as handle:
        return handle.read(most + 1)
