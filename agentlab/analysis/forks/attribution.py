"""Where the variance of an outcome arises: its shares by round and by agent, over a sample of forked rollouts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cells import alike, listed
from agentlab.analysis.forks.outcomes import Outcomes, acted, label, measured, outcomes
from agentlab.analysis.forks.sample import Array, Sample, sample
from agentlab.analysis.row import Row, ends, estimated
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.stats.estimate import Estimate
from agentlab.stats.forks.shapley import Turns, by_agent
from agentlab.stats.forks.shares import FEWEST_PARENTS, Shares, VarianceTerm, by_round, parts
from agentlab.text import pluralize

NARROWER = (
    "Where the interval for new tasks is narrower than that for these tasks, the tasks happen to be alike: rely on the "
    "wider one"
)


def attribution(run: Run, measure: str | None = None, condition: str | None = None) -> Analysis:
    """Shares by round, by turn and by agent, of every condition and measure, or of those that are named.

    `rounds`: the terms of each measure's variance, judge noise last, and their total. `agents`: what turns add, summed
    over rounds; printed where turns were drawn by themselves. `turns`: the terms of rounds by agent. Raises
    AnalysisError when there are no forks, or none can be told apart.
    """
    tables: dict[str, list[pd.DataFrame]] = {"rounds": [], "agents": [], "turns": []}
    notes, says = dict[str, None](), list[str]()
    for m in measured(run, measure):
        forked = outcomes(run, m, condition)
        who = acted(run, set(forked.table["parent"]))
        plain = forked.table[(forked.table["change"] == "") & ~forked.table["fresh"]]
        for name, table in plain.groupby("condition", sort=False):
            drawn, where = sample(forked, table, who), f"{name}, {m.name}"
            if drawn is None:
                notes[f"{where}: no parent has two forks at the end of a round, so there are no shares"] = None
                continue
            if len(drawn.parents) == 1:
                notes[f"{where}: one rollout has a path (path {drawn.parents[0][:8]}) and no shares of variance"] = None
                continue
            head = {"condition": str(name), "measure": m.name}
            shares = by_round(drawn.variances, drawn.tasks, drawn.noise, clusters=drawn.clusters)
            turns = _turns(drawn)
            tables["rounds"].append(_rounds(head, drawn, shares))
            tables["turns"].append(_split(head, drawn, shares, turns))
            tables["agents"].append(_agents(head, drawn, turns))
            says.append(_says(where, drawn, shares))
            part_notes = [*_parents(run, str(name), drawn), *shares.notes, *_lacking(forked), *_unsplit(drawn, turns)]
            notes |= dict.fromkeys(f"{where}: {note}" for note in part_notes)
    if not says:
        raise AnalysisError(
            f"{run.folder} needs two rollouts with two or more plain forks at each cut to compute shares of "
            f"variance; `agentlab resample {run.folder} --every-round -n 8` draws them"
        )
    joined = {name: pd.concat(frames, ignore_index=True) for name, frames in tables.items()}
    rests = "Valid only if parents were chosen at random: shares mean nothing for rollouts picked by their outcome"
    if _narrower(joined["rounds"]):
        notes[NARROWER] = None
    shown = 1 + _splits_agents(joined["agents"])
    return Analysis("attribution", "Where variance arises", " ".join(says), joined, (rests, *notes), shown, _result)


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """The shares of the rounds of the first measure in the first arm."""
    table = tables["rounds"]
    first, shares = table.iloc[0], listed(alike(table, "condition", "measure").iloc[:-1], "term", "share", most=6)
    return f"{first['measure']}, {first['condition']}: share of the variance: {shares}."


def _turns(drawn: Sample) -> list[Turns | None]:
    """Every block by agent; None where several rounds are in one, or their agents' turns were not drawn."""
    totals = drawn.variances[:, 0]
    return [
        None if lattice is None else by_agent(lattice, drawn.tasks, totals, clusters=drawn.clusters)
        for lattice in drawn.lattices()
    ]


def row_of(part: VarianceTerm, signed: bool = False) -> Row:
    """A term; one that is no variance is `signed`, and the share of every other one lies between 0 and 1."""
    limits = ends("these_tasks", part.these_tasks) | ends("new_tasks", part.new_tasks)
    share = part.share if signed else _within(part.share)
    return {"variance": part.variance, **limits, **estimated("share", share)}


def _within(share: Estimate) -> Estimate:
    """With limits from 0 to 1, or to the estimate where that is beyond."""
    if share.value is None or share.low is None or share.high is None:
        return share
    return replace(
        share,
        low=max(share.low, min(share.value, 0.0)),
        high=min(share.high, max(share.value, 1.0)),
    )


def _narrower(table: pd.DataFrame) -> bool:
    """Whether an interval for new tasks is narrower than that for these tasks."""
    these, new = (table[f"{name}_high"] - table[f"{name}_low"] for name in ("these_tasks", "new_tasks"))
    return bool((new.astype("float64") < these.astype("float64")).any())


