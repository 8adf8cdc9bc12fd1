"""What ships is registered, and a registry imports no part before it is asked for one."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, get_args

import pytest

from agentlab import judges, products, tools
from agentlab.organization import protocols
from agentlab.registry import Registry
from agentlab.scenario import generators
from agentlab.training import trainers
from agentlab.training.trainer import TrainerKind


def has_kind(value: Any) -> bool:
    """A pydantic model that a `kind` selects."""
    return isinstance(value, type) and "kind" in getattr(value, "model_fields", ())


def is_routing(value: Any) -> bool:
    return isinstance(value, type) and all(hasattr(value, name) for name in ("kinds", "tags", "route"))


def is_tool(value: Any) -> bool:
    return isinstance(value, tools.FunctionTool | tools.Shared)


def is_trainer(value: Any) -> bool:
    return isinstance(value, TrainerKind)


def is_product(value: Any) -> bool:
    return hasattr(value, "PROGRAM") and hasattr(value, "COMMAND")


def shipped(package: str, is_part: Callable[[Any], bool]) -> Iterator[Any]:
    """The parts in the modules of a package, without classes that are defined elsewhere."""
    for found in iter_modules(import_module(package).__path__, f"{package}."):
        module = import_module(found.name)
        for value in (module, *vars(module).values()):
            imported = isinstance(value, type) and value.__module__ != found.name
            if is_part(value) and not imported:
                yield value


@pytest.mark.parametrize(
    ("registry", "is_part"),
    [
        (judges.KINDS, has_kind),
        (protocols.KINDS, has_kind),
        (protocols.SHIPPED, is_routing),
        (trainers.TRAINERS, is_trainer),
        (products.SHIPPED, is_product),
        (generators.KINDS, has_kind),
    ],
    ids=["judges", "protocols", "routings", "trainers", "products", "generators"],
)
def test_every_part_that_ships_has_a_name(registry: Registry[Any], is_part: Callable[[Any], bool]) -> None:
    defined = {id(part) for part in shipped(registry.package, is_part)}
    assert {id(part) for part in registry.values()} == defined


def test_a_kind_is_registered_under_its_own_name() -> None:
    for registry in (judges.KINDS, protocols.KINDS, generators.KINDS):
        for name, config in registry.items():
            assert get_args(config.model_fields["kind"].annotation) == (name,)
    for name, tool in tools.TOOLS.items():
        assert tool.tools[0].spec.name == name


def test_every_tool_that_ships_has_a_name() -> None:
    named = [*tools.TOOLS.values()]
    inner = [tool for made in named for tool in made.tools]
    assert {id(tool) for tool in shipped("agentlab.tools", is_tool)} == {id(tool) for tool in (*named, *inner)}


def test_an_unknown_name_is_a_key_error() -> None:
    assert "no such" not in judges.KINDS
    with pytest.raises(KeyError):
        judges.KINDS["no such"]


@pytest.mark.process
def test_the_names_are_known_without_the_parts() -> None:
    code = (
        "import sys; from agentlab.judges import KINDS; from agentlab.tools import TOOLS; "
        "assert 'match' in KINDS and 'read' in TOOLS and len([*KINDS]) > 4; "
        "print(*(name for name in sys.modules if name in ('agentlab.judges.match', 'agentlab.tools.files')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
