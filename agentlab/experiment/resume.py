"""Whether a scenario goes on with the run that a folder holds: what was asked would be asked again, word for word.

What decides a reply is compared as it was resolved, so that a default that is written out, or an agent that takes no
part, is no change. What decides a score is compared as it is written.
"""

import logging
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import yaml

from agentlab import own_code
from agentlab.errors import MismatchError
from agentlab.experiment.facts import facts
from agentlab.mapping import mapping
from agentlab.products import product_facts
from agentlab.scenario.changed import differences
from agentlab.scenario.design import Design
from agentlab.seeds import digest
from agentlab.store import DATABASE, Store
from agentlab.store.training import trained

log = logging.getLogger(__name__)
LONGEST = 120
Change = tuple[str, Any, Any]
"""What, as it was, as it is."""


def check(design: Design, store: Store, old: Mapping[str, Any], accept: bool) -> dict[str, Any]:
    """Compares the design and its code with `old`, the run's meta; gives what it is to record of the code.

    Raises `MismatchError` with every place where an existing value would change, and with every change of the code,
    unless these are accepted.
    """
    place = store.folder / DATABASE
    if "tree" not in old:
        raise MismatchError(f"{place}: these are imported texts, which no scenario can continue")
    recorded = store.conditions()
    same = _unchanged(design, recorded)
    seeded = {**old["tree"], "seed": old["seed"]}  # which the run drew where the scenario named none
    if changed := differences(seeded, design.tree, design.ordered, same):
        other = "" if old["name"] == design.name else f"this is a run of {old['name']!r}, not of {design.name!r}; "
        raise MismatchError(
            f"{place}: {other}the run was made from another scenario:\n{_lines(changed)}\n"
            "You may add tasks, draws, levels, judges, their anchor texts, and measures. For any other change, use "
            "--new or --out." + _moved(changed)
        )
    if retooled := [*_tools(design, recorded)]:
        raise MismatchError(
            f"{place}: the descriptions of tools have changed:\n{_lines(retooled)}\n"
            "Agents would see other descriptions. Use the same version of the server or module, or --new or --out."
        )
    if not same:
        raise MismatchError(
            f"{place}: prompts would differ from before, although the scenario is unchanged; use --new or --out for "
            f"a fresh run folder"
        )
    if remade := list(_products(design, old)):
        raise MismatchError(
            f"{place}: the run was made with another generator of its products:\n{_lines(remade)}\n"
            "Its data and held-out cases would differ. Use the original module, or --new or --out for a fresh run."
        )
    if moved := _learned(design, store, old):
        raise MismatchError(
            f"{place}: its weights were trained on other tasks: {', '.join(moved)} would be learned from now and "
            "was not then, or the other way round. Give these tasks the split that they had, or use --new or --out for "
            "a fresh run folder."
        )
    code = [*_code(old.get("code", [])), *_wordings(design, recorded)]
    if code and not accept:
        raise MismatchError(
            f"{place}: the run was made with other code:\n{_lines(code)}\n"
            "Conditions would mix rollouts of both versions. Use the original code, or --new, or --accept-changes, "
            "which is recorded and reported with every result."
        )
    _relimited(old["tree"], design.tree)
    return record(old, code)


def record(old: Mapping[str, Any], accepted: Sequence[Change] = ()) -> dict[str, Any]:
    """What the run's meta is to hold of the code: an entry for each command that was played by other code."""
    now = {"agentlab": version("agentlab"), "python": platform.python_version(), "modules": own_code.digests()}
    entries: list[dict[str, Any]] = list(old.get("code", []))
    if entries and {key: entries[-1][key] for key in now} == now and not accepted:
        return {"code": entries}
    changes = [*map(_line, accepted)]
    return {"code": [*entries, {"at": datetime.now(UTC).isoformat(timespec="seconds"), **now, "accepted": changes}]}


