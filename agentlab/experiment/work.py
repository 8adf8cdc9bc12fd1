"""What every command on a run folder needs: the folder held, its models served, its jobs done, and a way to stop."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from agentlab.engine.client import Client
from agentlab.engine.spec import RolloutSpec
from agentlab.errors import AgentlabError, ScenarioError, Stopped
from agentlab.experiment import addresses
from agentlab.experiment.clients import client_for, counting, identify, serving
from agentlab.experiment.judging.rollouts import JudgeRunner
from agentlab.experiment.progress import Progress
from agentlab.experiment.served import RunServing
from agentlab.garbage import seldom_collected
from agentlab.interfaces import Judge
from agentlab.mapping import mapping
from agentlab.models.serve import StopSwitch
from agentlab.models.spec import ModelSpec
from agentlab.scenario.fields import LimitFields
from agentlab.store import DATABASE, Store, read
from agentlab.types import Task

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = 20.0
"""Seconds after SIGTERM or SIGHUP for what is in flight; schedulers kill after 30, unless they are told otherwise."""
CONCURRENCY, MAX_CONCURRENCY = 256, 2000
"""Jobs at once: unless said otherwise, enough to keep an account busy and few enough to stop well; and at most."""

Job = Callable[[], Awaitable[None]]
"""Something to do that may raise `Stopped`."""


@dataclass(frozen=True, slots=True)
class WideJob:
    """A job that counts as several of those done at once, such as a rollout with many particles."""

    do: Job
    width: int

    async def __call__(self) -> None:
        await self.do()


@dataclass(frozen=True, slots=True)
class Work:
    """A run folder that one command holds, with what all its jobs share."""

    store: Store
    seed: int
    tasks: Mapping[str, Task]
    """As they are before addenda, which is how judges see them."""
    clients: Mapping[str, Client]
    """Of the agents, by condition."""
    judges: JudgeRunner
    progress: Progress
    concurrency: int
    limit: LimitFields | None = None
    """Of the whole run."""

    def stopped(self) -> bool:
        """Whether nothing more is to be begun. That the run's limit is reached is noted."""
        return self.progress.stopping or (self.limit is not None and self.progress.over(self.limit))

    @property
    def cost_limit(self) -> float | None:
        """US dollars that the run may spend; None without a limit."""
        return None if self.limit is None else self.limit.cost

    async def each(self, jobs: AsyncGenerator[Job] | Iterable[Job]) -> None:
        """Does the jobs in their order, so many at once as the command allows, until it is to stop.

        A job is taken when there is room for it, not before, and begun when the run's limit on cost leaves more than
        the jobs that run are expected to take. Of several errors the first of ours is raised. Raises
        `ScenarioError` when the run's limit cannot be held, once what is in flight is finished.
        """
        window, freed, running = asyncio.Semaphore(self.concurrency), asyncio.Event(), set[asyncio.Task[None]]()

        def ended(places: int, task: asyncio.Task[None]) -> None:
            running.discard(task)
            freed.set()
            for _place in range(places):
                window.release()

        with _first_error():
            listed = jobs if isinstance(jobs, AsyncGenerator) else _one_by_one(jobs)
            async with aclosing(listed) as queue, asyncio.TaskGroup() as group:
                while True:
                    await window.acquire()
                    job = await anext(queue, None)
                    await self._affordable(running, freed)
                    if job is None or self.stopped():
                        break
                    places = min(job.width if isinstance(job, WideJob) else 1, self.concurrency)
                    for _ in range(places - 1):
                        await window.acquire()
                    running.add(task := group.create_task(_done(job)))
                    task.add_done_callback(partial(ended, places))
        if self.progress.unheld is not None:
            raise ScenarioError(self.progress.unheld)

    async def _affordable(self, running: set[asyncio.Task[None]], freed: asyncio.Event) -> None:
        """Waits while running jobs are expected to use up the run's limit on cost; `freed` is set when one ends."""
        if (limit := self.cost_limit) is None:
            return
        await asyncio.sleep(0)  # so that what was begun last is counted as running
        while running and not self.stopped() and self.progress.spoken_for(limit):
            freed.clear()
            await freed.wait()


async def _done(job: Job) -> None:
    with suppress(Stopped):
        await job()


async def _one_by_one(jobs: Iterable[Job]) -> AsyncGenerator[Job]:
    for job in jobs:
        yield job


def run_limit(meta: Mapping[str, Any]) -> LimitFields | None:
    """The limit of the whole run that its scenario last had; None without one, or without a scenario."""
    limits = mapping(mapping(mapping(meta.get("tree")).get("limits")).get("run"))
    return LimitFields.model_validate(limits) if limits else None


