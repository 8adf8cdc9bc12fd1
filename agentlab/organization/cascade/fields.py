"""The fields of a program's steps, as a scenario writes them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from agentlab.organization.cascade.reading import Reader
from agentlab.strict import STRICT
from agentlab.types import Settings

Verb = Literal["sample", "choose", "set", "python", "factor", "reject", "loop", "do"]
VERBS: tuple[Verb, ...] = ("sample", "choose", "set", "python", "factor", "reject", "loop", "do")
READERS = ("until", "number", "choice", "json", "regex")
OWNERS: Mapping[str, tuple[Verb, ...]] = {
    "by": ("sample",),
    "as": ("sample", "set"),
    "observe": ("sample",),
    "times": ("sample",),
    "tries": ("sample",),
    "settings": ("sample",),
    "unparsed": ("sample", "set", "python"),
    "k": ("choose",),
    "with": ("python",),
    "over": ("set", "loop"),
    "until": ("loop",),
    "most": ("loop",),
}
"""The verbs that each other field belongs to; `when` belongs to all."""
Question = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = STRICT | {"populate_by_name": True}


class As(_Part):
    """How a text becomes a value. Exactly one of until, number, choice, json, regex."""

    until: str | None = Field(None, min_length=1, description="The text before this marker.")
    number: Literal["first", "last"] | None = Field(
        None, description="The number that the text states as its answer, or else its first or last number."
    )
    choice: tuple[str, ...] | str | None = Field(
        None, min_length=1, description="One of these texts, or one item of a variable that is a list."
    )
    json_: str | None = Field(
        None, alias="json", min_length=1, description="A field of the first JSON object, such as answer or a.b."
    )
    regex: str | None = Field(
        None, min_length=1, description="The first group of a match, or the whole match of a pattern without a group."
    )
    where: Literal["first", "last"] = Field(
        "last", description="For choice and regex: which match counts if there are several."
    )
    by: Literal["text", "likelihood"] = Field(
        "text",
        description="For choice. text: the choice is read from the reply. likelihood: no reply is sampled. "
        "The model gives the probability of each choice as the whole reply, and must support `score`.",
    )
    pick: Literal["draw", "best"] = Field(
        "draw", description="For `by: likelihood`. draw: in proportion to the probabilities; best: the most likely."
    )

    @property
    def kinds(self) -> list[str]:
        """Those of the five readers that are named."""
        return [kind for kind in READERS if getattr(self, "json_" if kind == "json" else kind) is not None]

    def reader(self) -> Reader:
        """The reader that the fields describe."""
        kind = self.kinds[0]
        if kind == "number":
            return Reader("number", where=self.number or "last")
        of = self.json_ if kind == "json" else getattr(self, kind)
        return Reader(kind, of, self.where, self.by, self.pick)  # pyright: ignore[reportArgumentType]


class StepSettings(_Part):
    """Sampling settings of one step. They replace those of the agent."""

    temperature: float | None = Field(None, ge=0, le=2, description="Sampling temperature.")
    top_p: float | None = Field(None, gt=0, le=1, description="Nucleus sampling: the share of probability kept.")
    top_k: int | None = Field(None, ge=1, description="Sample from the k most likely tokens.")
    max_tokens: int | None = Field(None, ge=1, description="Maximum number of tokens in one reply.")
    stop: tuple[str, ...] | None = Field(None, description="Texts that end a reply.")
    reasoning: str | int | None = Field(None, description="How much to reason, as under `models`.")
    logprobs: int | None = Field(None, ge=0, description="Keep log-probabilities, as under `models`.")

    def settings(self) -> Settings:
        """The same as settings of a call; what is unset stays the agent's."""
        return Settings(**{name: getattr(self, name) for name in type(self).model_fields})


class Fallback(_Part):
    """A value to use when a step has none."""

    value: Any = Field(description="The value.")


