"""What the options of several commands mean."""

from pathlib import Path

from agentlab.errors import ScenarioError
from agentlab.experiment import Selection


def folder_for(name: str, out: str | None, new: bool) -> Path:
    """The run folder that these options mean."""
    folder = Path(out) if out else Path("runs") / name
    if not new or not folder.exists():
        return folder
    return next(path for i in range(2, 10_000) if not (path := folder.with_name(f"{folder.name}-{i}")).exists())


def selection(tasks: str | None, only: list[str] | None, draws: int | None) -> Selection:
    """The part of the design that these options mean."""
    levels: dict[str, tuple[str, ...]] = {}
    for text in only or ():
        factor, equals, names = text.partition("=")
        if not equals or not names:
            raise ScenarioError(f"--only {text!r}: write FACTOR=LEVEL, such as team=firm")
        levels[factor] = (*levels.get(factor, ()), *names.split(","))
    return Selection(tuple(tasks.split(",")) if tasks else None, levels, draws)
