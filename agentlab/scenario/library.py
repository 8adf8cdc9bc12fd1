"""Shipped scenarios and judges, found by name from anywhere: in the installed package, or in the checkout beside it."""

from pathlib import Path
from typing import Literal

from agentlab.errors import ScenarioError
from agentlab.suggestion import suggest

Shelf = Literal["scenarios", "judges"]

GROUPS = ("cascades", "adversarial")
"""Folders of shipped scenarios that belong together; each is found by its own name."""
_PACKAGE = Path(__file__).resolve().parents[1]


def shelves(shelf: Shelf) -> list[Path]:
    """The folders that are searched, in order."""
    checkout = _PACKAGE.parent
    folders = [_PACKAGE / "library" / shelf]
    if (checkout / "pyproject.toml").is_file():
        folders.append(checkout / shelf)
    return [folder for folder in folders if folder.is_dir()]


def names(shelf: Shelf) -> list[str]:
    """Everything that ships under a name."""
    stems: set[str] = set()
    for folder in shelves(shelf):
        stems |= {path.stem for path in folder.glob("*.yaml")}
        stems |= {path.stem for path in folder.glob("*/*.yaml") if _stands_alone(path)}
    return sorted(stems)


def scenario(name: str | Path) -> Path:
    """The file of a scenario: the path that was given, a shipped one by its name, or NAME.yaml in this folder."""
    path = Path(name)
    if path.is_dir():
        path = next((p for p in (path / f"{path.resolve().name}.yaml", path / "scenario.yaml") if p.is_file()), path)
    if path.is_file():
        return path
    if file := _within([*shelves("scenarios"), Path()], str(name)):
        return file
    if path.is_dir():
        raise ScenarioError(f"no scenario in the folder {name}; give the path of its YAML file")
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        near = sorted(p.name for p in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        raise ScenarioError(f"file {name} not found; {suggest(path.name, near) if near else 'give an existing path'}")
    known = names("scenarios")
    nearest = suggest(name, known)
    listed = "" if nearest.startswith("known") else f" known: {', '.join(known)}"
    raise ScenarioError(f"no scenario {str(name)!r}; {nearest}{listed}; or give the path of a YAML file")


def write_new(name: str) -> Path:
    """Writes the template under this name into NAME.yaml; raises `ScenarioError` for a name that does not do."""
    from agentlab.scenario.values import is_name  # with all that reads YAML

    path = Path(f"{name.removesuffix('.yaml')}.yaml")
    if not is_name(path.stem):
        raise ScenarioError(
            f"{path.stem!r} is not a valid scenario name; start with a letter, and use only letters, digits and _ . "
            f"+ -, such as mine"
        )
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template(path.stem))
    except FileExistsError:
        raise ScenarioError(f"{path} already exists; choose another name, or delete it") from None
    except OSError as error:
        raise ScenarioError(f"{path} cannot be written ({error.strerror}); choose another name or folder") from error
    return path


def template(name: str) -> str:
    """The commented scenario that a new one starts from, under this name."""
    path = _within(shelves("scenarios"), "template")
    assert path is not None, "the template ships with the package"
    return path.read_text().replace("name: template\n", f"name: {name}\n")


def judge(name: str, beside: Path) -> Path | None:
    """The file of a judge: beside the scenario, else shipped; None when there is no such judge."""
    return _within([beside / "judges", beside, *shelves("judges")], name)


def judges(beside: Path) -> list[str]:
    """The judges a scenario in this folder may name."""
    beside_scenario = {path.stem for path in (beside / "judges").glob("*.yaml")}
    return sorted(beside_scenario | set(names("judges")))


def _stands_alone(path: Path) -> bool:
    """Of a file in a folder within a shelf: whether it is found by its name."""
    return path.parent.name in (path.stem, *GROUPS)


def _within(folders: list[Path], name: str) -> Path | None:
    if not name or Path(name).name != name:
        return None
    for folder in folders:
        places = (folder / name, *(folder / group for group in GROUPS))
        for path in (folder / f"{name}.yaml", *(place / f"{name}.yaml" for place in places)):
            if path.is_file():
                return path
    return None
