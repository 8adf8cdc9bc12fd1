"""Makes the YAML of a small scenario from its parts."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import yaml

Part = dict[str, Any]


class _Dumper(yaml.SafeDumper):
    """Writes what is there twice out twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def scenario(
    name: str,
    *,
    models: Part | None = None,
    tasks: Part | None = None,
    organization: Part | None = None,
    **sections: Any,
) -> str:
    """The text, an entry of a section on each line, so that tests can change it by text.

    Without other parts it is one agent, `me`, who answers one task, `t`; the model chatters and the judge gives scores.
    """
    parts = {
        "spec": 1,
        "name": name,
        "models": models or {"default": {"name": "sim/chatter"}, "judge": {"name": "sim/replies"}},
        "tasks": tasks or {"t": {"prompt": "Hello."}},
        "organization": organization or chain(["me"]),
        **sections,
    }
    return "".join(_section(key, value) for key, value in parts.items())


def _section(key: str, value: Any) -> str:
    if not isinstance(value, dict):
        return f"{key}: {flow(value)}\n"
    lines = [f"{key}:"]
    for name, entry in cast("Part", value).items():
        if key == "factors":
            lines += [f"  {name}:", *(f"    {level}: {flow(change)}" for level, change in entry.items())]
        else:
            lines.append(f"  {name}: {flow(entry)}")
    return "\n".join(lines) + "\n"


def flow(value: Any) -> str:
    """YAML on one line."""
    how: Part = {"default_flow_style": True, "sort_keys": False, "width": 10**9, "allow_unicode": True}
    text = yaml.dump(value, Dumper=_Dumper, **how)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return str(text).removesuffix("...\n").strip()  # pyright: ignore[reportUnknownArgumentType]


def numbered(count: int, prompt: str = "Question {}", **fields: Any) -> Part:
    """Tasks t0, t1, ... whose prompts hold their number."""
    return {f"t{i}": {"prompt": prompt.format(i), **fields} for i in range(count)}


def chain(*stages: Sequence[str], says: str | None = "You answer.", **more: Any) -> Part:
    """An organization of the agents in these stages; `says` is their system prompt."""
    agent = {} if says is None else {"system": says}
    names = dict.fromkeys(name for stage in stages for name in stage)
    protocol = {"kind": "chain", "stages": [list(stage) for stage in stages]}
    return {"agents": {name: dict(agent) for name in names}, "protocol": protocol, **more}


def rubric(criteria: str | Mapping[str, str], top: int = 100, draws: int = 1, **more: Any) -> Part:
    """A rubric from 0 to `top`, of these criteria; those that are only named ask for nothing in particular."""
    texts = dict.fromkeys(criteria.split(), "?") if isinstance(criteria, str) else criteria
    scale, counted = {"low": 0, "high": top}, {} if draws == 1 else {"draws": draws}
    asked = {name: {"text": text} for name, text in texts.items()}
    return {"kind": "rubric", **counted, "scale": scale, "criteria": asked, **more}


def match(by: str, **more: Any) -> Part:
    return {"kind": "match", "by": by, **more}


def measured(judge: str, *span: float, **more: Any) -> Part:
    """A measure of a judge's criteria; `span` is its range."""
    return {"judge": judge, **({"range": list(span)} if span else {}), **more}


def known(**options: Any) -> Part:
    """The simulated firm whose effects are planted, by its options."""
    return {"name": "sim/known_truth.firm:firm", "options": options}
