"""Where stored rollouts are drawn anew: the cuts of a request, held against each rollout that is forked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentlab.engine.cut import Cut, by_agent, ends, read, turn
from agentlab.engine.intervention import Change, until
from agentlab.errors import ScenarioError
from agentlab.experiment.resample.interventions import dropped, edited
from agentlab.experiment.resample.parents import Parent
from agentlab.experiment.resample.request import ForkRequest
from agentlab.models.spec import ModelSpec
from agentlab.text import pluralize


@dataclass(frozen=True, slots=True)
class ForkPoint:
    """One cut of one rollout, with a change or without."""

    parent: Parent
    cut: Cut
    change: Change | None = None


def fork_points_of(
    request: ForkRequest, parents: Sequence[Parent], stand_ins: Mapping[str, tuple[Change, ModelSpec]]
) -> tuple[tuple[ForkPoint, ...], list[str]]:
    """Where each parent is drawn anew: at each cut plainly, then with its change; and what is left out."""
    points, refused = list[ForkPoint](), list[tuple[Parent, ScenarioError]]()
    for parent in parents:
        try:
            for cut, change in _cuts(request, parent, stand_ins):
                plain = Cut(cut.round) if change is not None and change.redraw is not None else cut
                points += [ForkPoint(parent, plain), *([ForkPoint(parent, cut, change)] if change is not None else [])]
        except ScenarioError as error:
            refused.append((parent, error))
    if not points:
        raise refused[0][1]
    left = [
        f"{pluralize(len(refused), 'rollout')} excluded, such as {parent.place}: {error}"
        for parent, error in refused[:1]
    ]
    return tuple(points), left


def _cuts(
    request: ForkRequest, parent: Parent, stand_ins: Mapping[str, tuple[Change, ModelSpec]]
) -> list[tuple[Cut, Change | None]]:
    if not parent.active:
        raise ScenarioError(f"{parent.place}: no agent was asked anything in it, so nothing can be re-run")
    if request.every_round or request.bisect:
        cuts = (*ends(parent.active), *(by_agent(parent.active) if request.by_agent else ()))
        return [(cut, None) for cut in cuts if cut.covers(parent.kept)]
    if request.until is not None:
        return [(turn(request.at or "", parent.active, parent.rounds), until(request.until))]
    at = None if request.at is None else read(request.at, parent.active, parent.rounds)
    if at is not None:
        _own(parent, at, f"--at {request.at}")
    if request.swap is not None:
        change = stand_ins[parent.condition.name][0]
        if any(branch.change == change for branch in parent.rollout_spec.branches):
            raise ScenarioError(f"--{change.text}: {parent.place} already uses this model; name another model")
        return [(at or parent.kept, change)]
    if request.drop is None and request.edit is None:
        assert at is not None
        return [(at, None)]
    cut, change = (
        dropped(parent, request.drop) if request.drop is not None else edited(parent, *(request.edit or (0, "")))
    )
    _own(parent, cut, request.changes[0])
    if at not in (None, cut):
        raise ScenarioError(
            f"--at {at}: the message is read after round {cut}, so its fork is cut there: leave out --at"
        )
    return [(cut, change)]


def _own(parent: Parent, cut: Cut, said: str) -> None:
    """Raises `ScenarioError` when the cut lies in what a fork has from its own parent."""
    branch = parent.rollout_spec.branch
    if branch is not None and not cut.covers(branch.cut):
        raise ScenarioError(
            f"{said}: {parent.place} shares everything up to cut {branch.cut} with its parent; cut there or later, "
            f"or fork the parent: --rollout {branch.parent[:12]}"
        )
