"""The scenario document as a user writes it. What it means for each condition is worked out in `design`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from agentlab.organization.agents import TurnLimits
from agentlab.scenario.compare_fields import CompareFields, LooksFields
from agentlab.scenario.improve_fields import ImproveFields
from agentlab.scenario.settings_fields import SettingsFields
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

MOST_COPIES = 100


class AgentFields(Fields):
    system: str = Field(default="", description="System prompt. {{agent}} and {{rounds}} are filled in.")
    model: str = Field(default="default", description="An alias under models.")
    memory: Memory = Field(
        default="all", description="How many of its own earlier turns the agent sees: all, unread (none), or {last: 3}."
    )
    settings: SettingsFields = Field(
        default_factory=SettingsFields, description="Sampling settings. They override those of the model."
    )
    tools: tuple[str, ...] = Field(
        default=(),
        description="Tools that the agent may use: calculate, read, write, …, my_module:name for your own, or mcp/NAME "
        "for those of a server under `mcp`.",
    )
    copies: int | None = Field(
        default=None,
        ge=1,
        le=MOST_COPIES,
        description="Make this many copies of the agent: NAME.1, NAME.2, …. Elsewhere, NAME means all of them.",
    )


class ClosingFields(Fields):
    ask: str = Field(min_length=1, description="The question asked when nothing has reached @output.")
    agent: str | None = Field(
        default=None,
        description="The agent that is asked. An agent that works alone gets the question as part of its task.",
    )


class TurnFields(Fields):
    result: int = Field(
        default=TurnLimits().result,
        ge=200,
        le=1_000_000,
        description="Maximum characters of a tool's result. The middle of a longer result is left out.",
    )
    shown: int | None = Field(
        default=TurnLimits().shown,
        ge=1_000,
        description="Maximum characters of all tool results of a turn in one prompt. Older results become one line. "
        "null: no limit.",
    )
    seconds: float | None = Field(
        default=TurnLimits().seconds,
        gt=0,
        description="Maximum seconds of model calls and tools in one turn. After that, the turn makes no more calls.",
    )


class ProgramsFields(Fields):
    model: str = Field(description="The model that programs may ask: an alias under models.")
    tokens: Tokens = Field(
        default=20_000,
        description="Maximum number of tokens of one program, prompts and replies together. Further questions are "
        "refused.",
    )


class OrganizationFields(Fields):
    agents: Mapping[AgentName, AgentFields] = Field(min_length=1, description="The agents by name.")
    protocol: Part = Field(description="Where replies go: kind, and the fields of that kind.")
    rounds: int = Field(default=10, ge=1, le=10_000, description="Maximum number of rounds in a rollout.")
    cast: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="The agents that take part. Default: all."
    )
    closing: ClosingFields | None = Field(
        default=None, description="The question asked at the end of a rollout that has no output yet."
    )
    output: tuple[str, ...] | None = Field(
        default=None,
        description="Agents that may write to @output. Default: the closing agent; if there is none, any agent.",
    )
    calls: int = Field(default=8, ge=1, le=1000, description="Maximum number of model calls in one turn.")
    turn: TurnFields = Field(
        default_factory=TurnFields, description="Limits on the tool results and the time of one turn."
    )
    programs: ProgramsFields | None = Field(
        default=None, description="The model that programs of agents may ask. Default: none."
    )


class TaskFields(Fields):
    prompt: str = Field(min_length=1, description="The text of the task. {{name}} is filled in from the task's fields.")
    target: Written | None = Field(default=None, description="The right answer, if there is one, as text.")
    fields: Mapping[str, Any] = Field(
        default={}, description="Values for the placeholders in the prompt and for the analysis."
    )
    split: str | None = Field(
        default=None, description="The part of the data that the task belongs to, such as train or test."
    )
    product: str | None = Field(
        default=None,
        description="The product that the agents build: news_ranker, sepsis_triage, or a module of your own beside the "
        "scenario. Its files are added to the workspace.",
    )
    product_seed: int = Field(
        default=2604, ge=0, le=2**63 - 1, description="The seed of the product's data, which agents see."
    )
    case_seed: int | None = Field(
        default=None,
        ge=0,
        le=2**63 - 1,
        description="The seed of the product's held-out cases. Default: drawn from the seed of the run, so that no "
        "program can know it. The same number gives several runs the same cases.",
    )


class AddendumFields(Fields):
    text: str = Field(min_length=1, description="The text, added as a separate paragraph.")
    to: Literal["task", "all"] | tuple[str, ...] = Field(
        description="Where it is added. task: to the task's prompt; all: to every system prompt; or a list of "
        "agents: to their system prompts."
    )


class MeasureFields(Fields):
    judge: str = Field(description="The judge whose scores the measure combines.")
    criteria: Literal["all"] | tuple[str, ...] = Field(default="all", description="Criteria that count, or all.")
    range: Annotated[tuple[float, float], AfterValidator(range_of)] = Field(
        default=(0.0, 1.0), description="The values of the lowest and highest score on the judge's scale."
    )
    target: float | None = Field(
        default=None,
        description="The ideal value, usually an end of the range. Bias is measured from it, and it defines which "
        "direction is better.",
    )
    declined: float | None = Field(
        default=None, description="The value if the agents declined; null leaves it missing."
    )
    vetoed: float | None = Field(default=None, description="The value if an agent vetoed; null leaves it missing.")
    rejected: float | None = Field(
        default=None, description="The value if a program rejected the rollout; null leaves it missing."
    )
    incomplete: float | None = Field(default=None, description="The value if nothing was delivered.")
    limit: float | None = Field(
        default=None, description="The value if a limit stopped the agents, even if something was delivered."
    )
    unparsed: float | None = Field(
        default=None, description="The value if a judge without a model finds no answer in the output."
    )
    truncated: float | None = Field(
        default=None, description="The value if the output was cut off before it stated an answer."
    )
    absent: float | None = Field(default=None, description="The value on a case if the agents left no program.")
    crash: float | None = Field(default=None, description="The value on a case if the program fails.")
    timeout: float | None = Field(default=None, description="The value on a case if the program takes too long.")
    format: float | None = Field(
        default=None, description="The value on a case if the program writes its output in the wrong format."
    )


OUTCOMES = ("unparsed", "truncated")
PROGRAM_OUTCOMES = ("absent", "crash", "timeout", "format")
"""What a judge of kind `program` finds instead of a score."""
DECLARED = ("declined", "vetoed", "rejected", "incomplete", "limit", *OUTCOMES, *PROGRAM_OUTCOMES)
"""Fields of a measure that say what a rollout counts as, by what the agents did or by what its judge could not read."""


class LimitFields(Fields):
    tokens: Tokens | None = Field(
        default=None, description="Maximum number of tokens, prompts and replies together, such as 200k."
    )
    cost: Money | None = Field(default=None, description="Maximum cost, such as 50 USD.")
    minutes: Minutes | None = Field(
        default=None, description="Maximum minutes of model and tool time, without queueing."
    )


class LimitsFields(Fields):
    rollout: LimitFields = Field(default_factory=LimitFields, description="Limits for one rollout.")
    run: LimitFields = Field(default_factory=LimitFields, description="Limits for the whole run, including judges.")


class McpFields(Fields):
    command: str = Field(min_length=1, description="The program that is started, such as npx or python3.")
    args: tuple[str, ...] = Field(default=(), description="Its arguments.")
    env: tuple[str, ...] = Field(
        default=(), description="Names of the environment variables that it gets. It gets no others, except PATH."
    )
    only: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="The tools that agents get. Default: all that the server lists."
    )
    seconds: float = Field(default=30.0, gt=0, le=3600, description="Time limit of one call.")


class ConditionFields(Fields):
    """The sections that a level may patch: all that decides what one condition does."""

    models: Mapping[Name, Part] = Field(
        default={}, description="Models by alias. Agents use `default` unless they name another."
    )
    tasks: Mapping[TaskId, TaskFields] = Field(min_length=1, description="The tasks by id.")
    organization: OrganizationFields = Field(description="The agents and how they communicate.")
    mcp: Mapping[Name, McpFields] = Field(
        default={},
        description="Servers of tools that speak the Model Context Protocol, by name. An agent gets the tools of one "
        "with `tools: [mcp/NAME]`.",
    )
    addendum: Mapping[Name, AddendumFields] = Field(default={}, description="Paragraphs added to prompts, by name.")
    improve: ImproveFields | None = Field(
        default=None, description="A self-training loop: which rollouts are kept, and how a model learns from them."
    )
    inference: Part | None = Field(
        default=None,
        description="How a rollout is made from several particles: kind, and the fields of that kind. Default: a "
        "rollout is one attempt.",
    )


class BaselineFields(Fields):
    of: str = Field(description="The arm that sets the budget: another level of the same factor.")
    by: Literal["refine", "best_of_n", "vote"] = Field(
        description="refine: one draft, improved repeatedly; best_of_n: independent tries, of which `select` picks "
        "the best; vote: independent tries, of which the most frequent answer wins."
    )
    match: Literal["output_tokens", "tokens", "calls", "cost"] = Field(
        description="What is matched to the rollout that sets the budget. The arm stops at the step closest to the "
        "budget."
    )
    agent: str = Field(
        description="The agent that works, a key of organization.agents. If it has copies, the first copy works."
    )
    at: Literal["draw", "task_median"] = Field(
        default="draw",
        description="Whether the budget is the use on the same task and draw, or the median over the "
        "draws of the task.",
    )
    select: str | None = Field(
        default=None, description="A judge that no measure uses. It picks the best try or decides which answers agree."
    )


class ExperimentFields(Fields):
    """The sections that hold for all conditions alike."""

    spec: Literal[1] = Field(description="Version of the format: 1.")
    name: Name = Field(description="Name of the scenario and its run folder.")
    about: str = Field(default="", description="The research question, in one sentence.")
    factors: Mapping[Name, Levels] = Field(
        default={}, description="What is varied: the levels of each factor. Each level is a patch to this document."
    )
    exclude: tuple[Annotated[Mapping[Name, str], Field(min_length=1)], ...] = Field(
        default=(), description="Combinations of levels to exclude, each given as factors with a level."
    )
    draws: int = Field(default=1, ge=1, le=1_000_000, description="How many times each condition does each task.")
    judges: tuple[str, ...] | Mapping[Name, Part] = Field(
        default=(),
        description="Names of judges, or a mapping from names to judges defined here or changes to existing ones.",
    )
    measures: Mapping[Name, MeasureFields] = Field(default={}, description="The measures that the analysis compares.")
    compare: CompareFields | None = Field(
        default=None, description="The preregistered contrasts. Without it, all contrasts are exploratory."
    )
    looks: Literal["any"] | LooksFields | None = Field(
        default=None,
        description="Interim analyses of the contrasts while the run grows. any: as often as you like; or a plan for "
        "the primary contrasts, with narrower intervals.",
    )
    cluster: str | None = Field(
        default=None, description="The task field that names the source that tasks share, such as a text."
    )
    limits: LimitsFields = Field(default_factory=LimitsFields, description="When to stop a rollout or the run.")
    seed: int | None = Field(
        default=None, ge=0, le=2**63 - 1, description="Seed of the run. Default: random, and recorded."
    )
    coupling: Literal["seeds", "none"] = Field(
        default="seeds", description="Whether arms share random numbers draw by draw."
    )
