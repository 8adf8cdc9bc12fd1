"""The reference of scenario and judge YAML, as Markdown from the JSON Schemas that agentlab generates."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from agentlab.scenario.json_schema import schemas

Schema = Mapping[str, Any]

SCENARIO = """# Scenario YAML

Every field of a scenario. [Scenarios](scenarios.md) explains how they work together. This page is generated from the
JSON Schema (`make pages`). Fields in bold are required.
"""
JUDGE = """# Judge YAML

Every field of a judge, by kind. [Judges](judges.md) explains how they work. This page is generated from the JSON
Schema (`make pages`). Fields in bold are required.
"""
INTRO = {"scenario_yaml.md": SCENARIO, "judge_yaml.md": JUDGE}
SECTIONS = {
    "AddendumFields": "addendum: one addendum",
    "AgentFields": "organization.agents: one agent",
    "As": "organization.protocol: as of a step",
    "CapabilitiesPatch": "models: capabilities",
    "ClosingFields": "organization.closing",
    "CompareFields": "compare",
    "ContrastFields": "compare: one contrast",
    "Fallback": "organization.protocol: unparsed of a step",
    "LimitFields": "limits: of a rollout, of the run",
    "LimitsFields": "limits",
    "LooksFields": "looks",
    "McpFields": "mcp: one server",
    "MeasureFields": "measures: one measure",
    "Model": "models: one model",
    "OrganizationFields": "organization",
    "Price": "models: price",
    "ProgramsFields": "organization.programs",
    "SettingsFields": "organization.agents: settings",
    "TaskFields": "tasks: one task",
    "TurnFields": "organization.turn",
    "Level": "factors: one level",
    "ReviewConfig": "organization.protocol: review of a board",
    "PlanConfig": "organization.protocol: plan of a board",
    "PlantConfig": "organization.protocol: plant of a board, one flaw",
    "Protocol": "organization.protocol",
    "Step": "organization.protocol: one step",
    "StepSettings": "organization.protocol: settings of a step",
    "BaselineFields": "factors: baseline, a level that spends what another spent",
    "Inference": "inference",
    "FactorFields": "inference: factor",
    "LevelFields": "inference: level",
    "SampleFields": "inference: likelihood by counting draws",
    "SuccessFields": "inference: success",
    "VoteFields": "inference: take by a vote",
    "TaskTableFields": "tasks: a table",
    "ColumnFields": "tasks: columns of a table",
    "ArithmeticFields": "tasks, kind: arithmetic",
    "AttackFields": "tasks, kind: arithmetic, one attack",
    "ImproveFields": "improve",
    "LoraFields": "improve: by, lora",
    "SplitFields": "improve: one split",
    "KeepFields": "improve: keep",
    "TurnsFields": "improve: keep, turns",
    "FirstFields": "improve: first",
    "HintFields": "improve: hint",
    "NegativesFields": "improve: negatives",
    "Trainer": "improve: by",
}
"""Headings by the name of a definition."""
OWN = "my_module:Name"
KINDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "`null`"}


def reference() -> dict[str, str]:
    """The pages by file name."""
    texts = {path.rpartition("/")[2]: json.loads(text) for path, text in schemas().items()}
    scenario, judge = texts["scenario.schema.json"], texts["judge.schema.json"]
    return {
        "scenario_yaml.md": INTRO["scenario_yaml.md"] + "".join(_scenario(scenario)),
        "judge_yaml.md": INTRO["judge_yaml.md"] + "".join(_judge(judge)),
    }


def _scenario(schema: Schema) -> Iterator[str]:
    yield _section("The document", schema)
    for name, definition in sorted(schema["$defs"].items(), key=lambda item: _heading(item[0])):
        if not _is_patch(name):
            yield from _definition(_heading(name), definition)
    for title, inline in _inline(schema).items():
        if title in SECTIONS and title not in schema["$defs"]:
            yield _section(SECTIONS[title], inline)


def _inline(part: object) -> dict[str, Schema]:
    """The mappings with fields that stand anywhere in a schema, by their titles."""
    if isinstance(part, list):
        return {title: schema for item in cast("list[object]", part) for title, schema in _inline(item).items()}
    if not isinstance(part, dict):
        return {}
    schema = cast("dict[str, Any]", part)
    below = {title: fields for value in schema.values() for title, fields in _inline(value).items()}
    title = schema.get("title")
    return below | ({title: schema} if isinstance(title, str) and schema.get("properties") else {})


def _judge(schema: Schema) -> Iterator[str]:
    for kind in schema["anyOf"]:
        yield from _definition("kind: " + str(kind["properties"]["kind"].get("const", OWN)), kind)
    for name, definition in sorted(schema["$defs"].items()):
        yield from _definition(name, definition)


def _definition(heading: str, schema: Schema) -> Iterator[str]:
    """One section for each form that a definition may have."""
    forms = [form for form in schema.get("anyOf", [schema]) if form.get("properties")]
    if len(forms) > 1:
        yield f"\n## {heading}\n\nOne of the forms below.\n"
    for form in forms:
        kind = form["properties"].get("kind", {}).get("const", OWN)
        yield _section(f"{heading}, kind: {kind}" if len(forms) > 1 else heading, form)


def _section(heading: str, schema: Schema) -> str:
    about = f"\n{schema['description']}\n" if schema.get("description") else ""
    required = schema.get("required", ())
    rows = [_row(name, field, name in required) for name, field in schema["properties"].items()]
    return f"\n## {heading}\n{about}\n| field | value | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _row(name: str, field: Schema, required: bool) -> str:
    default = field.get("default")
    shown = f" Default: {_code(default)}." if default not in (None, "", []) and not isinstance(default, dict) else ""
    cells = (f"**`{name}`**" if required else f"`{name}`", _kind(field), f"{_about(field)}{shown}")
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _about(field: Schema) -> str:
    """The description of a field, or of the one form that is not null."""
    forms = (field, *field.get("anyOf", ()))
    return next((form["description"] for form in forms if form.get("description")), "")


def _kind(field: Schema) -> str:
    """What a value may be, in a few words."""
    if "const" in field:
        return _code(field["const"])
    if "enum" in field:
        return " or ".join(_code(value) for value in field["enum"])
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[fields](#{anchor(_heading(name.removesuffix('Patch') if _is_patch(name) else name))})"
    if "anyOf" in field:
        kinds = dict.fromkeys(_kind(form) for form in field["anyOf"] if form.get("type") != "null")
        return " or ".join(kinds)
    if field.get("type") == "array":
        return f"list of {_kind(field['items'])}" if "items" in field else "list"
    if field.get("properties"):
        return f"[fields](#{anchor(SECTIONS[field['title']])})" if field.get("title") in SECTIONS else "mapping"
    if field.get("type") == "object" or "additionalProperties" in field:
        inner = field.get("additionalProperties")
        return f"mapping: name → {_kind(cast('Schema', inner))}" if isinstance(inner, Mapping) and inner else "mapping"
    kinds = field.get("type", "")
    return " or ".join(KINDS.get(kind, "any value") for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _is_patch(name: str) -> bool:
    """Whether a definition is that of a level's patch, which has the fields of what it patches."""
    return name.endswith("Patch") and name != "CapabilitiesPatch"


def _heading(name: str) -> str:
    return SECTIONS.get(name, name)


def anchor(heading: str) -> str:
    """What a heading is linked as."""
    kept = "".join(char for char in heading.lower() if char.isalnum() or char in "-_ ")
    return "-".join(kept.split())


def _code(value: Any) -> str:
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
