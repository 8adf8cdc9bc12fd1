"""What would be right instead of a field that is not known: another name, another place, or what is known."""

import difflib
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import UnionType
from typing import Any

from pydantic import BaseModel

from agentlab.organization.protocols import KINDS as PROTOCOLS
from agentlab.suggestion import suggest
from agentlab.text import line

FEW = 5
"""Unknown fields of one mapping that are reported one by one."""
LIKE = 0.85
"""From this likeness on, one name is the other with a slip of the pen."""
_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "draws": ("samples", "repeats", "repetitions", "replicates", "trials", "epochs"),
    "about": ("description",),
    "spec": ("version",),
    "system": ("prompt", "instructions", "system_prompt"),
    "prompt": ("question", "input", "problem"),
    "target": ("answer", "solution", "expected", "label"),
    "low": ("min", "from"),
    "high": ("max", "to"),
    "kind": ("type",),
    "exclude": ("only", "include"),
    "factors": ("conditions", "arms"),
    "addendum": ("addenda", "suffix"),
    "ask": ("question", "prompt", "text"),
    "name": ("model",),
}


def messages(names: Sequence[str], model: Any, known: Collection[str] = ()) -> Iterator[tuple[str, str, str]]:
    """Of the unknown `names` of one mapping, which is read as `model`: name, what is wrong, what would be right.

    Many are one message at the first. `known` replaces the fields of the model.
    """
    if not names:
        return
    fields = list(known or of(model))
    if len(names) > FEW:
        listed = ", ".join(repr(line(name, 40)) for name in names[:FEW])
        wrong = f"unknown fields {listed} and {len(names) - FEW:,} more"
        yield names[0], wrong, f"known: {', '.join(fields)}"
        return
    homes = _homes(model) if model is not None else {}
    if "protocol" in fields:
        homes |= {name: "protocol" for config in PROTOCOLS.values() for name in of(config)}
    for name in names:
        yield name, f"unknown field {line(name, 60)!r}", right(name, fields, homes)


def meant(name: str, known: Collection[str]) -> str:
    """The known field that `name` stands for: it is nearly written so, or means the same; empty if there is none."""
    near = difflib.get_close_matches(name[:60].lower(), known, n=1, cutoff=LIKE)
    synonyms = (other for other, words in _SYNONYMS.items() if other in known and name.lower() in words)
    return near[0] if near else next(synonyms, "")


def right(name: str, known: Collection[str], homes: Mapping[str, str]) -> str:
    """What would be right instead of `name`; `homes` says under which section a field stands."""
    head = next((head for sign in (":", ".") if (head := name.partition(sign)[0]) in known and head != name), "")
    if head:
        return f"write `{head}: …`, with a space after the colon" if name[len(head)] == ":" else _nested(name)
    if nearest := meant(name, known):
        return f"did you mean {nearest!r}?"
    if name in homes:
        return f"write it under `{homes[name]}`"
    return suggest(name[:60], known, most=20)


def _nested(name: str) -> str:
    first, *rest = name[:60].split(".")
    return f"write `{first}: " + "".join(f"{{{part}: " for part in rest) + "…" + "}" * len(rest) + "`"


def kind_of(part: Mapping[str, Any], kinds: Mapping[str, type[BaseModel]]) -> tuple[str, str, str] | None:
    """Field, what is wrong and what would be right where a part's `kind` is missing, or its fields are another's."""
    kind, named = part.get("kind"), [*kinds]
    if kind is None:
        if word := next((word for word in part if meant(word, ("kind",))), ""):
            return word, f"unknown field {word!r}", f"did you mean 'kind'? known: {', '.join(named)}"
        return "kind", "'kind' is missing", f"{suggest('', named)} or my_module:Name for one of your own"
    if not isinstance(kind, str) or kind not in kinds:
        return "kind", f"unknown kind {kind!r}", f"{suggest(kind, named)} or my_module:Name for one of your own"
    fields = of(kinds[kind])
    odd = [name for name in part if name not in fields]
    for other, model in kinds.items() if odd else ():
        other_fields, needed = of(model), _needed(model) - {"kind"}
        if needed <= part.keys() <= other_fields.keys():
            listed = ", ".join(name for name in fields if name != "kind")
            wrong = f"kind {kind} has no {', '.join(sorted(odd)[:FEW])}"
            return "kind", wrong, f"write `kind: {other}`, or the fields of {kind}: {listed}"
        if needed <= {*odd} <= other_fields.keys():
            return odd[0], f"kind {kind} has no {', '.join(sorted(odd)[:FEW])}", f"write `kind: {other}` beside it"
    return None


def of(model: Any) -> dict[str, str]:
    """Names and descriptions of the fields of a model; none of what is no model."""
    if not is_model(model):
        return {}
    return {info.alias or name: info.description or "" for name, info in model.model_fields.items()}


def _needed(model: type[BaseModel]) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items() if info.is_required()}


def is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def plain(annotation: Any) -> Any:
    """Without `Annotated` and `None`, and of a union the member that is a model."""
    if typing.get_origin(annotation) is typing.Annotated:
        return plain(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, UnionType):
        members = [plain(a) for a in typing.get_args(annotation) if a is not type(None)]
        return next((m for m in members if is_model(m)), members[0])
    return annotation


def _homes(model: Any) -> dict[str, str]:
    """Where a field stands below `model`, by its name: the section that is nearest to the top."""
    homes: dict[str, str] = {}
    seen: list[Any] = []
    level: list[tuple[Any, tuple[str, ...]]] = [(model, ())]
    while level:
        below: list[tuple[Any, tuple[str, ...]]] = []
        for part, path in level:
            if not is_model(part) or part in seen:  # a step holds steps
                continue
            seen.append(part)
            for name, info in part.model_fields.items():
                if path:
                    homes.setdefault(info.alias or name, ".".join(path))
                inner = plain(info.annotation)
                arguments = typing.get_args(inner)
                named = len(arguments) == 2 and is_model(plain(arguments[1]))
                here = (*path, name)
                below.append((plain(arguments[1]), (*here, "NAME")) if named else (inner, here))
        level = below
    return homes
