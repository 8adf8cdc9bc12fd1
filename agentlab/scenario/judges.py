"""Judges by name: found beside the scenario or shipped, changed by the scenario or written in it, and built."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from agentlab.interfaces import Judge
from agentlab.judges import KINDS, OF_TWO
from agentlab.judges.compare import CompareConfig
from agentlab.models.registry import capabilities_of
from agentlab.models.spec import ModelSpec
from agentlab.scenario import checks, library
from agentlab.scenario import plugins as parts
from agentlab.scenario.document import Keys, Tree, patch, read, suggest
from agentlab.scenario.validate import CheckedDocument, Findings, key_place, mapping, shown


@dataclass(frozen=True, slots=True)
class JudgeSet:
    """The judges of a scenario, and what the analysis must know of their criteria."""

    judges: Mapping[str, Judge]
    scales: Mapping[str, Mapping[str, tuple[float, float]]]
    """Lowest and highest score, by judge and criterion."""
    counted: Mapping[str, tuple[str, ...]]
    """The criteria that `criteria: all` means, by judge."""
    of_two: Mapping[str, Judge]
    """Judges of two outputs, of which no measure is made; the other fields leave them out."""

    @property
    def every(self) -> dict[str, Judge]:
        """All judges by name."""
        return {**self.judges, **self.of_two}


def inline(tree: Tree, findings: Findings, folder: Path) -> Tree:
    """The document with every judge written out under its name; one that cannot be read is null, and was told."""
    names = _names(tree, findings)
    if names is None:
        return tree
    value: dict[str, Any] = dict.fromkeys(names)
    places, keys = dict(tree.places), dict(tree.keys)
    for name, path in names.items():
        found = _written(tree, name, path, findings, folder)
        if found is not None:
            value[name] = found.value
            at: Keys = ("judges", name)
            places |= {(*at, *under): place for under, place in found.places.items()}
            keys |= {(*at, *under): place for under, place in found.keys.items() if under}
            keys.setdefault(at, tree.place(path))
    return Tree({**tree.value, "judges": value}, places, keys, tree.removed)


def _names(tree: Tree, findings: Findings) -> dict[str, Keys] | None:
    """Where each judge is named; None when the section is neither a list nor a mapping."""
    section: Any = tree.value.get("judges")
    if isinstance(section, dict):
        return {name: ("judges", name) for name in cast(dict[str, Any], section)}
    if not isinstance(section, list):
        return None
    names: dict[str, Keys] = {}
    for i, name in enumerate(cast(list[Any], section)):
        path: Keys = ("judges", i)
        if not isinstance(name, str):
            findings.add(tree.place(path), path, f"found {shown(name)}", "write the name of a judge")
        elif name in names:
            findings.add(tree.place(path), path, f"judge {name!r} is there twice", "name each judge once")
        else:
            names[name] = path
    return names


def _written(tree: Tree, name: str, path: Keys, findings: Findings, folder: Path) -> Tree | None:
    """One judge: as it is written in the scenario, or as the file says with the scenario's changes."""
    here = tree.at(path)
    changes: Any = here.value
    if isinstance(changes, dict) and "kind" in changes:
        return here
    source = _named(here, name)
    file = library.judge(source, folder)
    if file is None:
        right = suggest(source, library.judges(folder))
        place = tree.place(path) if isinstance(changes, str) else key_place(tree, path)
        findings.add(place, path, f"no judge {source!r} beside the scenario or shipped", right)
        return None
    found, mistakes = read(file)
    for mistake in mistakes:
        findings.add(mistake.place, f"judges.{name}.{mistake.path}".rstrip("."), mistake.wrong, mistake.right)
    if mistakes:
        return None
    if not isinstance(found.value, dict):
        findings.add(found.place(()), f"judges.{name}", "this is no mapping", "write a judge: kind and its fields")
        return None
    if isinstance(changes, dict):
        own = {key: value for key, value in cast(dict[str, Any], changes).items() if key != "from"}
        return patch(found, Tree(own, here.places, here.keys, here.removed))
    return found


