"""Parts by name, each imported when it is first asked for, so that a command waits only for those it uses."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, TypeVar

T = TypeVar("T")


def part_at(package: str, home: str) -> Any:
    """What stands below `package` at `home`, which is `module:Name`, or `module` for the module itself."""
    module, _, name = home.partition(":")
    imported: Any = import_module(f"{package}.{module}")
    return getattr(imported, name) if name else imported


class Registry(Mapping[str, T]):
    """What ships, by the name that a scenario gives it.

    `homes` says where each stands below `package`, as `part_at` reads it. To list the names, or to look whether one is
    there, imports nothing.
    """

    def __init__(self, package: str, homes: Mapping[str, str]) -> None:
        self.package, self.homes = package, dict(homes)

    def __getitem__(self, name: str) -> T:
        return part_at(self.package, self.homes[name])

    def __contains__(self, name: object) -> bool:
        return name in self.homes

    def __iter__(self) -> Iterator[str]:
        return iter(self.homes)

    def __len__(self) -> int:
        return len(self.homes)
