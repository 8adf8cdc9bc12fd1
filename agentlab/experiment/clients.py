"""The models of a run, ready to be asked: opened, recorded runs found, calls priced and counted."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from agentlab.engine.client import Client, Price, Record
from agentlab.engine.spec import RolloutSpec
from agentlab.experiment.progress import Progress
from agentlab.experiment.replay import HINTED, Coordinates, ReplayIndex
from agentlab.experiment.served import RunServing
from agentlab.interfaces import Model
from agentlab.models.prices import cost_of, is_free
from agentlab.models.serve import StopSwitch, serve
from agentlab.models.spec import ModelSpec
from agentlab.seeds import digest
from agentlab.store import DATABASE, Store
from agentlab.types import Call, Usage


@asynccontextmanager
async def serving(
    specs: Mapping[str, ModelSpec],
    store: Store,
    todo: Sequence[RolloutSpec],
    stop_switch: StopSwitch,
    record: RunServing,
) -> AsyncGenerator[tuple[Mapping[str, Model], Callable[[RolloutSpec], None]]]:
    """The models by the identity of their spec, ready to be asked; `replay/RUN` finds its run.

    Beside them a function that must be called with each rollout that is played beside `todo`, such as a particle.
    """
    replayed: dict[str, ReplayIndex] = {}
    place: dict[str, Coordinates] = {}
    for spec in specs.values():
        if spec.name.startswith("replay/"):
            place |= {rollout_spec.key: _coordinates(rollout_spec) for rollout_spec in todo}
            replayed[spec.name] = ReplayIndex(_run_folder(spec.name.removeprefix("replay/"), store), place.get)

    def begin(spec: RolloutSpec) -> None:
        if replayed:
            place[spec.key] = _coordinates(spec)

    try:
        async with serve(specs, replayed, stop_switch, record.progress.waits, record) as models:
            yield models, begin
    finally:
        for replay_index in replayed.values():
            replay_index.close()


def _coordinates(rollout_spec: RolloutSpec) -> Coordinates:
    spec = rollout_spec
    forks = [(str(b.cut), b.index, "" if b.change is None else b.change.text) for b in spec.branches]
    return spec.task.id, spec.condition, spec.draw, spec.generation, HINTED if spec.hinted else tuple(forks)


def _run_folder(name: str, store: Store) -> Path:
    beside = store.folder.parent / name
    return beside if (beside / DATABASE).is_file() else Path(name)


def client_for(client: Client, specs: Mapping[str, ModelSpec], models: Mapping[str, Model]) -> Client:
    """The client to which these aliases mean these models."""
    return Client(
        {alias: models[identify(spec)] for alias, spec in specs.items()},
        client.record,
        _price(specs),
        begin=client.begin,
    )


def _price(specs: Mapping[str, ModelSpec]) -> Price:
    free = {alias for alias, spec in specs.items() if is_free(spec)}

    def price(alias: str, usage: Usage | None, when: float) -> float | None:
        return 0.0 if alias in free else cost_of(specs[alias], usage, _day(int(when // 86_400)))

    return price


@lru_cache(maxsize=16)
def _day(number: int) -> date:
    """The day with this number since the epoch, UTC."""
    return date(1970, 1, 1) + timedelta(number)


def counting(store: Store, progress: Progress) -> Record:
    """`store.record`, with every call counted once, and once more for the time of its tools."""

    def record(rollout: str, call: Call) -> Awaitable[None]:
        if call.tool_results:
            progress.add_tools(call)
        else:
            progress.add(rollout, call)
        return store.record(rollout, call)

    return record


def identify(spec: ModelSpec) -> str:
    """What tells two model specs apart."""
    return digest(spec.model_dump(mode="json"))
