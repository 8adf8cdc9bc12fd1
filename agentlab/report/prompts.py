"""How the arms of each contrast differ, in words and prompt by prompt."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.experiment.changes import changes
from agentlab.experiment.confounds import phrase
from agentlab.report.section import Material, Section
from agentlab.runs.frames import Run
from agentlab.scenario.levels import pooled
from agentlab.text import enumerate_some, line, pluralize

Facts = Mapping[str, Any]
MOST, LONGEST = 120, 20_000
"""Texts that are shown, and characters of one."""
_CONTEXT = 1
"""Unchanged lines around a change."""


def section(material: Material) -> Section:
    """A line for each pair of arms; folded, every changed text once with its pairs, and every prompt of every arm."""
    run = material.run
    facts: dict[str, Facts] = dict(zip(run.conditions["condition"], run.conditions["facts"], strict=True))
    facts = {name: known for name, known in facts.items() if known.get("agents")}
    title = "What differs between the arms"
    if not facts:
        return Section("prompts", title, "The arms' prompts were not recorded, so their differences are unknown.")
    pairs = {(c.factor, c.a, c.b, c.within): c for c in material.summary.contrasts}
    table = pd.DataFrame(
        [{"a": c.a, "b": c.b, "within": c.within, "confounds": phrase(c.arms.confounds)} for c in pairs.values()]
    )
    changed: dict[tuple[str, str], list[str]] = {}
    prompts = _asked(run)
    for c in pairs.values():
        a, b = (_condition(run, c, level) for level in (c.a, c.b))
        if a in facts and b in facts:
            for change in changes(facts[a], facts[b], prompts.get(a, {}), prompts.get(b, {})):
                text = change.name, "\n".join(change.lines(_CONTEXT))
                changed.setdefault(text, []).append(f"{c.a} → {c.b}{f' ({c.within})' if c.within else ''}")
    about = (
        f"n = {pluralize(len(pairs), 'pair')} of arms; texts that differ between two of them: {len(changed)}."
        if len(pairs)
        else ("There is only one arm, so there is nothing to compare.")
    )
    notes = (
        ("In the folded texts, + marks text that only the second arm has, - text that only the first arm has.",)
        if changed
        else ()
    )
    tables = {"differences": table} if len(table) else {}
    return Section("prompts", title, about, (), tables, notes, texts=_prompts(facts), changes=_headed(changed))


def _condition(run: Run, c: Contrast, level: str) -> str:
    for row in run.conditions.to_dict("records"):
        levels = pooled({name: str(row[name]) for name in run.factors})  # the first replicate stands for all
        within = ",".join(f"{name}={level}" for name, level in levels.items() if name != c.factor)
        if row[c.factor] == level and within == c.within:
            return str(row["condition"])
    return ""


def _asked(run: Run) -> dict[str, dict[str, str]]:
    """By condition and task, the task as its agents were asked it, of the first draw."""
    messages = run.messages[(run.messages["kind"] == "task").to_numpy()]
    first = messages.drop_duplicates(["condition", "task"])[["condition", "task", "content"]].astype("str")
    prompts: dict[str, dict[str, str]] = {}
    for condition, task, content in first.itertuples(index=False):
        prompts.setdefault(condition, {})[task] = content
    return prompts


def _headed(changed: Mapping[tuple[str, str], Sequence[str]]) -> dict[str, str]:
    headed: dict[str, str] = {}
    for (heading, body), pairs in list(changed.items())[:MOST]:
        between = enumerate_some([line(pair, 60) for pair in pairs], 3)
        headed[_free(f"{line(heading, 80)} · {between}", headed)] = _cut(body)
    return headed


def _prompts(facts: Mapping[str, Facts]) -> dict[str, str]:
    """Every system prompt once, with who has it."""
    users: dict[str, list[str]] = {}
    for condition, known in facts.items():
        for agent, agent_facts in known["agents"].items():
            text = "\n\n".join(part for part in (agent_facts["system"], agent_facts.get("manual")) if part)
            users.setdefault(text, []).append(f"{agent} in {condition}")
    prompts: dict[str, str] = {}
    for text, who in list(users.items())[:MOST]:
        names = enumerate_some([line(name, 60) for name in who], 2)
        prompts[_free(f"prompt of {names}", prompts)] = _cut(text)
    return prompts


def _free(heading: str, taken: Mapping[str, str]) -> str:
    return heading if heading not in taken else _free(f"{heading} ·", taken)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n… and {len(text) - LONGEST:,} characters more"
