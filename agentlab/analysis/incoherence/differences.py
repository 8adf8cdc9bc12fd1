"""How far two arms differ in incoherence, and what of it their accuracies alone would make."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from agentlab.analysis.components.judge_noise import noiseless, once
from agentlab.analysis.incoherence.predictions import Predictions
from agentlab.analysis.remarks import Remarks
from agentlab.analysis.row import Row, estimated
from agentlab.runs.frames import Run
from agentlab.stats.estimate import Estimate
from agentlab.stats.incoherence.choices import Choices
from agentlab.stats.incoherence.decompose import Decomposition, brier, kl, unbiased
from agentlab.stats.incoherence.excess import brier_excess
from agentlab.stats.incoherence.incoherence import difference, dispersion_difference
from agentlab.stats.incoherence.judged import JudgedDecomposition
from agentlab.stats.jackknife import Clusters

NO_DIFFERENCE = (
    "arms are not compared on incoherence or dispersion: judge noise is not separable, so unequal judge noise alone "
    "could make them differ; set `draws: 2` under judges.{judge} to separate it"
)


def differences(run: Run, arms: Sequence[Predictions], remarks: Remarks) -> Iterator[Row]:
    """Differences a - b in incoherence on the tasks of both, and the excess over what accuracies make of them."""
    known: dict[tuple[str, tuple[str, ...]], _Arrays] = {}
    apart = {arm.arm: separable(run, arm) for arm in arms}
    for a, b in combinations(arms, 2):
        shared = tuple(sorted(set(a.tasks) & set(b.tasks)))
        if not shared or (a.sort == "groups" and not a.targets):
            continue
        if not (apart[a.arm] and apart[b.arm]):
            remarks.add(f"{a.measure.name}: {NO_DIFFERENCE.format(judge=a.measure.judge)}")
            continue
        for arm in (a, b):
            if (arm.arm, shared) not in known:
                known[arm.arm, shared] = _Arrays.of(arm.among(shared))
        head: Row = {"measure": a.measure.name, "a": a.arm, "b": b.arm, "tasks": a.size(shared)}
        pair = _ArmPair(a.clusters(run, shared), remarks, f"{a.measure.name}, {a.arm} less {b.arm}")
        yield from ({**head, **row} for row in pair.rows(known[a.arm, shared], known[b.arm, shared]))


def separable(run: Run, arm: Predictions) -> bool:
    """Whether variance over draws is that of the agents: what a judge's noise adds can be told, or there is none."""
    if arm.sort not in ("scores", "tests") or noiseless(run, arm.measure.judge):
        return True
    return arm.scores().separable if arm.sort == "scores" else not once(run, arm.measure.judge, arm.table)


@dataclass(frozen=True, slots=True)
class _Arrays:
    """One arm on some tasks, laid out once for all arms that it is compared with."""

    parts: Decomposition
    scored: JudgedDecomposition | None
    choices: Choices | None
    kl: Decomposition | None
    """Of stated probabilities."""

    @classmethod
    def of(cls, arm: Predictions) -> "_Arrays":
        if arm.sort == "scores":
            scored = arm.scores()
            return cls(scored.parts, scored, None, None)
        if arm.sort in ("points", "tests"):
            return cls(arm.parts(), None, None, None)
        choices = arm.choices()
        return cls(unbiased(brier(choices)), None, choices, kl(choices) if arm.sort == "probabilities" else None)


@dataclass(frozen=True, slots=True)
class _ArmPair:
    """Two arms compared, and the remarks to which the comparison adds."""

    clusters: Clusters
    remarks: Remarks
    place: str

    def rows(self, a: _Arrays, b: _Arrays) -> Iterator[Row]:
        """One for each loss."""
        row: Row = {
            "loss": a.parts.loss,
            **self.columns("difference", difference(a.parts, b.parts, clusters=self.clusters)),
        }
        if a.scored and b.scored and a.scored.room_t is not None and b.scored.room_t is not None:
            apart = dispersion_difference(a.scored, b.scored, clusters=self.clusters)
            row |= self.columns("dispersion_difference", apart)
        if a.choices and b.choices and a.choices.hard and b.choices.hard and not a.choices.open:
            # the null is a with the wrong answers of b, so that the excess, too, is of a over b
            excess = brier_excess(b.choices, a.choices, clusters=self.clusters)
            row |= self.columns("by_accuracy", excess.by_accuracy) | self.columns("excess", excess.excess)
            row |= {"excess_p": excess.excess.p, "tasks_of_excess": excess.excess.n}
        yield row
        if a.kl and b.kl:
            yield {"loss": "kl", **self.columns("difference", difference(a.kl, b.kl, clusters=self.clusters))}

    def columns(self, name: str, estimate: Estimate) -> Row:
        """Its columns, with a remark where it has no interval."""
        for note in estimate.notes if estimate.low is None else ():
            self.remarks.add(f"{self.place}, {name.replace('_', ' ')}: {note}")
        return estimated(name, estimate)
