"""The attacks that a search found, as the section `attacks` of a scenario with `tasks: {kind: arithmetic}`."""

import json
from pathlib import Path
from typing import Any

import yaml

from agentlab.errors import ScenarioError, StoreError
from agentlab.mapping import mapping
from agentlab.runs.frames import Run

_FIELDS = "text, found_on, score"


def attacks(run: Run, out: Path) -> int:
    """Writes every text that the run's outputs hold as attacks into the new YAML file `out`; gives how many.

    An output is a JSON object with `text`, and perhaps `found_on` (the sums it was chosen by) and `score`. The same
    text by the same attacker is one attack: its sums and queries are put together, its score is the mean. The attacker
    is the levels of the factors, or the run's name. Raises `ScenarioError` for a run without attacks, and `StoreError`
    if the file exists or cannot be written.
    """
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for row in run.rollouts[run.rollouts["status"] == "delivered"].to_dict("records"):
        output = _read(row["output"])
        if output is None:
            continue
        by = "-".join(str(row[factor]) for factor in run.factors) or str(run.meta["name"])
        parts = merged.setdefault((by, output["text"]), {"found_on": {}, "scores": [], "queries": 0})
        parts["found_on"] |= dict.fromkeys(map(str, output.get("found_on", ())))
        parts["scores"] += [float(output["score"])] if "score" in output else []
        parts["queries"] += int(row["calls"])
    if not merged:
        raise ScenarioError(f"{run.folder} has no attack: no output is a JSON object with {_FIELDS}, as in `pirs`")
    section: dict[str, Any] = {}
    for (by, text), parts in merged.items():
        number = 1 + sum(attack["by"] == by for attack in section.values())
        attack = {"text": text, "by": by, "found_on": list(parts["found_on"]), "queries": parts["queries"]}
        scores = parts["scores"]
        section[f"{by}_{number}"] = attack | ({"score": round(sum(scores) / len(scores), 4)} if scores else {})
    text: str = yaml.safe_dump(  # pyright: ignore[reportUnknownMemberType]
        section, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
    )
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StoreError(f"{out}: cannot write the attacks ({error.strerror}); give another file") from error
    return len(section)


def _read(output: object) -> dict[str, Any] | None:
    """An output as an attack; None if it is none."""
    try:
        attack = mapping(json.loads(str(output)))
    except ValueError:
        return None
    return attack if isinstance(attack.get("text"), str) and attack["text"].strip() else None
