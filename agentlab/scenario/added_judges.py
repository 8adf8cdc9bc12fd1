"""Judges for a run that exists, on the models that it recorded: found by name, or those that it has already."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agentlab.errors import Place, ScenarioError
from agentlab.models.spec import ModelSpec
from agentlab.scenario import condition, library, plugins
from agentlab.scenario import judges as judging
from agentlab.scenario.document import Tree
from agentlab.scenario.findings import Findings
from agentlab.scenario.validate import CheckedDocument


def added_judges(
    names: Sequence[str],
    models: Mapping[str, Any],
    judge_model: str | None,
    factors: Mapping[str, Sequence[str]] | None = None,
    recorded: Mapping[str, Any] | None = None,
) -> tuple[judging.JudgeSet, Mapping[str, ModelSpec], Mapping[str, Any]]:
    """The judges, the models by alias, and the judges' documents.

    A name is that of a shipped judge, of one in the working folder or its `judges/`, or the path of a judge's YAML, or
    of a judge that the run has in `recorded`. `models` is the `models:` section of the run; `judge_model` replaces its
    `judge`; `factors` are the run's, with their levels. Raises `ScenarioError` with every mistake.
    """
    section = {**models, "judge": {"name": judge_model}} if judge_model else dict(models)
    levels = {factor: {level: dict[str, Any]() for level in every} for factor, every in (factors or {}).items()}
    findings, sets = Findings(), dict[str, judging.JudgeSet]()
    specs, documents = dict[str, ModelSpec](), dict[str, Any]()
    for name in names:
        path = Path(name)
        stem, folder = (path.stem, path.parent) if path.suffix in (".yaml", ".yml") else (name, Path())
        known = (recorded or {}).get(name) if library.judge(stem, folder) is None else None
        judges = [stem] if known is None else {stem: known}
        tree = Tree({"models": section, "judges": judges, "factors": levels}, {(): Place(f"--with {name}", 0, 0)})
        tree = judging.inline(tree, findings, folder)
        site = CheckedDocument(tree, findings, folder)
        plugins.searchable(site.folder)
        specs = condition.models(site)
        sets[stem] = judging.build(site, specs)
        documents |= tree.value["judges"] if isinstance(tree.value["judges"], dict) else {}
    if findings.mistakes:
        raise ScenarioError(findings.sorted())
    merged = judging.JudgeSet(
        judges={name: judge for judges in sets.values() for name, judge in judges.judges.items()},
        scales={name: scales for judges in sets.values() for name, scales in judges.scales.items()},
        counted={name: counted for judges in sets.values() for name, counted in judges.counted.items()},
        of_two={name: judge for judges in sets.values() for name, judge in judges.of_two.items()},
        traits={name: traits for judges in sets.values() for name, traits in judges.traits.items()},
        misfits={name: misfit for judges in sets.values() for name, misfit in judges.misfits.items()},
    )
    return merged, specs, documents


def recorded_judges(
    documents: Mapping[str, Mapping[str, Any]], models: Mapping[str, Any], asked: Mapping[str, str | None], run: Path
) -> tuple[judging.JudgeSet, Mapping[str, ModelSpec]]:
    """Judges of the run folder `run` from their recorded documents, and their models by alias.

    `models` is the `models:` section of the run, and `asked` the model that each judge asked: where that is another
    one, which `--judge-model` named, it replaces the section's. Raises `ScenarioError` with every mistake.
    """
    findings, section, renamed = Findings(), dict(models), dict[str, Any]()
    for name, document in documents.items():
        alias, model = document.get("model", "judge"), asked.get(name)
        if model is not None and section.get(alias, {}).get("name") != model:
            section[f"{alias} of {name}"] = {"name": model}
            document = {**document, "model": f"{alias} of {name}"}
        renamed[name] = document
    tree = Tree({"models": section, "judges": renamed}, {(): Place(str(run), 1, 1)})
    site = CheckedDocument(tree, findings, Path())
    plugins.searchable(site.folder)
    specs = condition.models(site)
    bench = judging.build(site, specs)
    if findings.mistakes:
        raise ScenarioError(findings.sorted())
    return bench, specs
