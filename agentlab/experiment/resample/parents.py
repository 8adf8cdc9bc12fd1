"""Rollouts of a run that may be forked: what they were, who acted when, and what each turn used."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from agentlab.engine.cut import Active, Cut, parsed
from agentlab.engine.intervention import Change, stored
from agentlab.engine.spec import RolloutSpec, fork
from agentlab.errors import MismatchError, ScenarioError
from agentlab.experiment.resample.swaps import Swap, swapped
from agentlab.experiment.schedule import Item
from agentlab.experiment.specs import Selection, rollout_specs
from agentlab.models.spec import ModelSpec
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.scenario.generations import trained
from agentlab.scenario.rebuild import rebuild
from agentlab.store import DATABASE, UNFINISHED
from agentlab.store.ancestry import kept_by, line, messages
from agentlab.store.training import served
from agentlab.types import Message, Purpose, Usage

_POPULATED = "SELECT population FROM rollouts WHERE population IS NOT NULL"
"""The keys of rollouts with a population."""


@dataclass(frozen=True, slots=True)
class CallUsage:
    """What one call used."""

    actor: str
    round: int
    usage: Usage | None
    """None when it is unknown."""
    judge: str | None = None
    """Of a judge's call: its name."""


@dataclass(frozen=True, slots=True)
class Parent:
    """A finished rollout, which may be a fork itself."""

    rollout_spec: RolloutSpec
    condition: Condition
    status: str
    active: Active
    calls: tuple[CallUsage, ...]
    """Those that its log was made from."""
    judging: tuple[CallUsage, ...]
    """One call for each place at which a judge was asked."""
    messages: tuple[Message, ...]
    models: Mapping[str, ModelSpec] = field(default_factory=dict[str, ModelSpec])
    """Of a fork: by alias, what swaps on the way to it put behind agents."""

    @property
    def kept(self) -> Cut:
        """The end of what it has from its own parent, before which it cannot be cut."""
        branch = self.rollout_spec.branch
        return Cut(0) if branch is None else branch.cut

    @property
    def rounds(self) -> int:
        """The limit of its organization, past which the closing question lies."""
        return self.rollout_spec.organization.rounds

    @property
    def place(self) -> str:
        """`task=loan,team=firm,draw=1`; of a fork, `fork 2 at 3 of` that."""
        levels = [f"{factor}={level}" for factor, level in self.condition.levels.items()]
        forks = "".join(f"fork {branch.index} at {branch.cut} of " for branch in reversed(self.rollout_spec.branches))
        return forks + ",".join([f"task={self.rollout_spec.task.id}", *levels, f"draw={self.rollout_spec.draw}"])


