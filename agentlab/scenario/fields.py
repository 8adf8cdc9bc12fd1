"""The scenario document as a user writes it. What it means for each condition is worked out in `design`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from agentlab.scenario.compare_fields import CompareFields, LooksFields
from agentlab.scenario.values import (
    AgentName,
    Fields,
    Levels,
    Memory,
    Minutes,
    Money,
    Name,
    Part,
    TaskId,
    Tokens,
    Written,
    range_of,
)


class SettingsFields(Fields):
    temperature: float | None = Field(default=None, ge=0, le=2, description="Sampling temperature.")
    top_p: float | None = Field(
        default=None, gt=0, le=1, description="Nucleus sampling: the share of probability kept."
    )
    top_k: int | None = Field(default=None, ge=1, description="Sample from the k likeliest tokens.")
    max_tokens: int | None = Field(default=None, ge=1, description="Most tokens of one reply, reasoning included.")
    stop: tuple[str, ...] | None = Field(default=None, description="Texts that end a reply.")
    reasoning: str | int | None = Field(
        default=None, description="How much to think: an effort name or a budget in tokens."
    )
    logprobs: int | None = Field(
        default=None, ge=0, description="Keep the log-probability of every token and of so many alternatives."
    )


class AgentFields(Fields):
    system: str = Field(default="", description="System prompt. {{agent}} and {{rounds}} are filled in.")
    model: str = Field(default="default", description="An alias under models.")
    memory: Memory = Field(
        default="all", description="How many of its own earlier turns it sees: all, unread, or {last: 3}."
    )
    settings: SettingsFields = Field(
        default_factory=SettingsFields, description="Sampling settings; they win over the model's."
    )
    tools: tuple[str, ...] = Field(
        default=(), description="Tools it may use: calculate, read, write, …, or my_module:name of your own."
    )
    copies: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="So many agents like this one: NAME.1, NAME.2, …; NAME elsewhere means all of them.",
    )


class ClosingFields(Fields):
    ask: str = Field(min_length=1, description="The question asked when nothing has reached @output.")
    agent: str | None = Field(default=None, description="Who is asked. One agent alone is asked as part of its task.")


class OrganizationFields(Fields):
    agents: Mapping[AgentName, AgentFields] = Field(min_length=1, description="The agents by name.")
    protocol: Part = Field(description="Where a reply goes: kind, and the fields of that kind.")
    rounds: int = Field(default=10, ge=1, le=10_000, description="Most rounds of a rollout.")
    cast: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="The agents that take part; all, if not said."
    )
    closing: ClosingFields | None = Field(default=None, description="The question that ends a rollout without output.")
    output: tuple[str, ...] | None = Field(
        default=None, description="Agents that may write to @output; the closing agent if not said, else anyone."
    )
    calls: int = Field(default=8, ge=1, le=1000, description="Most model calls in one turn.")


class TaskFields(Fields):
    prompt: str = Field(min_length=1, description="What is asked. {{name}} is filled in from the task's fields.")
    target: Written | None = Field(
        default=None, description="The right answer, where there is one: a text, as it is written."
    )
    fields: Mapping[str, Any] = Field(
        default={}, description="Values for the prompt's placeholders and for the analysis."
    )
    split: str | None = Field(default=None, description="The part of the data it belongs to, such as train or test.")


class AddendumFields(Fields):
    text: str = Field(min_length=1, description="Added as a paragraph of its own.")
    to: Literal["task", "all"] | tuple[str, ...] = Field(
        description="task: to the task's prompt; all: to every system prompt; or a list of agents."
    )


class MeasureFields(Fields):
    judge: str = Field(description="The judge whose scores it combines.")
    criteria: Literal["all"] | tuple[str, ...] = Field(default="all", description="Criteria that count, or all.")
    range: Annotated[tuple[float, float], AfterValidator(range_of)] = Field(
        default=(0.0, 1.0), description="Where the scale's lowest and highest score land."
    )
    target: float | None = Field(
        default=None,
        description="The value it ought to have: an end of its range, as a rule. Bias is counted from it, and it says "
        "which direction is better.",
    )
    declined: float | None = Field(
        default=None, description="Its value where the agents declined; null leaves it missing."
    )
    vetoed: float | None = Field(
        default=None, description="Its value where the organization vetoed; null leaves it missing."
    )
    incomplete: float | None = Field(default=None, description="Its value where nothing was delivered.")
    limit: float | None = Field(
        default=None, description="Its value where a limit stopped the agents, whatever was delivered."
    )
    unparsed: float | None = Field(
        default=None, description="Its value where a judge that asks no model finds no answer in the output."
    )
    truncated: float | None = Field(
        default=None, description="Its value where the output was cut off before it stated an answer."
    )


OUTCOMES = ("unparsed", "truncated")
DECLARED = ("declined", "vetoed", "incomplete", "limit", *OUTCOMES)
"""Fields of a measure that say what a rollout counts as, by what the agents did or by what its judge could not read."""


class LimitFields(Fields):
    tokens: Tokens | None = Field(default=None, description="Most tokens, prompts and replies together, such as 200k.")
    cost: Money | None = Field(default=None, description="Most money, such as 50 USD.")
    minutes: Minutes | None = Field(
        default=None, description="Most minutes of model and tool time, queueing not counted."
    )


class LimitsFields(Fields):
    rollout: LimitFields = Field(default_factory=LimitFields, description="Of one rollout.")
    run: LimitFields = Field(default_factory=LimitFields, description="Of the whole run, judges included.")


class ConditionFields(Fields):
    """The sections that a level may patch: all that decides what one condition does."""

    models: Mapping[Name, Part] = Field(
        default={}, description="Models by alias; agents use default unless they say otherwise."
    )
    tasks: Mapping[TaskId, TaskFields] = Field(min_length=1, description="The tasks by id.")
    organization: OrganizationFields = Field(description="Who works, and how they talk.")
    addendum: Mapping[Name, AddendumFields] = Field(default={}, description="Paragraphs added to prompts, by name.")


class BaselineFields(Fields):
    of: str = Field(description="The measured arm: another level of the same factor.")
    by: Literal["refine", "best_of_n", "vote"] = Field(
        description="refine: one draft, improved again and again; best_of_n: independent tries, the best by `select`; "
        "vote: independent tries, the answer that most of them give."
    )
    match: Literal["output_tokens", "tokens", "calls", "cost"] = Field(
        description="What of the measured rollout may be used; the arm ends with the step nearest to it."
    )
    agent: str = Field(description="The one agent that works, a key of organization.agents.")
    at: Literal["draw", "task_median"] = Field(
        default="draw", description="The use of the same task and draw, or its median over the draws of the task."
    )
    select: str | None = Field(
        default=None, description="A judge that no measure uses: it picks the best try, or says which answers agree."
    )


class ExperimentFields(Fields):
    """The sections that hold for all conditions alike."""

    spec: Literal[1] = Field(description="Version of the format: 1.")
    name: Name = Field(description="Name of the scenario and of its run folder.")
    about: str = Field(default="", description="What is asked of the experiment, in a sentence.")
    factors: Mapping[Name, Levels] = Field(
        default={}, description="What is varied: for every factor its levels, each a patch to this document."
    )
    exclude: tuple[Annotated[Mapping[Name, str], Field(min_length=1)], ...] = Field(
        default=(), description="Cells left out of the crossing, each as some factors with a level."
    )
    draws: int = Field(default=1, ge=1, le=1_000_000, description="How often each condition does each task.")
    judges: tuple[str, ...] | Mapping[Name, Part] = Field(
        default=(), description="Names of judges; or by name a judge written here, or changes to one."
    )
    measures: Mapping[Name, MeasureFields] = Field(default={}, description="What the analysis compares.")
    compare: CompareFields | None = Field(
        default=None, description="The preregistered contrasts; without it all are exploratory."
    )
    looks: Literal["any"] | LooksFields | None = Field(
        default=None,
        description="Interim analyses of the contrasts while the run grows: any, as often as you like; or planned ones "
        "of the primary contrasts, with narrower intervals.",
    )
    cluster: str | None = Field(
        default=None, description="The field of the tasks that says which of them share a source, such as one text."
    )
    limits: LimitsFields = Field(default_factory=LimitsFields, description="When a rollout, or the run, is stopped.")
    seed: int | None = Field(
        default=None, ge=0, le=2**63 - 1, description="Run seed; random and recorded if not given."
    )
    coupling: Literal["seeds", "none"] = Field(
        default="seeds", description="Whether arms have common random numbers draw by draw."
    )