def _named(here: Tree, name: str) -> str:
    """The judge that `from:` names, else the one by the name of the entry."""
    given = mapping(here.value).get("from")
    return given if isinstance(given, str) else name


def build(site: CheckedDocument, specs: Mapping[str, ModelSpec]) -> JudgeSet:
    """Every judge that is well-formed."""
    judges, scales, counted = dict[str, Judge](), dict[str, dict[str, tuple[float, float]]](), dict[str, Any]()
    section, of_two = mapping(site.tree.value.get("judges")), dict[str, Judge]()
    for name in section:
        path: Keys = ("judges", name)
        config = _config(site, path) if section[name] is not None else None
        if config is None:
            continue
        judge: Judge = config.build(name) if hasattr(config, "build") else config
        if isinstance(config, OF_TWO):
            of_two[name] = judge
        else:
            judges[name] = judge
            scales[name] = {c: _scale(config, c) for c in judge.criteria}
            counted[name] = tuple(config.counted()) if hasattr(config, "counted") else tuple(judge.criteria)
        if isinstance(config, CompareConfig):
            _arms(site, config, path)
        if judge.model is not None and checks.alias(site, judge.model, path, specs):
            _needs(site, config, judge.model, specs[judge.model], path)
    return JudgeSet(judges, scales, counted, of_two)


def _arms(site: CheckedDocument, config: CompareConfig, path: Keys) -> None:
    """The arms of a judge that compares are levels of the scenario's factors."""
    factors = mapping(site.tree.value.get("factors"))
    for factor, pairs in config.arms.items():
        where, levels = (*path, "arms", factor), mapping(factors.get(factor))
        if factor not in factors:
            site.unknown(where, f"no factor {factor!r}", suggest(factor, factors))
            continue
        for i, pair in enumerate(pairs):
            for j, level in enumerate(pair):
                if level not in levels:
                    site.wrong((*where, i, j), f"factor {factor!r} has no level {level!r}", suggest(level, levels))


def _scale(config: Any, criterion: str) -> tuple[float, float]:
    """Lowest and highest score; a judge of one's own without `scale` scores from 0 to 1."""
    low, high = config.scale(criterion) if hasattr(config, "scale") else (0.0, 1.0)
    return float(low), float(high)


def _config(site: CheckedDocument, path: Keys) -> Any:
    """The configuration of a judge; for one of one's own, whatever its module gives."""
    told = site.get(path)
    kind = mapping(told).get("kind")
    if isinstance(kind, str) and parts.is_own(kind):
        return _own(site, path, kind, mapping(told))
    if not isinstance(kind, str) or kind not in KINDS:
        wrong = f"unknown judge kind {kind!r}" if kind is not None else "'kind' is missing"
        site.wrong((*path, "kind"), wrong, f"{suggest(kind, KINDS)} or my_module:Name for one of your own")
        return None
    config: Any = site.validate(KINDS[kind], path)
    return None if config is None or (hasattr(config, "mistakes") and site.flaws(path, config.mistakes())) else config


def _own(site: CheckedDocument, path: Keys, kind: str, told: dict[str, Any]) -> Any:
    try:
        part = parts.get(kind, site.folder)
        if isinstance(part, type) and issubclass(part, BaseModel) and hasattr(part, "build"):
            return site.validate(part, path)
        return parts.make(kind, site.folder, {"name": path[-1], **{k: v for k, v in told.items() if k != "kind"}})
    except ValueError as error:
        site.wrong((*path, "kind"), str(error), "fix the module, or name another judge")
        return None


def _needs(site: CheckedDocument, config: Any, alias: str, spec: ModelSpec, path: Keys) -> None:
    """The judge's model takes what its method needs."""
    needed: frozenset[str] = config.needs() if hasattr(config, "needs") else frozenset()
    taken = capabilities_of(spec).settings
    for setting in sorted(needed - taken):
        given = mapping(mapping(site.get(path)).get("settings"))
        where = (*path, "settings", setting) if setting in given else (*path, "scoring")
        right = f"name a model that does, under models.{alias}, or score otherwise"
        site.wrong(where, f"its model {alias!r} ({spec.name}) takes no {setting}", right)
