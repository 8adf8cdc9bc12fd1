"""Records in a run's meta the contrasts that its scenario declares, and the interim analyses that it plans."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, Literal

from agentlab.experiment.preregistration import Primary, both_finished, conditions, register
from agentlab.scenario.compare_fields import LooksFields
from agentlab.scenario.declared import Declared, Same
from agentlab.scenario.design import Design


def record(design: Design, old: Mapping[str, Any]) -> dict[str, Any]:
    """What the run's meta is to hold of the design's contrasts and interim analyses; `old` is the meta so far.

    A contrast that was primary keeps its date. One that is primary no more is kept if it was analysed before.
    """
    known = {entry.contrast.same: entry for entry in register(old).primary}
    looks, now = old.get("looks", []), datetime.now(UTC).isoformat(timespec="seconds")
    primary: dict[Same, Primary] = {}
    for declared in design.compare.primary:
        before, times = known.get(declared.same), _analysed(looks, declared, design.factors)
        at, after = (before.declared, before.after) if before else (now, times)
        kept = before.margin_after if before and before.contrast.margin == declared.margin else times
        primary[declared.same] = Primary(declared, at, after, kept if declared.margin is not None else 0)
    for same, entry in known.items():
        times = _analysed(looks, entry.contrast, design.factors)
        if same not in primary and times:
            primary[same] = replace(entry, withdrawn=entry.withdrawn or times)
    recorded: dict[str, Any] = {
        "primary": [asdict(entry) for entry in primary.values()],
        "exploratory": design.compare.exploratory,
    }
    if design.looks is not None:
        recorded["planned"] = old.get("compare", {}).get("planned") or _planned(design.looks, design)
    return {"compare": recorded}


def _planned(looks: LooksFields | Literal["any"], design: Design) -> dict[str, Any]:
    """The interim analyses, and the pairs of which they are shares, as they are when the run begins."""
    pairs = len(design.tasks) * design.draws
    if design.loop is not None:  # on held-out tasks, of all replicates
        splits = [design.loop.split(task) for task in design.tasks.values()]
        pairs = design.loop.fields.replicates * sum(split.draws for split in splits if split.role == "hold_out")
    if looks == "any":
        return {"shares": (), "spend": "any", "pairs": pairs}
    return {"shares": looks.shares, "spend": looks.spend, "pairs": pairs}


def _analysed(looks: Sequence[Mapping[str, Any]], contrast: Declared, factors: Mapping[str, Any]) -> int:
    arms = conditions(contrast, list(factors))
    return len({n for past in looks if (n := both_finished(past, arms))})
