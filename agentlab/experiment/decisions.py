"""What an experiment decided before it ran: as a file with a digest, and where a design has left it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml

from agentlab import own_code
from agentlab.errors import MismatchError, ScenarioError, StoreError
from agentlab.mapping import mapping
from agentlab.scenario.declared import Declared
from agentlab.scenario.design import Design
from agentlab.scenario.document import Keys, dotted
from agentlab.seeds import digest

FORMAT = 1
ANALYSIS = {
    "test": "t of the tasks' mean differences, made longer where they are skewed, two-sided at 5 %; by clusters (CR2) "
    "where `cluster` names a field or tasks repeat; none under 6 clusters; under 6 tasks the test is about these tasks",
    "adjustment": "Holm over all primary contrasts, with their tests of equivalence",
    "missing": "a status has the value that its measure declares, else it is missing; what is missing is left out, "
    "counted and bounded",
}
_HEAD = """\
# Preregistration of {name}: what was decided before it ran. `digest` is that of `decided`, however it is laid out.
#   agentlab run SCENARIO --preregistered {file}      runs the scenario only if it still says the same
"""


@dataclass(frozen=True, slots=True)
class Registration:
    """A preregistration that was read: which file, from when (UTC), and what it decided."""

    file: str
    date: str
    digest: str
    decided: Mapping[str, Any]


def decisions(design: Design) -> dict[str, Any]:
    """All that decides what the experiment shows, as plain JSON values."""
    documents = mapping(design.tree.get("judges"))
    decided = {
        "question": design.about,
        "contrasts": {
            "primary": _contrasts(design.compare.primary),
            "exploratory": "all" if design.compare.exploratory is None else _contrasts(design.compare.exploratory),
        },
        "measures": {name: measure.model_dump() for name, measure in design.measures.items()},
        "judges": {
            name: {
                "kind": documents[name].get("kind"),
                "model": None if judge.model is None else design.models[judge.model].name,
                "draws": judge.draws,
                "digest": digest(documents[name]),
            }
            for name, judge in {**design.judges, **design.of_two}.items()
        },
        "analysis": ANALYSIS,
        "cluster": design.cluster,
        "looks": design.looks if design.looks is None or design.looks == "any" else design.looks.model_dump(),
        "draws": design.draws,
        "tasks": {id: digest(asdict(task)) for id, task in design.tasks.items()},
        "conditions": {condition.name: digest(condition.identity) for condition in design.conditions},
        "modules": _modules(design),
        "excluded": list(design.tree.get("exclude") or ()),
        "limits": design.limits.rollout.model_dump(),
    }
    return _plain(msgspec.to_builtins(decided))


def _modules(design: Design) -> dict[str, str]:
    """The modules of one's own that the scenario names, each with the digest of its file."""
    named = {text.removeprefix("sim/") for text in _texts(dict(design.tree))}
    modules = {name.partition(":")[0] for name in named if own_code.is_own(name)}
    return {name: digest for name, digest in own_code.digests().items() if name in modules}


