"""Makes a tool from an async function: the type hints become its schema, the docstring its description."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from agentlab.types import Returned, Scene, Task, ToolSpec

Function = Callable[..., Awaitable[str | Returned]]


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """An async function as a tool, and as a toolset with that one tool."""

    function: Function
    arguments: type[BaseModel] = field(repr=False)
    spec: ToolSpec

    @property
    def tools(self) -> tuple["FunctionTool", ...]:
        """The tool itself."""
        return (self,)

    def open(self, task: Task) -> AbstractAsyncContextManager[Any]:
        """Opens nothing."""
        return nullcontext()

    async def __call__(self, scene: Scene, arguments: Mapping[str, Any]) -> Returned:
        """Raises `ValueError` with what is wrong with the arguments, for the model, or any error that the function
        raises."""
        try:
            given = self.arguments.model_validate(arguments)
        except ValidationError as error:
            raise ValueError("; ".join(map(_wrong, cast(list[Any], error.errors())))) from None
        returned: Any = await self.function(scene, **{name: getattr(given, name) for name in type(given).model_fields})
        if isinstance(returned, Returned):
            return returned
        if not isinstance(returned, str):
            raise TypeError(f"tool {self.spec.name} returned {type(returned).__name__}, but must return text")
        return Returned(returned)


def tool(function: Function) -> FunctionTool:
    """`@tool async def add(scene, a: int, b: int) -> str`: makes a tool with the function's name and docstring.

    The first parameter is the turn's `Scene`; the others are the model's arguments, described by
    `Annotated[int, Field(description=…)]`. Raises `TypeError` for a function that cannot be a tool.
    """
    name = getattr(function, "__name__", "a tool")
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{name} is not a tool: it is not an async function")
    first, *parameters = inspect.signature(function).parameters.values() or (None,)
    if first is None or first.name != "scene":
        raise TypeError(f"{name} is not a tool: its first parameter is not `scene`")
    hints = get_type_hints(function, include_extras=True)
    if unknown := [p.name for p in parameters if p.name not in hints]:
        raise TypeError(f"{name} is not a tool: it has no type hint for {', '.join(unknown)}")
    fields: dict[str, Any] = {p.name: (hints[p.name], ... if p.default is p.empty else p.default) for p in parameters}
    arguments = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
    return FunctionTool(function, arguments, ToolSpec(name, inspect.getdoc(function) or "", _schema(arguments)))


@dataclass(frozen=True, slots=True)
class Shared:
    """Tools that share a resource in `scene.resource`, which `opens` opens once per rollout."""

    tools: tuple[FunctionTool, ...]
    opens: Callable[[Task], AbstractAsyncContextManager[Any]] = field(repr=False)
    lacking: Callable[[], str] | None = field(default=None, repr=False)
    """Says, in a sentence, what this machine needs to open it; empty if nothing is missing."""

    def open(self, task: Task) -> AbstractAsyncContextManager[Any]:
        """Exited when the rollout ends, in any way."""
        return self.opens(task)


def _wrong(error: Mapping[str, Any]) -> str:
    where = ".".join(map(str, error["loc"])) or "the arguments"
    return f"{where}: {error['msg']}"


def _schema(arguments: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema without titles, which only repeat the names."""
    schema = arguments.model_json_schema()
    for part in (schema, *schema.get("properties", {}).values()):
        part.pop("title", None)
    return schema
