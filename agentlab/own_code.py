"""Parts of one's own: `my_module:Name`, defined in a file of the scenario's folder or of the working folder.

A scenario may be somebody else's. A name in it reaches nothing that merely is installed, such as `subprocess:Popen`.
"""

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

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
    if home is not None and not _ours(home) and _file(sys.modules.get(home), home) is None:
        raise ValueError(f"{reference} is defined in {home!r}, which is no module of your own; define it in {module!r}")
    return part


def loaded() -> dict[str, Path]:
    """The modules of one's own that are imported, those included which they import, with their files."""
    files = {name: _file(module, name) for name, module in list(sys.modules.items()) if not _ours(name)}
    return {name: file for name, file in sorted(files.items()) if file is not None}


def _imported(name: str) -> Any:
    places = [place for folder in _searched() for place in _places(folder, name)]
    if not any(place.is_file() for place in places):
        folders = ", ".join(dict.fromkeys(map(str, _searched())))
        raise ValueError(f"there is no module {name!r} of your own: no {places[0].name} in {folders}")
    for folder in _searched():
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    try:
        imported = importlib.import_module(name)
    except Exception as error:  # a module of the user's may fail in any way
        raise ValueError(f"{name!r} cannot be imported: {type(error).__name__}: {error}") from error
    if _file(imported, name) is None:
        raise ValueError(f"{name!r} is the name of another module ({imported.__name__}) too; rename your file")
    return imported


def _ours(module: str) -> bool:
    return module.partition(".")[0] in ("agentlab", "agentlab_cli")


def _searched() -> list[Path]:
    return [*_folders, Path.cwd()]


def _places(folder: Path, name: str) -> tuple[Path, Path]:
    """The files that can be the module of this name in a folder."""
    path = folder.joinpath(*name.split("."))
    return path.with_name(f"{path.name}.py"), path / "__init__.py"


def _file(module: Any, name: str) -> Path | None:
    """The file of a module of one's own; None for any other. What a folder's virtual environment holds is not in it."""
    given = getattr(module, "__file__", None)
    if not isinstance(given, str) or (not given.endswith(f"{name.rpartition('.')[2]}.py") and "__init__" not in given):
        return None
    file = Path(given).resolve()
    return file if any(file in _places(folder, name) for folder in _searched()) else None
