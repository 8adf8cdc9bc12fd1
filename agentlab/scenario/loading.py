"""Reads a scenario: from a path or a name to its design."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agentlab.errors import ScenarioError
from agentlab.scenario import library
from agentlab.scenario.building import DesignBuilder
from agentlab.scenario.design import Design
from agentlab.scenario.document import Keys, read
from agentlab.scenario.findings import Findings
from agentlab.scenario.override import SET, with_model, with_value


def load(
    name_or_path: str | Path, model: str | None = None, judge_model: str | None = None, values: Sequence[str] = ()
) -> Design:
    """The design of a scenario, by path or by the name of a shipped one; raises `ScenarioError` with all mistakes.

    `model` replaces `models.default` and `judge_model` `models.judge`: of what was there only `max_tokens` stays, since
    addresses, prices, limits and other sampling settings belonged to the model that was named. Each of `values` is
    `PATH=VALUE`, which is merged into the document before it is checked.
    """
    path = library.scenario(name_or_path)
    tree, mistakes = read(path, as_written=_is_target)
    findings = Findings()
    for mistake in mistakes:
        findings.add(mistake.place, mistake.path, mistake.wrong, mistake.right)
        findings.faulted.add(mistake.place)
    if not isinstance(tree.value, dict):
        if not mistakes:
            findings.add(tree.place(()), "", "this is not a scenario", "write a mapping that begins with `spec: 1`")
        raise ScenarioError(findings.sorted())
    options: list[str] = []
    for alias, option, name in (("default", "--model", model), ("judge", "--judge-model", judge_model)):
        if name is not None:
            tree = with_model(tree, alias, option, name)
            options.append(f"{option} {name}")
    for text in values:
        tree = with_value(tree, text, path, _is_target)
        options.append(f"{SET} {text}")
    return replace(DesignBuilder(tree, findings, path).design(), options=tuple(options))


def _is_target(path: Keys) -> bool:
    """Of a task, in the document or in a level's patch: a judge compares texts, and `0.10` is not `0.1`."""
    task = path[3:] if path[:1] == ("factors",) else path
    return len(task) == 3 and task[0] == "tasks" and task[2] == "target"