def _texts(value: Any) -> Iterator[str]:
    """Every text in plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in cast("dict[str, Any]", value).values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in cast("Sequence[Any]", value):
            yield from _texts(item)


def write(design: Design, file: Path) -> str:
    """Writes what the design decides, with today's date, and gives its digest.

    Raises ScenarioError if the file is there already, and StoreError if it cannot be written.
    """
    decided = decisions(design)
    document: dict[str, Any] = {
        "preregistration": FORMAT,
        "scenario": design.name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "digest": digest(decided),
        "decided": decided,
    }
    text: str = yaml.safe_dump(  # pyright: ignore[reportUnknownMemberType]
        document, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
    )
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(_HEAD.format(name=design.name, file=file.name) + text)
    except FileExistsError:
        raise ScenarioError(
            f"{file} already exists, and a preregistration is never overwritten; name another file"
        ) from None
    except OSError as error:
        raise StoreError(f"{file}: cannot be written ({error.strerror}); name another file") from error
    return document["digest"]


def read(file: Path) -> Registration:
    """A preregistration. Raises ScenarioError for what is none, and for one that was changed since it was written."""
    try:
        document = mapping(yaml.safe_load(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise ScenarioError(f"{file}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, yaml.YAMLError):
        document = {}
    if document.get("preregistration") != FORMAT or not isinstance(document.get("decided"), dict):
        raise ScenarioError(
            f"{file}: this is not a preregistration; agentlab plan SCENARIO --preregister FILE writes one"
        )
    decided = _plain(document["decided"])
    if digest(decided) != document.get("digest"):
        raise ScenarioError(
            f"{file}: the file was changed after it was written: its content has digest {digest(decided)}, but it "
            f"says {document.get('digest')}; restore the original file, or write a new one"
        )
    return Registration(str(file), str(document.get("date")), str(document["digest"]), decided)


def deviations(old: Any, new: Any, path: Keys = ()) -> Iterator[tuple[str, Any, Any]]:
    """Dotted path, old and new value of everything that was decided otherwise; None for what is not there."""
    before, after = mapping(old), mapping(new)
    if before and after:
        for key in dict.fromkeys((*before, *after)):
            yield from deviations(before.get(key), after.get(key), (*path, key))
    elif old != new:
        yield dotted(path), old, new


def require(registration: Registration, design: Design) -> None:
    """Raises MismatchError where the design does not say what was preregistered, with every place."""
    changed = list(deviations(registration.decided, decisions(design)))
    if changed:
        lines = "\n".join(f"  {path}: was {was!r}, is {now!r}" for path, was, now in changed)
        raise MismatchError(
            f"{registration.file}: the scenario differs from what was preregistered on {registration.date}:\n{lines}\n"
            "Change it back, or preregister it again before the first rollout."
        )


def record(design: Design, old: Mapping[str, Any], registration: Registration | None, rollouts: int) -> dict[str, Any]:
    """What the run's meta is to hold of it: what is decided now, and the first preregistration that was named.

    `rollouts` are in the run already. Raises MismatchError when the run was preregistered by another file.
    """
    named = old.get("preregistered")
    if registration is not None and named is not None and named["digest"] != registration.digest:
        raise MismatchError(
            f"{registration.file}: the run was preregistered with another file, {named['file']} of {named['date']}"
        )
    if registration is not None and named is None:
        named = {**asdict(registration), "rollouts": rollouts}
    return {"decided": decisions(design), **({"preregistered": named} if named else {})}


def match_notes(meta: Mapping[str, Any], rollouts: int) -> list[str]:
    """Whether a run of so many `rollouts` is what was preregistered; nothing where no file was named."""
    named = meta.get("preregistered")
    if named is None:
        return []
    head = f"Preregistered on {named['date']} ({named['file']}, digest {named['digest'][:8]})"
    late = f", a file first given when the run had {named['rollouts']} rollouts" if named["rollouts"] else ""
    changed = list(deviations(named["decided"], meta["decided"]))
    decided = named["decided"]
    all_of_it = len(decided["tasks"]) * len(decided["conditions"]) * decided["draws"]
    part = f", of which the run has {rollouts:,} of {all_of_it:,} rollouts" if rollouts < all_of_it else ""
    if not changed:
        return [f"{head}{late}: the scenario matches the preregistration{part}."]
    places = "; ".join(f"{path} was {was!r}, is {now!r}" for path, was, now in changed)
    return [f"{head}{late}, and changed since: {places}."]


def followed(meta: Mapping[str, Any]) -> bool:
    """Whether the run is all that was preregistered, by a file that was named before its first rollout."""
    named = meta.get("preregistered")
    return named is not None and not named["rollouts"] and not any(deviations(named["decided"], meta["decided"]))


def _contrasts(declared: tuple[Declared, ...]) -> dict[str, Any]:
    """By a name that says which: a contrast may hold in several cells and for several measures."""
    return {
        ", ".join(filter(None, (contrast.name, contrast.within, contrast.measure))): {
            contrast.factor: [contrast.a, contrast.b],
            "within": dict(contrast.others),
            "measure": contrast.measure,
            "margin": contrast.margin,
        }
        for contrast in declared
    }


def _plain(value: Any) -> Any:
    """Without what YAML may write in two ways: 1.0 is 1, and a sequence is a list."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in cast(dict[Any, Any], value).items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast(Sequence[Any], value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value
