"""The models of a command that are answered by engines which agentlab starts, several of them by one engine."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agentlab.errors import EngineError, ModelError, Stopped
from agentlab.interfaces import Model, close
from agentlab.models.engines import environment
from agentlab.models.engines.engine import Engine, Note
from agentlab.models.engines.plan import EnginePlan, adapter_name, plan_of
from agentlab.models.spec import ModelSpec
from agentlab.models.wrapping import Wrapping
from agentlab.types import Completion, Request


@dataclass(frozen=True, slots=True)
class HostedModel(Wrapping):
    """A model that waits for its engine. A call during which the engine ended is made again by the next one."""

    inner: Model
    engine: Engine
    outside: bool
    """Whether it has the engine for itself, outside of a run."""

    async def complete(self, request: Request) -> Completion:
        while True:
            try:
                start = await self.engine.ready()
            except EngineError as failure:
                if self.outside:
                    raise ModelError("fatal", str(failure)) from None
                raise Stopped("not sent") from None  # the run tells the reason once, when it has stopped
            try:
                return await self.inner.complete(request)
            except ModelError as error:
                if error.kind != "transient" or await self.engine.serves(start):
                    raise

    async def aclose(self) -> None:
        await close(self.inner)
        if self.outside:
            await self.engine.aclose()


@dataclass(slots=True)
class Engines:
    """The engines of one command, each for all its models."""

    folder: Path | None = None
    """Where their logs go; a temporary one by default."""
    note: Note | None = None
    give_up: Callable[[EngineError], None] | None = None
    by_plan: dict[EnginePlan, Engine] = field(default_factory=dict[EnginePlan, Engine])

    def engine_of(self, spec: ModelSpec) -> Engine:
        """The engine of a model, which will know its adapter. Nothing is started.

        Raises ScenarioError for options that are wrong and for what this machine lacks, MismatchError for another
        adapter than was named.
        """
        plan = plan_of(spec)
        if plan not in self.by_plan:
            environment.start_seconds()
            folder = self.folder or Path(tempfile.mkdtemp(prefix="agentlab-"))
            engine = self.by_plan[plan] = Engine(plan, environment.python(), folder)
            engine.note, engine.give_up = self.note or engine.note, self.give_up or engine.give_up
        if (named := adapter_name(spec)) is not None:
            self.by_plan[plan].adapters[named[0]] = named[1]
        return self.by_plan[plan]

    def stop(self) -> None:
        """Whoever waits for one to serve gets `Stopped`."""
        for engine in self.by_plan.values():
            engine.stop()

    def starting(self) -> str:
        """What is to be said of those that start."""
        return "; ".join(filter(None, (engine.starting() for engine in self.by_plan.values())))

    @property
    def failure(self) -> EngineError | None:
        """Why one was given up."""
        return next((engine.failure for engine in self.by_plan.values() if engine.failure), None)

    async def aclose(self) -> None:
        """Ends them."""
        for engine in self.by_plan.values():
            await engine.aclose()
