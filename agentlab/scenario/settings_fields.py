"""Sampling settings as a user writes them for an agent, or for a part of the tasks."""

from dataclasses import fields

from pydantic import BaseModel, Field

from agentlab.scenario.values import Fields
from agentlab.types import Settings


class SettingsFields(Fields):
    temperature: float | None = Field(default=None, ge=0, le=2, description="Sampling temperature.")
    top_p: float | None = Field(
        default=None, gt=0, le=1, description="Nucleus sampling: the share of probability kept."
    )
    top_k: int | None = Field(default=None, ge=1, description="Sample from the k most likely tokens.")
    max_tokens: int | None = Field(
        default=None, ge=1, description="Maximum number of tokens in one reply, including reasoning."
    )
    stop: tuple[str, ...] | None = Field(default=None, description="Texts that end a reply.")
    reasoning: str | int | None = Field(
        default=None, description="How much to reason: an effort name or a budget in tokens."
    )
    logprobs: int | None = Field(
        default=None, ge=0, description="Keep the log-probability of every token and of this many alternatives."
    )


def merged(base: Settings, over: BaseModel) -> Settings:
    """The settings of `over` that are set, and those of `base` for the others."""
    overriding = over.model_dump()
    return Settings(
        **{
            f.name: getattr(base, f.name) if overriding.get(f.name) is None else overriding[f.name]
            for f in fields(Settings)
        }
    )
