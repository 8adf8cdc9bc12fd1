"""How a section is written, for those who wrote a list or a text where a mapping belongs."""

from collections.abc import Mapping

from agentlab.scenario.document import Keys

_AGENT, _JUDGED, _MODEL = "{system: You check sums.}", "{judge: quality}", "{name: anthropic/claude-opus-4-5}"
_TASK, _ADDED = "{prompt: What is 2 + 2?}", "{text: Be brief., to: task}"
_LEVEL, _CONTRAST = "{organization: {rounds: 5}}", "{team: [firm, solo]}"
_LEARN, _HELD = "{role: learn, draws: 8}", "{role: hold_out, draws: 4}"
_SPLITS, _KEPT = f"{{train: {_LEARN}, test: {_HELD}}}", "{measure: correct, at_least: 1}"
_LEVELS, _CRITERION = f"{{short: {{}}, long: {_LEVEL}}}", "{text: Is it clear?}"
FORMS: Mapping[tuple[str, ...], str] = {
    ("models",): f"{{default: {_MODEL}}}",
    ("models", "*"): _MODEL,
    ("tasks",): f"{{sum: {_TASK}}}",
    ("tasks", "*"): _TASK,
    ("tasks", "*", "fields"): "{client: Bank}",
    ("organization", "agents"): f"{{checker: {_AGENT}}}",
    ("organization", "agents", "*"): _AGENT,
    ("organization", "agents", "*", "settings"): "{temperature: 0.7}",
    ("organization", "protocol"): "{kind: chain, stages: [[writer], [checker]]}",
    ("organization", "protocol", "contacts"): "{boss: [hand], hand: [boss]}",
    ("organization", "closing"): "{ask: Write the report now., agent: boss}",
    ("addendum",): f"{{brief: {_ADDED}}}",
    ("addendum", "*"): _ADDED,
    ("factors",): f"{{length: {_LEVELS}}}",
    ("factors", "*"): _LEVELS,
    ("factors", "*", "*"): f"{_LEVEL}; {{}} changes nothing",
    ("judges", "*"): f"{{kind: rubric, criteria: {{clear: {_CRITERION}}}}}",
    ("judges", "*", "criteria"): f"{{clear: {_CRITERION}}}",
    ("judges", "*", "criteria", "*"): _CRITERION,
    ("judges", "*", "scale"): "{low: 0, high: 10}",
    ("measures",): f"{{utility: {_JUDGED}}}",
    ("measures", "*"): _JUDGED,
    ("compare",): f"{{primary: {{main: {_CONTRAST}}}}}",
    ("compare", "primary"): f"{{main: {_CONTRAST}}}",
    ("compare", "primary", "*"): _CONTRAST,
    ("limits",): "{run: {cost: 50 USD}}",
    ("limits", "run"): "{cost: 50 USD}",
    ("limits", "rollout"): "{tokens: 200k}",
    ("compare", "primary", "*", "*"): "[firm, solo]",
    ("looks",): "{planned: 3}",
    ("improve",): f"{{generations: 3, splits: {_SPLITS}, keep: {_KEPT}, by: {{kind: sft}}}}",
    ("improve", "by"): "{kind: sft}",
    ("improve", "first"): "{rows: rows.jsonl}",
    ("improve", "hint"): '{text: "The answer is {{target}}."}',
    ("improve", "judged"): "{quality: [test]}",
    ("improve", "keep"): _KEPT,
    ("improve", "keep", "turns"): "{which: last}",
    ("improve", "negatives"): "{most: 1}",
    ("improve", "splits"): _SPLITS,
    ("improve", "watch"): "[accepted, correct]",
    ("improve", "splits", "*"): f"{_LEARN}, or {_HELD}",
    ("exclude", "*"): "{team: solo}",
    ("exclude",): "[{team: solo, pressure: high}]",
}


def form(path: Keys) -> str:
    """What follows "write a mapping": an example of what stands at `path`; empty where there is none."""
    of_level = path[3:] if path[:1] == ("factors",) and len(path) > 3 else path
    for known, example in FORMS.items():
        if len(known) == len(of_level) and all(a in ("*", b) for a, b in zip(known, of_level, strict=True)):
            return f", such as {example}"
    return ""
