"""One's own parts of a scenario, made with their fields."""

from pathlib import Path
from typing import Any

from agentlab import own_code
from agentlab.scenario import library


def get(reference: str, folder: Path) -> Any:
    """What `module:Name` names; raises `ValueError` with the reason when it cannot be had."""
    searchable(folder)
    return own_code.get(reference)


def make(reference: str, folder: Path, fields: dict[str, Any]) -> Any:
    """`Name(**fields)`; raises `ValueError` with the reason when it refuses them."""
    part = get(reference, folder)
    try:
        return part(**fields)
    except Exception as error:
        raise ValueError(f"{reference} refuses its fields: {own_code.told(error)}") from error


def modules() -> list[str]:
    """The modules of one's own that are imported, without those that ship."""
    shipped = library.shelves("scenarios")
    files = own_code.loaded()
    return [name for name, file in files.items() if not any(file.is_relative_to(shelf) for shelf in shipped)]


def searchable(folder: Path) -> None:
    """Lets modules beside shipped scenarios and in the scenario's folder be imported."""
    for place in (*library.shelves("scenarios"), folder):
        own_code.allow(place)
