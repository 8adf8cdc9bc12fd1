"""Judges by name: found beside the scenario or shipped, changed by the scenario or written in it, and built."""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from msgspec import Struct
from pydantic import BaseModel

from agentlab import own_code
from agentlab.interfaces import Judge
from agentlab.judges import KINDS, JudgeTraits
from agentlab.judges.config import JudgeConfig, Misfit
from agentlab.judges.own import own_judge
from agentlab.mapping import mapping
from agentlab.models.registry import capabilities_of
from agentlab.models.spec import ModelSpec
from agentlab.own_code import is_own
from agentlab.scenario import checks, library
from agentlab.scenario import plugins as parts
from agentlab.scenario.document import Keys, Tree, patch, read
from agentlab.scenario.findings import Findings
from agentlab.scenario.levels import GENERATION, REPLICATE
from agentlab.scenario.unknown import kind_of
from agentlab.scenario.validate import CheckedDocument, key_place, shown
from agentlab.suggestion import suggest
from agentlab.types import Task


class JudgeSet(Struct, frozen=True):
    """The judges of a scenario, and what the analysis must know of their criteria."""

    judges: Mapping[str, Judge]
    scales: Mapping[str, Mapping[str, tuple[float, float]]]
    """Lowest and highest score, by judge and criterion."""
    counted: Mapping[str, tuple[str, ...]]
    """The criteria that `criteria: all` means, by judge."""
    of_two: Mapping[str, Judge]
    """Judges of two outputs, of which no measure is made; the fields above leave them out."""
    traits: Mapping[str, JudgeTraits]
    """Of all judges by name."""
    misfits: Mapping[str, Misfit]
    """By judge, why it can score no output to a task."""

    @property
    def every(self) -> dict[str, Judge]:
        """All judges by name."""
        return {**self.judges, **self.of_two}

    def plain(self, left_out: Collection[str]) -> list[str]:
        """The measures that judges have where none is declared: one by the judge's name, or one for each criterion of a
        judge that runs programs."""
        names = [name for name in self.judges if name not in left_out]
        return [measure for name in names for measure in plain_names(name, self.counted[name], self.traits[name].cases)]


def plain_names(judge: str, counted: Sequence[str], cases: bool) -> list[str]:
    """The names of what a judge measures where no measure is declared."""
    return [f"{judge}_{criterion}" for criterion in counted] if cases else [judge]


def inline(tree: Tree, findings: Findings, folder: Path) -> Tree:
    """The document with every judge written out under its name; one that cannot be read is null, and was reported."""
    names = _names(tree, findings)
    if names is None:
        return tree
    value: dict[str, Any] = dict.fromkeys(names)
    places, keys = dict(tree.places), dict(tree.keys)
    known = functools.cache(lambda: library.judges(folder))
    for name, path in names.items():
        written = _written(tree, name, path, findings, folder, known)
        if written is not None:
            value[name] = written.value
            at: Keys = ("judges", name)
            places |= {(*at, *under): place for under, place in written.places.items()}
            keys |= {(*at, *under): place for under, place in written.keys.items() if under}
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
            findings.add(tree.place(path), path, f"judge {name!r} appears twice", "name each judge once")
        else:
            names[name] = path
    return names


def _written(
    tree: Tree, name: str, path: Keys, findings: Findings, folder: Path, known: Callable[[], Sequence[str]]
) -> Tree | None:
    """One judge: as it is written in the scenario, or as the file says with the scenario's changes."""
    changes = tree.value["judges"][path[1]]
    if "kind" in mapping(changes):
        return tree.at(path)
    given = mapping(changes).get("from")
    source = given if isinstance(given, str) else name
    file = library.judge(source, folder)
    if file is None:
        right = suggest(source, known())
        place = tree.place(path) if isinstance(changes, str) else key_place(tree, path)
        findings.add(place, path, f"no judge {source!r} beside the scenario or shipped", right)
        return None
    base, mistakes = read(file)
    for mistake in mistakes:
        findings.add(mistake.place, f"judges.{name}.{mistake.path}".rstrip("."), mistake.wrong, mistake.right)
    if mistakes:
        return None
    if not isinstance(base.value, dict):
        findings.add(base.place(()), f"judges.{name}", "this is not a mapping", "write a judge: kind and its fields")
        return None
    if isinstance(changes, dict):
        here = tree.at(path)
        fields = {key: value for key, value in cast(dict[str, Any], changes).items() if key != "from"}
        return patch(base, Tree(fields, here.places, here.keys, here.removed))
    return base


def _fits(task: Task) -> None:
    """Of one's own judge nobody knows."""


class _Built(Struct, frozen=True):
    """A judge with what its configuration says of it."""

    judge: Judge
    scales: Mapping[str, tuple[float, float]]
    counted: tuple[str, ...]
    needs: frozenset[str]
    traits: JudgeTraits
    misfit: Misfit = _fits


