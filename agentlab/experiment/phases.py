"""The phases of a run: what a command does one after the other, shown while it works, and recorded."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from agentlab.experiment.judging.anchors import judge_anchors, rubric_anchors
from agentlab.experiment.judging.groups import judge_groups
from agentlab.experiment.judging.pairs import Comparisons, judge_known, judge_pairs
from agentlab.experiment.work import Work
from agentlab.store import Store


@dataclass(frozen=True, slots=True)
class Phase:
    """One of them."""

    name: str
    do: Callable[[], Awaitable[None]]
    what: str = "rollouts"
    """What it counts."""


async def through(work: Work, phases: Sequence[Phase], generation: int = 0, title: str = "") -> None:
    """Does the phases in their order until the command is to stop. `title` is shown before their names.

    The run's meta has `phases`: generation, name, and whether the last command that came to it also came to its end.
    """
    for number, phase in enumerate(phases, start=1):
        if work.progress.stopping:
            break
        work.progress.enter(f"{title}{phase.name}", phase.what, (number, len(phases)))
        note(work.store, generation, phase.name, ended=False)
        await phase.do()
        note(work.store, generation, phase.name, ended=not work.progress.stopping and not work.progress.limited)


def with_judging(comparisons: Comparisons, rollouts: Phase) -> list[Phase]:
    """The phase of the rollouts, with what judges do before and after it that look at something else."""
    names = {*comparisons.work.judges.judges, *comparisons.judges.judges}
    kinds = {document.get("kind") for name, document in comparisons.documents.items() if name in names}
    phases = [rollouts]
    if kinds & {"rubric", "compare", "equivalence"}:
        phases.insert(0, Phase("judge anchors", partial(_anchors, comparisons), "anchors"))
    if "compare" in kinds:
        phases.append(Phase("judge pairs", partial(judge_pairs, comparisons), "pairs"))
    if "equivalence" in kinds:
        phases.append(Phase("judge groups", partial(judge_groups, comparisons), "tasks"))
    return phases


async def _anchors(comparisons: Comparisons) -> None:
    work = comparisons.work
    rubrics = rubric_anchors(work.judges.judges, comparisons.documents)
    work.progress.plan({name: len(anchors) for name, (_, anchors) in rubrics.items()})
    work.progress.plan({name: len(config.anchor_pairs()) for name, config in comparisons.configs().items()})
    reports = await judge_anchors(work, rubrics) | await judge_known(comparisons)
    work.store.set_meta({"anchors": work.store.meta().get("anchors", {}) | reports})


def note(store: Store, generation: int, name: str, ended: bool) -> None:
    """Records that a phase has begun, or has come to its end."""
    recorded: list[dict[str, Any]] = store.meta().get("phases", [])
    made = {"generation": generation, "name": name, "ended": ended}
    others = [phase for phase in recorded if (phase["generation"], phase["name"]) != (generation, name)]
    store.set_meta({"phases": [*others, made]})