def _unchanged(design: Design, recorded: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether every recorded condition that the design has would give its rollouts the identities that they have."""
    for condition in design.conditions:
        old = recorded.get(condition.name)
        if old is None:
            continue
        asked = {id: digest(text) for id, text in condition.questions.items()}
        if old["identity"] != condition.identity or any(asked.get(id, was) != was for id, was in old["tasks"].items()):
            return False
    return True


def _products(design: Design, old: Mapping[str, Any]) -> Iterator[Change]:
    """Products whose generator is another one than that of the run."""
    for task in old.get("tasks", []):
        was = product_facts(mapping(task.get("fields")))
        now = product_facts(design.tasks[task["id"]].fields) if task["id"] in design.tasks else {}
        if was and now and was["source"] != now["source"]:
            yield f"product {was['name']} of task {task['id']}", was["source"][:12], now["source"][:12]


def _learned(design: Design, store: Store, old: Mapping[str, Any]) -> list[str]:
    """Tasks that are learned from now and were not when weights of this run were trained, or the other way round."""
    if design.loop is None or not any(weights.digest for weights in trained(store).values()):
        return []
    learning = {name for name, split in design.loop.fields.splits.items() if split.role == "learn"}
    before = {task["id"] for task in old.get("tasks", []) if task.get("split") in learning}
    return sorted(before ^ {id for id, task in design.tasks.items() if task.split in learning})


def _wordings(design: Design, recorded: Mapping[str, Mapping[str, Any]]) -> Iterator[Change]:
    """What agents are told by the code, such as a protocol's manual, where it is not what they were told before."""
    for condition in design.conditions:
        if condition.name in recorded:
            old, new = (_prompts(each) for each in (recorded[condition.name], facts(condition)))
            for what in new:
                if old.get(what, new[what]) != new[what]:
                    yield f"{condition.name}: {what}", old[what], new[what]


def _tools(design: Design, recorded: Mapping[str, Mapping[str, Any]]) -> Iterator[Change]:
    """Tools whose name, description or schema is another one: of a server, or of a module of one's own."""
    for condition in design.conditions:
        if condition.name not in recorded:
            continue
        for name, agent in recorded[condition.name]["agents"].items():
            old = {tool["name"]: tool for tool in agent["tools"]}
            offered = condition.organization.roster[name].offered if name in condition.organization.roster else ()
            new = {tool.name: asdict(tool) for tool in offered}
            for tool in {**old, **new}:
                if digest(old.get(tool)) != digest(new.get(tool)):
                    was, now = (digest(each[tool])[:12] if tool in each else None for each in (old, new))
                    yield f"{condition.name}: tool {tool} of {name}", was, now


def _prompts(facts: Mapping[str, Any]) -> dict[str, str]:
    """A digest of what a condition tells each agent beside its mail."""
    parts = {f"prompt of {name}": (agent["system"], agent["manual"]) for name, agent in facts["agents"].items()}
    return {what: digest(part)[:12] for what, part in parts.items()}


def _code(entries: Sequence[Mapping[str, Any]]) -> Iterator[Change]:
    """The version of agentlab, and modules of one's own, that are others than those of the last command."""
    if not entries:
        return
    last, modules = entries[-1], own_code.digests()
    if last["agentlab"] != version("agentlab"):
        yield "agentlab", last["agentlab"], version("agentlab")
    for name, was in last["modules"].items():
        if modules.get(name, was) != was:
            yield f"module {name}", was[:12], modules[name][:12]


def _relimited(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Says that rollouts which are finished keep to the limit under which they ran."""
    before, after = mapping(old.get("limits")), mapping(new.get("limits"))
    for name in before.keys() & after.keys():
        was, now = mapping(before[name]), mapping(after[name])
        for unit in was.keys() & now.keys():
            if was[unit] != now[unit]:
                message = "limits.%s.%s was %s and is now %s: rollouts that already finished do not change"
                log.warning(message, name, unit, was[unit], now[unit])


def _lines(changes: Sequence[Change]) -> str:
    return "\n".join(f"  {_line(change)}" for change in changes)


def _line(change: Change) -> str:
    what, was, now = change
    return f"{what}: was {_short(was)}, is {_short(now)}"


def _moved(changes: Sequence[Change]) -> str:
    """What to do where only a server has moved."""
    paths = [what.split(".") for what, _, _ in changes]
    aliases = [path[1] for path in paths if path[0] == "models" and path[-1] == "base_url"]
    if not aliases:
        return ""
    return (
        "\nIf only the address of the server changed, leave base_url as it was and give the new address: --base-url "
        f"{aliases[0]}=URL."
    )


def _short(value: Any) -> str:
    if value is None:
        return "not there"
    written: str = yaml.safe_dump(  # pyright: ignore[reportUnknownMemberType]
        value, default_flow_style=True, width=10**6, sort_keys=False, allow_unicode=True
    )
    text = repr(value) if isinstance(value, str) else written.removesuffix("\n").removesuffix("\n...")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