def _rounds(head: Mapping[str, str], drawn: Sample, shares: Shares) -> pd.DataFrame:
    """A row per term, judge noise after the rounds, and the total."""
    rows = list[Row]()
    for block, part in zip(drawn.blocks(), shares.rounds, strict=True):
        rows.append({**head, "term": f"round {label(block)}", "agents": drawn.names(block), **row_of(part)})
    if shares.noise is not None:
        rows.append({**head, "term": "judge noise", "agents": (), **row_of(shares.noise)})
    rows.append({**head, "term": "total", "agents": (), **row_of(shares.total)})
    return pd.DataFrame(rows)


def _split(head: Mapping[str, str], drawn: Sample, shares: Shares, turns: Sequence[Turns | None]) -> pd.DataFrame:
    """A row per agent of a round, with its interaction beside; a round that is not split is one row."""
    rows = list[Row]()
    for block, part, block_turns in zip(drawn.blocks(), shares.rounds, turns, strict=True):
        place = {**head, "round": label(block)}
        if block_turns is None:
            rows.append({**place, "agent": "+".join(drawn.names(block)), "method": "not split", **row_of(part)})
            continue
        rows += [
            {**place, "agent": agent, "method": block_turns.method, **row_of(term)}
            for agent, term in block_turns.agents.items()
        ]
        beside = "remainder" if block_turns.method == "main" else "beside"  # Shapley's parts hold it already
        if block_turns.interaction is not None and len(block_turns.agents) > 1:
            rows.append(
                {**place, "agent": "interaction", "method": beside, **row_of(block_turns.interaction, signed=True)}
            )
        elif block_turns.rest is not None and len(block_turns.agents) > 1:
            rows.append(
                {**place, "agent": "counted twice", "method": "remainder", **row_of(block_turns.rest, signed=True)}
            )
    return pd.DataFrame(rows)


def _agents(head: Mapping[str, str], drawn: Sample, turns: Sequence[Turns | None]) -> pd.DataFrame:
    """Shapley's parts summed over rounds; what is not split so stays together."""
    totals = drawn.variances[:, 0]
    left = totals - (np.zeros(len(totals)) if drawn.noise is None else np.array(drawn.noise))
    sums: dict[str, Array] = {}
    for block_turns in turns:
        if block_turns is not None and block_turns.method == "shapley":
            for agent, contribution in zip(block_turns.agents, block_turns.contributions.T, strict=True):
                sums[agent] = sums.get(agent, np.zeros(len(totals))) + contribution
                left = left - contribution
    if any(block_turns is None or block_turns.method != "shapley" for block_turns in turns):
        sums["not split"] = left
    if not sums:
        return pd.DataFrame()
    split, _ = parts(np.column_stack([*sums.values()]), drawn.tasks, totals, clusters=drawn.clusters)
    return pd.DataFrame([{**head, "agent": agent, **row_of(part)} for agent, part in zip(sums, split, strict=True)])


def _splits_agents(agents: pd.DataFrame) -> bool:
    return len({*agents.get("agent", ())} - {"not split"}) > 1


def _says(where: str, drawn: Sample, shares: Shares) -> str:
    known = [(s, b) for s, b in zip((part.share.value for part in shares.rounds), drawn.blocks(), strict=True) if s]
    n = f"{pluralize(shares.parents, 'parent')} of {pluralize(shares.tasks, 'task')}"
    if not known:
        return f"{where}: no variance to share ({n})."
    share, block = max(known, key=lambda pair: pair[0])
    if share <= 0:
        return f"{where}: no round has a share above 0 of {shares.total.variance:.4g} ({n})."
    return f"{where}: round {label(block)} has the largest share, {share:.0%} of {shares.total.variance:.4g} ({n})."


def _parents(run: Run, condition: str, drawn: Sample) -> list[str]:
    n, of = len(drawn.parents), int((run.rollouts["condition"].astype("str") == condition).sum())
    notes = [f"{n} of {of} rollouts are parents"]
    if n < FEWEST_PARENTS:
        notes.append(f"{pluralize(n, 'parent')}: shares are rough with fewer than {FEWEST_PARENTS}")
    if drawn.left_out:
        notes.append(f"{pluralize(drawn.left_out, 'parent')} excluded, because they lack a cut that most parents have")
    if drawn.cuts[0] > 0:
        notes.append(
            f"shares cover only the variance that remains after round {drawn.cuts[0]}, because there are no "
            f"forks at cut 0"
        )
    return notes


def _lacking(forked: Outcomes) -> list[str]:
    lost = [f"{pluralize(forked.missing, 'fork')} of the run excluded, without an outcome"] if forked.missing else []
    return [forked.noise.why, *lost] if forked.noise.why else lost


def _unsplit(drawn: Sample, turns: Sequence[Turns | None]) -> list[str]:
    """Which rounds are not split by Shapley, and what stands there instead."""
    notes: list[str] = []
    for block, block_turns in zip(drawn.blocks(), turns, strict=True):
        names = drawn.names(block)
        if block_turns is None and len(names) > 1:
            notes.append(
                f"round {label(block)} is not split by agent: some parents have no forks of single turns (--by-agent)"
            )
        elif block_turns is not None and block_turns.method == "main" and len(names) > 1:
            notes.append(
                f"round {label(block)}: first-order effects; effects that arise only from agents together "
                f"are the interaction"
            )
        elif block_turns is not None and block_turns.method == "total":
            notes.append(
                f"round {label(block)}: total effects, which count an interaction once for each agent involved"
            )
    return notes
