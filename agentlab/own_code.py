"""Parts of one's own: `my_module:Name`, defined in a file of the scenario's folder or of the working folder.

A scenario may be somebody else's. A name in it reaches nothing that merely is installed, such as `subprocess:Popen`.
"""

import hashlib
import importlib
import inspect
import os
import sys
import traceback
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

MOST = 4
"""Folders that a message names."""
_OTHERS = (str(Path(__file__).parent), str(Path(importlib.__file__).parent), "<frozen ")
"""How files begin that are nobody's own: of this package, and of the import system."""
_folders: list[Path] = []
"""Where modules of one's own lie, beside the working folder; the latest first."""


def is_own(reference: object) -> bool:
    """Whether this names a part of one's own."""
    if not isinstance(reference, str) or reference.count(":") != 1:
        return False
    module, name = reference.split(":")
    return name.isidentifier() and all(part.isidentifier() for part in module.split("."))


def allow(folder: Path) -> None:
    """Lets modules in this folder be imported."""
    folder = folder.resolve()
    if folder in _folders:
        _folders.remove(folder)
    _folders.insert(0, folder)


def get(reference: str) -> Any:
    """What `my_module:Name` names. Raises `ValueError` with the reason when it cannot be had."""
    module, _, name = reference.partition(":")
    imported = _imported(module)
    if not hasattr(imported, name):
        raise ValueError(f"{module!r} has no {name!r}")
    part = getattr(imported, name)
    home = getattr(part, "__module__", None) if inspect.isclass(part) or inspect.isroutine(part) else None
    if home is not None and not _ours(home) and _file(sys.modules.get(home), home, _known()) is None:
        raise ValueError(
            f"{reference} is defined in {home!r}, which is not a module of your own; define it in {module!r}"
        )
    return part


def module(name: str) -> ModuleType:
    """The module of one's own with this name. Raises `ValueError` with the reason when it cannot be had."""
    return _imported(name)


def loaded() -> dict[str, Path]:
    """The modules of one's own that are imported, those included which they import, with their files."""
    known = _known()
    modules = dict(sys.modules)
    tops = {name for name, module in modules.items() if "." not in name and _may_hold(module, name, known)}
    files = ((name, _file(modules[name], name, known)) for name in modules if name.partition(".")[0] in tops)
    return dict(sorted((name, file) for name, file in files if file is not None))


def digests() -> dict[str, str]:
    """The same modules, each with the SHA-256 of its file."""
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in loaded().items()}


def told(error: BaseException) -> str:
    """The error, with the file of the first part of one's own that it passed through, and the deepest line there."""
    said = f"{type(error).__name__}: {error}"[:900]
    if isinstance(error, SyntaxError):  # it names its place itself
        return said if error.filename is None or error.filename in said else f"{said} ({error.filename}:{error.lineno})"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(_OTHERS)]
    if not frames:
        return said
    line = [frame.lineno for frame in frames if frame.filename == frames[0].filename][-1]
    return f"{said} ({frames[0].filename}:{line})"


def _imported(name: str) -> Any:
    folders = [*_folders, Path.cwd()]
    home = next((folder for folder in folders if any(_path(folder, end).is_file() for end in _endings(name))), None)
    if home is None:
        listed = ", ".join(dict.fromkeys(map(str, folders[:MOST])))
        raise ValueError(f"no module {name!r} of your own: there is no {_endings(name)[0][1:]} in {listed}")
    if str(home) not in sys.path:
        sys.path.append(str(home))
    try:
        imported = importlib.import_module(name)
    except Exception as error:  # a module of the user's may fail in any way
        raise ValueError(f"{name!r} cannot be imported: {told(error)}") from error
    if _file(imported, name, _known()) is None:
        raise ValueError(f"{name!r} is also the name of another module ({imported.__name__}); rename your file")
    return imported


def _endings(name: str) -> tuple[str, str]:
    """How the path of the module of this name ends, after its folder."""
    path = "/" + name.replace(".", "/")
    return f"{path}.py", f"{path}/__init__.py"


def _path(folder: Path, ending: str) -> Path:
    return folder / ending[1:]


def _may_hold(module: Any, name: str, known: frozenset[str]) -> bool:
    """Whether this package or module of no package may hold one's own: it is such itself, or a folder without a file.

    A process imports thousands of modules, most of them in a few packages of others.
    """
    return getattr(module, "__file__", None) is None or _file(module, name, known) is not None


def _file(module: Any, name: str, known: frozenset[str]) -> Path | None:
    """The file of a module of one's own; None for any other. What a folder's virtual environment holds is not in it."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or _ours(name):
        return None
    return None if known.isdisjoint(_homes(file, name)) else Path(file)


@cache
def _homes(file: str, name: str) -> tuple[str, ...]:
    """The folder from which a module was imported, by its file; a process asks this of thousands of modules."""
    return tuple(_real(file.removesuffix(end)) for end in _endings(name) if file.endswith(end))


def _known() -> frozenset[str]:
    """The folders in which modules of one's own lie."""
    return frozenset((*map(str, _folders), os.getcwd()))


@cache
def _real(folder: str) -> str:
    return os.path.realpath(folder)


def _ours(module: str) -> bool:
    return module.partition(".")[0] in ("agentlab", "agentlab_cli")
