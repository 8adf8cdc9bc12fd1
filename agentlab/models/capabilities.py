"""What the models of Anthropic and OpenAI take, by family. Checked against SDKs and documentation of 2026-11.

Claude models from Opus 4.7 on (and all of generation 5, Fable and Mythos) refuse temperature, top_p and top_k with a
400; OpenAI's reasoning models (o-series, gpt-5 and later, except `-chat`) refuse them too, and stop sequences and
log-probabilities. A name that is not recognised is treated as the newest: it is better to be told that a setting is
refused than to have a run end on its first call. `capabilities:` in a scenario overrides all of this.
"""

import re
from functools import cache
from typing import Literal

from msgspec import Struct

from agentlab.types import Capabilities, Settings

CHAT = frozenset({"temperature", "top_p", "max_tokens", "stop", "logprobs", "schema"})
ALL = frozenset(Settings.__slots__) - {"score"}
CHAT_FIELDS = frozenset(
    "model messages stream stream_options n tools temperature top_p top_k max_tokens max_completion_tokens stop "
    "reasoning_effort seed logprobs top_logprobs response_format".split()
)
CLAUDE_FIELDS = frozenset(
    "model messages system stream tools temperature top_p top_k max_tokens stop_sequences thinking "
    "output_config".split()
)
"""What requests hold anyway, or what would make a reply that cannot be read."""
EVERYTHING = Capabilities(settings=ALL, seed=True, tools=True, max_logprobs=100)
SCORING = Capabilities(settings=ALL | {"score"}, seed=True, tools=True, max_logprobs=100)
"""Of a policy that tells the probability of a given reply."""

_CLAUDE = re.compile(
    r"claude-(?:(?P<kind>[a-z]+)-)?(?P<major>\d)(?:[-.](?P<minor>\d{1,2})(?!\d))?(?:-(?P<after>[a-z]+))?"
)
_REASONING = re.compile(r"(?:o\d|gpt-(?:[5-9]|\d\d)|codex)")


def maker(name: str) -> str | None:
    """The family of `provider/name`, such as `claude`, `gpt` or `llama`; None for policies, which have no kin."""
    provider, _, rest = name.partition("/")
    if provider == "sim" or not rest:
        return None if provider == "sim" else name
    if provider == "replay":
        return name
    word = re.match(r"[a-z]+", rest.rpartition("/")[2].lower())
    family = word[0] if word else rest
    return "gpt" if provider == "openai" and "/" not in rest and family in ("o", "codex", "chatgpt") else family


class Claude(Struct, frozen=True):
    """What differs between Claude models."""

    version: tuple[int, int]
    sampling: bool
    thinking: Literal["none", "budget", "either", "adaptive"]
    schema: bool

    @property
    def max_tokens(self) -> int:
        """Sent when a scenario names none: the API requires it, and thinking counts towards it."""
        return 16384 if self.thinking == "adaptive" else 4096


@cache
def claude(name: str) -> Claude:
    """The family of a Claude model's name, dated or not; an unknown name is the newest."""
    match = _CLAUDE.match(name)
    kind = (match["kind"] or match["after"] or "") if match else ""
    if match is None or kind in ("fable", "mythos"):
        return Claude((9, 9), sampling=False, thinking="adaptive", schema=True)
    version = (int(match["major"]), int(match["minor"] or 0))
    last = (4, 5) if kind == "haiku" else (4, 6)
    if version > last:
        return Claude(version, sampling=False, thinking="adaptive", schema=True)
    thinking = "either" if version >= (4, 6) else "budget" if version >= (3, 7) else "none"
    return Claude(
        version, sampling=True, thinking=thinking, schema=version >= (4, 5) or (kind, version) == ("opus", (4, 1))
    )


@cache
def anthropic(name: str) -> Capabilities:
    family = claude(name)
    settings = {"max_tokens", "stop"}
    settings |= {"temperature", "top_p", "top_k"} if family.sampling else set()
    settings |= {"reasoning"} if family.thinking != "none" else set()
    settings |= {"schema"} if family.schema else set()
    return Capabilities(frozenset(settings), seed=False, tools=True)


def is_reasoning(name: str) -> bool:
    """Whether this is one of OpenAI's reasoning models, as OpenAI or a gateway names it."""
    model = name.rpartition("/")[2]
    return bool(_REASONING.match(model)) and "-chat" not in model


def openai(name: str) -> Capabilities:
    if is_reasoning(name):
        return Capabilities(frozenset({"max_tokens", "reasoning", "schema"}), seed=False, tools=True)
    return Capabilities(CHAT, seed=True, tools=True, max_logprobs=20)


def vllm(name: str) -> Capabilities:
    """A server started with vLLM's own defaults; tools also need its `--enable-auto-tool-choice`."""
    return Capabilities(CHAT | {"top_k", "score"}, seed=True, tools=True, max_logprobs=20)


def vllm_offline(name: str) -> Capabilities:
    """The engine without a server, which would read tool calls out of a reply."""
    return Capabilities(CHAT | {"top_k", "score"}, seed=True, tools=False, max_logprobs=20)


def local(name: str) -> Capabilities:
    return Capabilities(CHAT | {"top_k", "score"}, seed=True, tools=False, max_logprobs=100)


def simulated(name: str) -> Capabilities:
    """Of a policy that ships; tables tell the probability of any reply."""
    return SCORING if name == "replies" else EVERYTHING


def everything(name: str) -> Capabilities:
    return SCORING


def claude_mistakes(name: str, settings: Settings) -> list[tuple[str, str]]:
    """Values that a Claude model refuses, as (setting, what would be right)."""
    family, reasoning = claude(name), settings.reasoning
    mistakes: list[tuple[str, str]] = []
    thinks = reasoning not in (None, 0, "none")
    if settings.temperature is not None and settings.temperature > 1:
        mistakes.append(("temperature", "Claude accepts 0 to 1"))
    if settings.temperature is not None and settings.top_p is not None and family.version >= (4, 1):
        mistakes.append(("top_p", "this Claude model accepts temperature or top_p, not both"))
    if thinks and settings.temperature not in (None, 1.0):
        mistakes.append(("temperature", "a Claude model with reasoning accepts only temperature 1"))
    if isinstance(reasoning, int) and reasoning and family.thinking == "adaptive":
        mistakes.append(
            ("reasoning", "this model accepts an effort (low, medium, high, xhigh, max), not a budget in tokens")
        )
    if isinstance(reasoning, int) and 0 < reasoning < 1024:
        mistakes.append(("reasoning", "a budget must be at least 1024 tokens"))
    if isinstance(reasoning, int) and settings.max_tokens is not None and 0 < settings.max_tokens <= reasoning:
        mistakes.append(
            ("max_tokens", f"must exceed the reasoning budget of {reasoning} tokens, which counts towards it")
        )
    if isinstance(reasoning, str) and thinks and family.thinking == "budget":
        mistakes.append(("reasoning", "this model accepts a budget in tokens, not an effort"))
    return mistakes


def openai_mistakes(name: str, settings: Settings) -> list[tuple[str, str]]:
    """Values that an OpenAI model refuses, as (setting, what would be right)."""
    if isinstance(settings.reasoning, int):
        return [("reasoning", "takes an effort (none, minimal, low, medium, high, xhigh), not a budget in tokens")]
    return []


def no_mistakes(name: str, settings: Settings) -> list[tuple[str, str]]:
    return []