class Step(_Part):
    """One step: exactly one of sample, choose, set, python, factor, reject, loop, do."""

    sample: Question | None = Field(None, description="Asks an agent this; the reply is the value. {{x}} is filled in.")
    by: str | None = Field(None, description="For sample: the agent that is asked.")
    as_: Literal["text", "lines", "number"] | As = Field(
        "text",
        alias="as",
        description="For sample and set: how the text becomes a value. lines: a list; number: the number that the text "
        "states as its answer, or else its last number.",
    )
    observe: Any = Field(
        None, description="For sample: the value that the reply has. The rollout is conditioned on it; see `inference`."
    )
    times: int = Field(1, ge=1, le=1000, description="For sample: number of independent replies. The value is a list.")
    tries: int = Field(
        1, ge=1, le=20, description="For sample: maximum number of attempts to get a reply that can be read."
    )
    settings: StepSettings | None = Field(None, description="For sample: settings that replace those of the agent.")
    unparsed: Literal["reject", "missing"] | Fallback = Field(
        "reject",
        description="For sample, set, and python: what happens if there is no value. reject: the rollout ends as "
        "rejected; missing: the value is missing; {value: x}: the value is x.",
    )
    choose: Any = Field(
        None, description="Draws from a list, or from a mapping of options to weights, by the rollout's seed."
    )
    k: int | None = Field(
        None, ge=1, description="For choose: how many to draw, without replacement. The value is a list."
    )
    set_: Any = Field(None, alias="set", description="A value, made from other variables. {{x}} alone keeps its type.")
    python: str | None = Field(
        None,
        description="A pure function: add, append, calculate, count, mean, mode, pick, share, or my_module:function.",
    )
    with_: Mapping[str, Any] | None = Field(None, alias="with", description="For python: the arguments by name.")
    factor: Any = Field(None, description="A number to add to the log-weight, or {p: x} to multiply the weight by x.")
    reject: Any = Field(None, description="A condition. If it holds, the rollout ends with the status rejected.")
    loop: Mapping[str, "Step"] | None = Field(None, description="Steps to repeat. The loop's name counts from 1.")
    over: Any = Field(
        None,
        description="For loop: a list; the loop's name stands for the current item. For set: a list to map; the step's "
        "name stands for the current item.",
    )
    until: Any = Field(None, description="For loop: a condition, checked after each iteration.")
    most: int | None = Field(None, ge=1, le=1000, description="For loop: maximum number of iterations.")
    do: Mapping[str, "Step"] | None = Field(None, description="Steps that belong together, such as a branch with when.")
    when: Any = Field(None, description="A condition. If it does not hold, the step is skipped.")

    def has(self, name: str) -> bool:
        """Whether the scenario writes this field."""
        return {"as": "as_", "set": "set_", "with": "with_"}.get(name, name) in self.model_fields_set

    @property
    def verbs(self) -> list[Verb]:
        """The verbs that the scenario writes; one, if the step is right."""
        return [verb for verb in VERBS if self.has(verb)]

    @property
    def verb(self) -> Verb:
        return self.verbs[0]

    @property
    def inner(self) -> Mapping[str, "Step"]:
        """The steps within a loop or a group."""
        return self.loop or self.do or {}

    def reader(self) -> Reader:
        """How its text is read."""
        return self.as_.reader() if isinstance(self.as_, As) else Reader(self.as_)


def identity(value: Any) -> Any:
    """A part of a program as its identity: mappings become lists, since the order of steps means something."""
    if isinstance(value, BaseModel):
        written = value.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        if isinstance(value, Step):
            _write_as(value, written)
        return identity(written)
    if isinstance(value, Mapping):
        return [[key, identity(item)] for key, item in value.items()]  # pyright: ignore[reportUnknownVariableType]
    return [identity(item) for item in value] if isinstance(value, list | tuple) else value  # pyright: ignore[reportUnknownVariableType]


def _write_as(step: Step, written: dict[str, Any]) -> None:
    """Writes `as: text` of a `set` step, which makes a text of the value, and is no default there."""
    if step.has("set") and step.has("as"):
        written.setdefault("as", step.as_)
    for name, inner in step.inner.items():
        _write_as(inner, written["loop" if step.loop else "do"][name])
