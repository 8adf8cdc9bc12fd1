"""The design of a run: its question, arms, tasks, draws, seeds, models, versions and interim analyses."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from agentlab.analysis.served import engines, exactness
from agentlab.experiment.decisions import match_notes
from agentlab.report.section import Material, Section
from agentlab.runs.frames import Run
from agentlab.store import UNFINISHED
from agentlab.text import line, pluralize
from agentlab.types import Measure


def section(material: Material) -> Section:
    """Tables only: the facts, the arms, the tasks."""
    run = material.run
    tasks = run.meta.get("tasks", [])
    says = (
        f"{pluralize(len(run.conditions), 'condition')} x {pluralize(len(tasks), 'task')}, "
        f"n = {pluralize(len(_finished(run)), 'finished rollout')}. "
        "In every comparison of arms, the same draw of the same task forms a pair."
    )
    tables = {"design": facts(run), "arms": arms(run), "tasks": listed(run)}
    return Section("design", "The design", says, (), tables)


def facts(run: Run) -> pd.DataFrame:
    """Two columns, `what` and `value`."""
    meta, tree = run.meta, run.meta.get("tree", {})
    looks: list[dict[str, Any]] = meta.get("looks", [])
    factors = [f"{name}: {', '.join(map(str, levels))}" for name, levels in meta.get("factors", {}).items()]
    versions = [f"{name} {version}" for name, version in meta.get("versions", {}).items()]
    served = sorted({str(name) for name in run.calls["served_model"].dropna().unique()})
    rows = {
        "question": meta.get("about") or "not stated",
        "scenario": meta.get("name", ""),
        "factors": "; ".join(factors) or "none",
        "tasks": str(len(meta.get("tasks", []))),
        "draws": str(meta.get("draws", "not declared")),
        "finished rollouts": f"{len(_finished(run)):,}",
        "seed": str(meta.get("seed", "none")),
        "common random numbers": _coupling(run),
        "models asked": ", ".join(sorted(map(str, run.calls["model"].unique()))) or "none",
        "models that answered": ", ".join(served) or "not reported",
        "addresses": "; ".join(
            f"{address['model']}: {address['url']}, from {address['at']}" for address in meta.get("addresses", [])
        )
        or "the providers' own",
        **({"engines": "; ".join(started)} if (started := engines(run)) else {}),
        "judges": "; ".join(f"{name}: {model or 'no model'}" for name, model in meta.get("judges", {}).items())
        or "none",
        "measures": "; ".join(map(_measure, run.measured)) or "none",
        "limits": "; ".join(_limits(tree.get("limits") or {})) or "none",
        "interim analyses": "; ".join(
            f"{i}: {pluralize(look['rollouts'], 'rollout')}" for i, look in enumerate(looks, 1)
        )
        or "none logged",
        "preregistered": " ".join(match_notes(meta, len(run.rollouts))) or "no file was given",
        "made": f"{meta.get('created', 'not recorded')}, with {', '.join(versions) or 'unrecorded versions'}",
    }
    return pd.DataFrame({"what": list(rows), "value": [line(value, 2000) for value in rows.values()]})


def _coupling(run: Run) -> str:
    coupling = str(run.meta.get("coupling"))
    pairing = {"seeds": "by seeds, between arms", "none": "none"}.get(coupling, "not declared")
    return "; ".join([pairing, *(exactness(run) if coupling == "seeds" else [])])


def _measure(m: Measure) -> str:
    worth = "".join(f", {word} counts {value:g}" for word, value in m.values.items())
    return f"{m.name} by {m.judge}, from {m.range[0]:g} to {m.range[1]:g}{worth}"


def _finished(run: Run) -> pd.DataFrame:
    """Rollouts without those that were stopped or failed, which the same command tries again."""
    return run.rollouts[~run.rollouts["status"].isin(UNFINISHED)]


def _limits(limits: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [
        f"a {of}: {', '.join(f'{value} {unit}' for unit, value in amounts.items())}" for of, amounts in limits.items()
    ]


def arms(run: Run) -> pd.DataFrame:
    """One row per condition: its levels, protocol, who is in it, rounds, baseline, and addenda by their readers."""
    return pd.DataFrame([_arm(row, run.factors) for row in run.conditions.to_dict("records")])


def _arm(row: Any, factors: tuple[str, ...]) -> dict[str, Any]:
    known: dict[str, Any] = row["facts"] or {}
    agents: dict[str, Any] = known.get("agents", {})
    exposures = [f"{name} to {count}" for name, count in known.get("exposures", {}).items() if count]
    baseline = known.get("baseline")
    return {
        "condition": row["condition"],
        **({factor: row[factor] for factor in factors} if len(factors) > 1 else {}),
        "protocol": known.get("protocol"),
        "rounds": known.get("rounds"),
        "agents": ", ".join(agents) or None,
        "models": ", ".join(sorted({agent["model"] for agent in agents.values()})) or None,
        "addenda": ", ".join(exposures) or None,
        "matched_to": f"{baseline['of']} in {baseline['match']}" if baseline else None,
    }


def listed(run: Run) -> pd.DataFrame:
    """One row per task: its id, finished rollouts, how its prompt begins, and whether it has a target."""
    counts = _finished(run)["task"].astype("str").value_counts()
    return pd.DataFrame(
        [
            {
                "task": task["id"],
                "rollouts": int(counts.get(task["id"], 0)),
                "words": len(task["prompt"].split()),
                "begins": line(" ".join(task["prompt"].split()), 90),
                "target": task.get("target") is not None,
            }
            for task in run.meta.get("tasks", [])
        ]
    )