def build(site: CheckedDocument, specs: Mapping[str, ModelSpec]) -> JudgeSet:
    """Every judge that is well-formed."""
    section, every = mapping(site.tree.value.get("judges")), dict[str, _Built]()
    for name in section:
        path: Keys = ("judges", name)
        built = _build(site, path, specs) if section[name] is not None else None
        if built is None:
            continue
        every[name] = built
        if (alias := built.judge.model) is not None and checks.alias(site, alias, path, specs):
            _needs(site, built.needs, alias, specs[alias], path)
    single = {name: built for name, built in every.items() if built.traits.two is None}
    return JudgeSet(
        judges={name: built.judge for name, built in single.items()},
        scales={name: built.scales for name, built in single.items()},
        counted={name: built.counted for name, built in single.items()},
        of_two={name: built.judge for name, built in every.items() if name not in single},
        traits={name: built.traits for name, built in every.items()},
        misfits={name: built.misfit for name, built in single.items()},
    )


def _build(site: CheckedDocument, path: Keys, specs: Mapping[str, ModelSpec]) -> _Built | None:
    """One judge; None when it is not well-formed."""
    kind = mapping(site.get(path)).get("kind")
    if is_own(kind):
        return _own_judge(site, path, str(kind), specs)
    if flaw := kind_of(mapping(site.get(path)), KINDS):
        field, wrong, right = flaw
        (site.unknown if field != "kind" else site.wrong)((*path, field), wrong, right)
        return None
    config = site.validate(KINDS[str(kind)], path)
    if config is None or site.flaws(path, config.mistakes()):
        return None
    if config.traits.two is not None:
        _arms(site, config, path)
    judge = config.build(str(path[-1]))
    scales = {criterion: config.scale(criterion) for criterion in config.names()}
    repeats = config.repeats(_temperature(judge, specs))
    traits = replace(config.traits, repeats=repeats)
    return _Built(judge, scales, config.counted(), config.needs(), traits, config.misfit)


def _own_judge(site: CheckedDocument, path: Keys, kind: str, specs: Mapping[str, ModelSpec]) -> _Built | None:
    """A judge of one's own: a callable with its fields, or a pydantic model that builds one."""
    name, fields = str(path[-1]), {key: value for key, value in mapping(site.get(path)).items() if key != "kind"}
    try:
        part: Any = parts.get(kind, site.folder)
        if isinstance(part, type) and issubclass(part, BaseModel) and hasattr(part, "build"):
            config: Any = site.validate(part, path)
            if config is None:
                return None
            judge = own_judge(_made(config, name, kind), name, kind)
        else:
            judge = own_judge(parts.make(kind, site.folder, fields), name, kind)
    except ValueError as error:
        site.wrong((*path, "kind"), str(error), "fix the module, or name another judge")
        return None
    still = "" if judge.noisy else "the judge declares that its draws never differ"
    zero = "the judge runs at temperature 0" if _temperature(judge, specs) == 0 else ""
    unproven = "" if judge.model is None else "a judge of your own that uses a model has no anchor texts"
    traits = JudgeTraits(repeats=still or zero, unproven=unproven)
    return _Built(judge, judge.scales, judge.criteria, frozenset(), traits)


def _made(config: Any, name: str, kind: str) -> Any:
    try:
        return config.build(name)
    except Exception as error:  # a module of the user's may fail in any way
        raise ValueError(f"{kind} cannot be built: {own_code.told(error)}") from error


def _temperature(judge: Judge, specs: Mapping[str, ModelSpec]) -> float | None:
    """What `models:` says of the judge's model."""
    spec = specs.get(judge.model or "")
    return spec.temperature if spec else None


def _arms(site: CheckedDocument, config: JudgeConfig, path: Keys) -> None:
    """The arms that a judge names are levels of the scenario's factors."""
    factors = mapping(site.tree.value.get("factors"))
    arms: Mapping[str, Sequence[tuple[str, str]]] = getattr(config, "arms", {})
    for factor, pairs in arms.items():
        where, levels = (*path, "arms", factor), mapping(factors.get(factor))
        if factor not in factors:
            never = f": {factor}s of a loop are not compared" if factor in (GENERATION, REPLICATE) else ""
            site.unknown(where, f"no factor {factor!r}{never}", suggest(factor, factors))
            continue
        for i, pair in enumerate(pairs):
            for j, level in enumerate(pair):
                if level not in levels:
                    site.wrong((*where, i, j), f"factor {factor!r} has no level {level!r}", suggest(level, levels))


def _needs(site: CheckedDocument, needed: frozenset[str], alias: str, spec: ModelSpec, path: Keys) -> None:
    """The judge's model takes what its method needs."""
    taken = capabilities_of(spec).settings
    for setting in sorted(needed - taken):
        given = mapping(mapping(site.get(path)).get("settings"))
        where = (*path, "settings", setting) if setting in given else (*path, "scoring")
        right = f"name a model that does, under models.{alias}, or use another scoring method"
        site.wrong(where, f"its model {alias!r} ({spec.name}) does not support {setting}", right)