@contextmanager
def opened(folder: Path, new: bool = True) -> Generator[Store]:
    """The run folder, held until the block ends. Unless a `new` one may be made, raises `StoreError` without one.

    A mistake that is found, or an interrupt, before a run is registered leaves no folder behind that would look like a
    run.
    """
    if not new:
        read(folder).close()
    made = not (folder / DATABASE).is_file()
    store, empty = Store.open(folder), False
    try:
        yield store
    except (ScenarioError, asyncio.CancelledError, KeyboardInterrupt):
        empty = made and "tree" not in store.meta()
        raise
    finally:
        store.close()
        if empty:
            (folder / DATABASE).unlink(missing_ok=True)
            with suppress(OSError):  # something else lies there
                folder.rmdir()


@asynccontextmanager
async def working(
    store: Store,
    meta: Mapping[str, Any],
    tasks: Mapping[str, Task],
    judges: Mapping[str, Judge],
    judging: Mapping[str, ModelSpec],
    progress: Progress,
    concurrency: int,
    arms: Mapping[str, Mapping[str, ModelSpec]] | None = None,
    specs: Sequence[RolloutSpec] = (),
    limit: LimitFields | None = None,
    where: addresses.Moved | None = None,
) -> AsyncGenerator[Work]:
    """Serves the models to a command that holds the run, and lets Ctrl-C stop it softly.

    `meta` is the run's, recorded or about to be: what a command adds is recorded when its models can be asked.
    `judging` are the models of all judges and selectors by alias, `arms` those of agents by condition and alias;
    `specs` are the rollouts that may be played, which a `replay/RUN` looks up. `where` says which servers have moved,
    else the environment does.
    """
    where = addresses.moved(()) if where is None else where
    section = meta.get("tree", {}).get("models", {})
    addresses.check(where, {**section, **judging})
    judging = addresses.reached(judging, where, section)
    arms = {name: addresses.reached(models, where, section) for name, models in (arms or {}).items()}
    used = [*judging.values(), *(spec for models in arms.values() for spec in models.values())]
    if not progress.made.calls:  # a loop serves models several times in one command
        progress.earlier = store.cost()
    stop_switch = StopSwitch()
    record, by_identity = RunServing(store, progress, stop_switch), {identify(spec): spec for spec in used}
    async with serving(by_identity, store, specs, stop_switch, record) as (models, begin):
        client = Client({}, counting(store, progress), begin=begin)
        clients = {name: client_for(client, of_agents, models) for name, of_agents in arms.items()}
        settings = {alias: spec.settings() for alias, spec in judging.items()}
        judge_runner = JudgeRunner(judges, store, client_for(client, judging, models), settings)
        asked = [*judging.items(), *(pair for of_agents in arms.values() for pair in of_agents.items())]
        store.set_meta({"addresses": addresses.recorded(store.meta().get("addresses", []), asked)})
        at_once = min(concurrency, MAX_CONCURRENCY)
        with stoppable(progress, stop_switch), seldom_collected():
            yield Work(store, meta["seed"], tasks, clients, judge_runner, progress, at_once, limit)


@contextmanager
def stoppable(progress: Progress, stop_switch: StopSwitch) -> Generator[None]:
    """The first Ctrl-C lets what is in flight finish, the second cancels it; outside the main thread, neither.

    SIGTERM and SIGHUP are the same, and what is not finished after `GRACE` seconds is cancelled, since whoever sent
    them (a cluster that preempts the job, a terminal that is closed) soon kills.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def interrupt(number: signal.Signals) -> None:
        if progress.stopping:
            task.cancel()
        elif number is not signal.SIGINT:
            timers.append(loop.call_later(GRACE, task.cancel))
        progress.stopping, progress.signal = True, progress.signal or number
        stop_switch.pull()

    timers: list[asyncio.TimerHandle] = []
    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # `nohup` ignores one
    try:
        for number in heard:
            loop.add_signal_handler(number, interrupt, number)
    except (RuntimeError, ValueError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()
        for number in heard:
            loop.remove_signal_handler(number)


@contextmanager
def _first_error() -> Generator[None]:
    """Of a group of errors the first of ours is raised, or else the first."""
    try:
        yield
    except BaseExceptionGroup as group:
        errors = list(_leaves(group))
        raise next((e for e in errors if isinstance(e, AgentlabError)), errors[0]) from None


def _leaves(group: BaseExceptionGroup[BaseException]) -> Generator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(cast(BaseExceptionGroup[BaseException], error))
        else:
            yield error
