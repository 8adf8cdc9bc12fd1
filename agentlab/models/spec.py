"""One entry of a scenario's `models:`: which model, under which account and limits, sampled how.

Knows neither providers nor SDKs. Keys are never written here: `api_key_env` names the variable that holds one.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator

from agentlab.models.secrets import is_secret, secret_within
from agentlab.strict import STRICT
from agentlab.types import Capabilities, Settings

Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|[A-Z]+")
"""Of names in the environment those that nobody takes for a key: capitals, in words, digits only in one of several."""
SAMPLING = ("temperature", "top_p", "top_k", "max_tokens", "stop", "reasoning", "logprobs")


class Price(BaseModel):
    """What tokens cost, in US dollars per million."""

    model_config = STRICT

    input: Rate = Field(description="USD per million prompt tokens that are not read from a cache.")
    output: Rate = Field(description="USD per million generated tokens, including reasoning.")
    cache_read: Rate | None = Field(
        None, description="USD per million prompt tokens read from a cache. Default: the input price."
    )
    cache_write: Rate | None = Field(
        None, description="USD per million prompt tokens written to a cache. Default: the input price."
    )


class CapabilitiesPatch(BaseModel):
    """What a model takes, where that differs from what agentlab assumes of it."""

    model_config = STRICT

    settings: tuple[str, ...] | None = Field(
        None,
        description="All sampling settings that the model accepts, from: temperature, top_p, top_k, max_tokens, "
        "stop, reasoning, "
        "logprobs, schema, score (the probability of a given reply).",
    )
    seed: bool | None = Field(None, description="Whether the model accepts a seed.")
    tools: bool | None = Field(None, description="Whether the model supports native tool calls.")
    max_logprobs: int | None = Field(
        None, ge=0, description="Maximum number of alternatives returned per token; 0 for none."
    )
    system: bool | None = Field(
        None,
        description="Whether the model accepts a system message. If not, the system prompt goes at the start of the "
        "first user message.",
    )
    opens_thought: bool | None = Field(
        None,
        description="Whether the chat template opens the reasoning tag by itself and the server leaves the reasoning "
        "in the text. A reply without a closing tag is then all reasoning.",
    )

    @field_validator("settings")
    @classmethod
    def _known(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        known = Settings.__slots__
        for name in names or ():
            if name not in known:
                raise ValueError(f"{name!r} is not a sampling setting; known settings: {', '.join(known)}")
        return names

    def apply(self, to: Capabilities) -> Capabilities:
        settings = to.settings if self.settings is None else frozenset(self.settings)
        most = to.max_logprobs if self.max_logprobs is None else self.max_logprobs
        if self.settings is not None and self.max_logprobs is None and "logprobs" in settings:
            most = most or 20
        if self.max_logprobs is not None:
            settings = settings | {"logprobs"} if most else settings - {"logprobs"}
        return Capabilities(
            settings=settings,
            seed=to.seed if self.seed is None else self.seed,
            tools=to.tools if self.tools is None else self.tools,
            max_logprobs=most if "logprobs" in settings else 0,
            system=to.system if self.system is None else self.system,
            opens_thought=to.opens_thought if self.opens_thought is None else self.opens_thought,
        )


class ModelSpec(BaseModel):
    """A model as a scenario names it."""

    model_config = STRICT | {"hide_input_in_errors": True}

    name: str = Field(
        min_length=1,
        description="provider/name, such as anthropic/claude-opus-4-5, openai/gpt-5.2 or local/smollm2; or "
        "my_module:Name for a model of your own, called as Name(**options).",
    )
    base_url: str | None = Field(None, description="The address of the API, if it is not the provider's own.")
    api_key_env: str | None = Field(
        None,
        description="The name of the environment variable with the key, such as MY_API_KEY; never the key itself.",
    )
    capabilities: CapabilitiesPatch | None = Field(
        None, description="What the model supports, where this differs from what agentlab assumes."
    )
    temperature: float | None = Field(None, ge=0, le=2, description="Sampling temperature. Not sent if unset.")
    top_p: float | None = Field(
        None, gt=0, le=1, description="Nucleus sampling: the share of probability kept. Not sent if unset."
    )
    top_k: int | None = Field(None, ge=1, description="Sample from the k most likely tokens. Not sent if unset.")
    max_tokens: int | None = Field(
        None,
        ge=1,
        description="Maximum number of tokens in one reply, including reasoning. If unset, the provider's limit "
        "applies; Claude requires a limit and gets 4096, or 16384 if it reasons by default.",
    )
    stop: tuple[str, ...] | None = Field(None, description="Texts that end a reply.")
    reasoning: str | int | None = Field(
        None,
        description="How much to reason: an effort (low, medium, high, …) or a budget in tokens; none turns "
        "reasoning off.",
    )
    logprobs: int | None = Field(
        None,
        ge=0,
        description="Keep the log-probability of every token and of this many alternatives in `run.calls`. Not "
        "requested if unset.",
    )
    body: Mapping[str, Any] = Field(
        default_factory=dict[str, Any],
        description="Additional fields of the request, such as {min_p: 0.05} or {chat_template_kwargs: "
        "{enable_thinking: false}}. They are part of the model's identity.",
    )
    price: Price | None = Field(None, description="Overrides the built-in price table, for models that it lacks.")
    requests_per_minute: float | None = Field(
        None, gt=0, description="Maximum requests per minute, for the whole account."
    )
    tokens_per_minute: float | None = Field(None, gt=0, description="Maximum tokens per minute, for the whole account.")
    concurrency: int | None = Field(
        None,
        ge=1,
        description="Maximum concurrent requests, for the whole account. If unset, an adaptive limit finds it.",
    )
    processes: int | None = Field(
        None,
        ge=1,
        le=64,
        description="How many separate processes send the requests of the whole account. A process sends a few hundred "
        "requests per second at most. If unset, agentlab's own process sends them.",
    )
    timeout: float = Field(600.0, gt=0, description="Maximum seconds for one request, not counting queueing and waits.")
    tries: int = Field(8, ge=1, description="Maximum number of attempts when a call fails for a temporary reason.")
    max_reply_mb: float = Field(
        8.0,
        gt=0,
        allow_inf_nan=False,
        description="Maximum size of one reply in megabytes (10^6 bytes), decompressed; the same again for each "
        "alternative of `logprobs`. A call with a longer reply fails at once.",
    )
    options: Mapping[str, Any] = Field(
        default_factory=dict[str, Any],
        description="For sim, local, vllm, vllm-offline, and your own models: their options.",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_key(cls, value: object) -> object:
        if secret_within(value):
            raise ValueError(
                "do not write a key here: keys come from the environment, and api_key_env names the variable"
            )
        return value

    @field_validator("api_key_env")
    @classmethod
    def _variable(cls, name: str | None) -> str | None:
        if name is not None and (is_secret(name) or not _VARIABLE.fullmatch(name)):
            raise ValueError("write the name of an environment variable, such as MY_API_KEY, never a key itself")
        return name

    @field_validator("base_url")
    @classmethod
    def _plain_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("base_url must start with http:// or https:// and name a host")
        if parts.username or parts.password or parts.query:
            raise ValueError(
                "base_url must not contain a user, password or query; keys come from the environment: api_key_env"
            )
        return url.rstrip("/")

    @property
    def reply_bytes(self) -> int:
        """Most bytes of one reply; each alternative's log-probabilities take about as much room as the text."""
        return int(self.max_reply_mb * 1e6 * (1 + (self.logprobs or 0)))

    def settings(self) -> Settings:
        """The sampling settings as a call carries them."""
        return Settings(
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            max_tokens=self.max_tokens,
            stop=self.stop or None,
            reasoning=self.reasoning,
            logprobs=self.logprobs,
        )
