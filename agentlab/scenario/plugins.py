"""One's own parts: `my_module:Name`, imported from the scenario's folder, the working folder or what is installed."""

import importlib
import sys
from pathlib import Path
from typing import Any

from agentlab.scenario import library


def is_own(reference: object) -> bool:
    """Whether this names a part of one's own."""
    if not isinstance(reference, str) or reference.count(":") != 1:
        return False
    module, name = reference.split(":")
    return name.isidentifier() and all(part.isidentifier() for part in module.split("."))


def get(reference: str, folder: Path) -> Any:
    """What `module:Name` names; raises `ValueError` with the reason when it cannot be had."""
    module, _, name = reference.partition(":")
    searchable(folder)
    try:
        imported = importlib.import_module(module)
    except Exception as error:  # a module of the user's may fail in any way
        raise ValueError(f"{module!r} cannot be imported: {type(error).__name__}: {error}") from error
    if not hasattr(imported, name):
        raise ValueError(f"{module!r} has no {name!r}")
    return getattr(imported, name)


def make(reference: str, folder: Path, fields: dict[str, Any]) -> Any:
    """`Name(**fields)`; raises `ValueError` with the reason when it refuses them."""
    part = get(reference, folder)
    try:
        return part(**fields)
    except Exception as error:
        raise ValueError(f"{reference} refuses its fields: {type(error).__name__}: {error}") from error


def searchable(folder: Path) -> None:
    """Lets modules in the scenario's folder, in the working folder and beside shipped scenarios be imported."""
    for place in (folder.resolve(), Path.cwd(), *library.shelves("scenarios")):
        if str(place) not in sys.path:
            sys.path.append(str(place))