class ParentRun:
    """A run to take parents from, read only."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, scenario: Path | None = None) -> None:
        """`scenario` lies beside the modules of one's own. Raises `ScenarioError` when the design cannot be built."""
        self.folder, self._connection = folder, connection
        rows = connection.execute("SELECT key, value FROM meta")
        self.meta: dict[str, Any] = {key: msgspec.json.decode(value) for key, value in rows}
        if "tree" not in self.meta:
            raise ScenarioError(f"{folder}: these are imported texts; only rollouts that agentlab ran can be re-run")
        file = scenario if scenario is not None else Path(self.meta.get("file", "scenario.yaml"))
        self.design: Design = rebuild(self.meta["tree"], folder, file.parent)
        self._designs = [self.design, *self._later()]

    def _later(self) -> Iterator[Design]:
        """The design with the conditions of each trained generation, as `agentlab train` served them."""
        origins = {condition.name: condition for condition in self.design.conditions}
        every = [weights for weights in served(self.meta, self.folder).values() if weights["origin"] in origins]
        for generation in range(1, 1 + max((weights["generation"] for weights in every), default=0)):
            made = [
                trained(origins[weights["origin"]], generation, weights["recipe"], weights["serve"], weights["systems"])
                for weights in every
                if weights["generation"] == generation
            ]
            yield replace(self.design, conditions=tuple(made))

    def one(self, key: str) -> Parent:
        """The rollout with this key. Raises `ScenarioError` when it may not be forked, saying why."""
        sql = "SELECT task, condition, draw, status, at, of FROM rollouts WHERE key = ?"
        task, condition, draw, status, at, of = self._connection.execute(sql, (key,)).fetchone()
        if status in UNFINISHED:
            again = "`agentlab run` continues it" if at is None else "the command that drew it continues it"
            raise ScenarioError(f"rollout {key[:12]}: not finished ({status or 'interrupted'}); {again}")
        if of is not None:
            raise ScenarioError(
                f"rollout {key[:12]}: {condition} has a budget set by another arm, so it cannot be re-run by itself; "
                f"fork a rollout of the arm that sets its budget"
            )
        self._refuse_populated(key)
        levels = {arm.name: arm.levels for design in self._designs for arm in design.conditions}.get(condition, {})
        selection = Selection((task,), {factor: (level,) for factor, level in levels.items()}, draw)
        origin, *forks = reversed(line(self._connection, key))
        item = next((item for item in self._trials(selection) if item[0].key == origin.key), None)
        if item is not None:
            spec, cell = item
            models: dict[str, ModelSpec] = {}
            for ancestor in forks:
                change = self._change(cell, ancestor.change, models)
                spec = fork(spec, parsed(str(ancestor.at)), ancestor.fork, change)
            if spec.key == key:
                return self._parent(spec, cell, status, models)
        raise MismatchError(
            f"{self.folder / DATABASE}: the recorded design gives {condition}, task {task}, draw {draw} a different "
            f"identity than the rollout has: a module of your own, or agentlab itself, has changed"
        )

    def _refuse_populated(self, key: str) -> None:
        """Raises `ScenarioError` for what a population made: particles, draws, and who took one."""
        sql = f"SELECT kind, change, parent, population, key IN ({_POPULATED}) FROM rollouts WHERE key = ?"
        kind, change, parent, population, populated = self._connection.execute(sql, (key,)).fetchone()
        start = f"rollout {key[:12]}: it"
        if kind == "redraw":
            raise ScenarioError(f"{start} is a draw of a turn of fork {population[:12]}, which has no forks of its own")
        if change.startswith("until "):
            raise ScenarioError(
                f"{start} is a fork of --until, whose turns depend on a judge; fork its parent {parent[:12]}"
            )
        if kind == "particle" or populated:
            raise ScenarioError(
                f"{start} was made by a population of particles, which cannot be re-run from a cut; "
                f"fork a rollout of a condition without `inference`"
            )

    def _change(self, condition: Condition, text: str, models: dict[str, ModelSpec]) -> Change | None:
        """What a stored fork did otherwise; to `models` the model that came in. Changed messages are in its log."""
        recorded = stored(text)
        if recorded is None or recorded.kind != "swap":
            return recorded
        agent, _, model = recorded.what.partition("=")
        change, spec = swapped(self.design, condition, Swap(agent, model))
        if change.agent is not None:
            models[change.agent.model] = spec
        return change

    def some(self, selection: Selection, most: int, agent: str | None = None) -> list[Parent]:
        """The first finished rollouts of the selection, draw by draw, as evenly over tasks and conditions as they go.

        Baselines are left out, as are conditions without `agent` where others have it. Nothing that came out of a
        rollout has a say.
        """
        plain = f"kind = 'rollout' AND of IS NULL AND key NOT IN ({_POPULATED})"
        rows = self._connection.execute(f"SELECT key, status FROM rollouts WHERE {plain}")
        status: dict[str, str | None] = dict(rows.fetchall())
        (last,) = self._connection.execute("SELECT max(draw) FROM rollouts WHERE kind = 'rollout'").fetchone()
        known = Selection(selection.tasks, selection.levels, min(selection.draws or last, last or 1))
        finished = [item for item in self._trials(known) if status.get(item[0].key) not in UNFINISHED]
        finished = [item for item in finished if agent in item[1].organization.roster] or finished
        return [self._parent(*item, str(status[item[0].key])) for item in _balanced(finished, most)]

    def forks(self) -> dict[str, str | None]:
        """The status of every fork, by key."""
        return dict(self._connection.execute("SELECT key, status FROM rollouts WHERE kind = 'fork'").fetchall())

    def _trials(self, selection: Selection) -> list[Item]:
        """Those of every generation, draw by draw."""
        seed = self.meta["seed"]
        specs = [rollout_specs(design, seed, selection, generation) for generation, design in enumerate(self._designs)]
        return sorted((item for of in specs for item in of), key=lambda item: item[0].draw)

    def _parent(
        self,
        rollout_spec: RolloutSpec,
        condition: Condition,
        status: str,
        models: Mapping[str, ModelSpec] | None = None,
    ) -> Parent:
        row = self._connection.execute("SELECT * FROM rollouts WHERE key = ?", (rollout_spec.key,)).fetchone()
        log, latest = messages(self._connection, row), dict[tuple[str, int, int], tuple[Purpose, CallUsage]]()
        for call in kept_by(self._connection, row):
            usage = call.completion.usage if call.completion is not None else Usage()
            latest[call.actor, call.round, call.k] = call.purpose, CallUsage(call.actor, call.round, usage)
        asked = any(message.kind == "closing" for message in log)
        sql = (
            "SELECT purpose, actor, round, k, judge, input_tokens, output_tokens, reasoning_tokens, cache_read_tokens, "
            "cache_write_tokens FROM call_spans WHERE rollout = ? AND error IS NULL ORDER BY round, attempt"
        )
        for purpose, actor, round, k, judge, *usage in self._connection.execute(sql, (row[0],)):
            if round <= rollout_spec.organization.rounds or asked:  # else asked before a raised limit let it go on
                used = None if usage[0] is None else Usage(*usage)
                latest[actor, round, k] = purpose, CallUsage(actor, round, used, judge)
        calls = [used for purpose, used in latest.values() if purpose == "agent"]
        judging = [used for purpose, used in latest.values() if purpose == "judge"]
        acted = _active(rollout_spec, calls)
        return Parent(rollout_spec, condition, status, acted, tuple(calls), tuple(judging), log, models or {})


def _active(rollout_spec: RolloutSpec, calls: Sequence[CallUsage]) -> Active:
    acted = {(used.round, used.actor) for used in calls}
    roster = [agent.name for agent in rollout_spec.organization.agents]
    rounds = sorted({round for round, _ in acted})
    return {round: tuple(name for name in roster if (round, name) in acted) for round in rounds}


def _balanced(items: Sequence[Item], most: int) -> list[Item]:
    """Draw by draw, always one of the task and the condition that have been taken least so far."""
    taken: Counter[str] = Counter()
    chosen: list[Item] = []
    by_draw: dict[int, list[Item]] = {}
    for item in items:
        by_draw.setdefault(item[0].draw, []).append(item)
    for left in by_draw.values():
        while left and len(chosen) < most:
            item = min(
                left, key=lambda item: taken[f"task {item[0].task.id}"] + taken[f"condition {item[0].condition}"]
            )
            left.remove(item)
            chosen.append(item)
            taken.update((f"task {item[0].task.id}", f"condition {item[0].condition}"))
    return chosen
