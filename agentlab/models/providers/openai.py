"""Models behind the chat-completions API: OpenAI's own and every server that speaks its dialect.

A key goes to OpenAI's address by default; with another `base_url` one is sent only if `api_key_env` names it. The
environment's OPENAI_BASE_URL and the like are not read: a run is described by its scenario.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx2
from msgspec.structs import replace
from openai import AsyncOpenAI

from agentlab.errors import NO_LOGPROBS, ModelError
from agentlab.models import registry
from agentlab.models.capabilities import is_reasoning
from agentlab.models.providers import failures, scoring
from agentlab.models.providers.account import client_of, key_of
from agentlab.models.providers.chat_messages import messages, tool
from agentlab.models.providers.chat_reply import SHAPE, loaded, read
from agentlab.models.spec import ModelSpec
from agentlab.models.thought import begun
from agentlab.seeds import provider_seed
from agentlab.types import Capabilities, Completion, Request

OFFICIAL = registry.PROVIDERS["openai"]
Length = Literal["max_tokens", "max_completion_tokens"]
"""What a server calls the most tokens of a reply. New models of OpenAI refuse the older name, old servers the newer."""
_UNSUPPORTED = re.compile(
    r"(?i)unsupported|unrecognized|unknown|unexpected|not (supported|permitted|allowed)|extra (input|field)|instead"
)
_NO_SYSTEM = re.compile(
    r"(?i)system (role|message|prompt)s?.{0,40}not (supported|allowed|enabled)|does not support .?system|"
    r"developer instruction is not enabled|only user and assistant roles|roles must alternate"
)


def build(spec: ModelSpec, transport: httpx2.AsyncBaseTransport | None = None) -> "OpenAI":
    url = spec.base_url or OFFICIAL.url
    key = key_of(spec, OFFICIAL.key if url == OFFICIAL.url else "")
    newer = url == OFFICIAL.url or is_reasoning(registry.split(spec.name)[1])
    return connect(spec, url, key, "max_completion_tokens" if newer else "max_tokens", transport)


def connect(
    spec: ModelSpec,
    url: str,
    key: str,
    length: Length,
    transport: httpx2.AsyncBaseTransport | None = None,
    score: scoring.Score | None = None,
) -> "OpenAI":
    """The model at `url`, without looking for a key. `score` is how its server tells the probability of a reply."""
    client = AsyncOpenAI(
        api_key=key, base_url=url, max_retries=0, timeout=spec.timeout, http_client=client_of(spec, url, transport)
    )
    name = registry.split(spec.name)[1]
    return OpenAI(spec.name, registry.capabilities_of(spec), name, spec.timeout, length, spec.body, client, key, score)


@dataclass(slots=True)
class OpenAI:
    """One model over one SDK client."""

    name: str
    capabilities: Capabilities
    model: str
    timeout: float
    length: Length
    """Learned anew from an error that names it, so that no later call fails for it."""
    body: Mapping[str, Any]
    """Sent beside what agentlab sends itself."""
    client: AsyncOpenAI
    key: str = field(repr=False)
    score: scoring.Score | None = None

    async def complete(self, request: Request) -> Completion:
        if mistakes := registry.refused(self.name, request.settings, self.capabilities):
            raise ModelError("fatal", mistakes[0][1])
        if request.settings.score is not None:
            return await self._scored(request)
        length = self.length
        try:
            return await self._ask(request, length)
        except ModelError as error:
            other = _other(error, length) if request.settings.max_tokens is not None else None
            if other is None:
                raise self._explained(error, request) from None
        completion = await self._ask(request, other)
        self.length = other
        return completion

    async def aclose(self) -> None:
        await self.client.close()

    async def _ask(self, request: Request, length: Length) -> Completion:
        completion = await failures.answered(self._sent(request, length), self.key, read, SHAPE)
        if self.capabilities.opens_thought:
            completion = replace(completion, text=begun(completion.text))
        return _with_logprobs(completion, request.settings.logprobs)

    async def _scored(self, request: Request) -> Completion:
        """The probabilities of given texts. Raises ModelError where the server tells none."""
        if self.score is None:
            raise ModelError("fatal", f"{self.name} does not return the probability of a given reply")
        body = self._body(scoring.unscored(request), self.length)
        return await scoring.complete(self.post, self.score, body, request, self.key)

    async def _sent(self, request: Request, length: Length) -> Any:
        """The JSON of the reply. The SDK's method for chats would compare each field of what is sent, and of what comes
        back, with its types, which takes longer than all else that it does."""
        post: Any = self.client.post
        body, options = self._body(request, length), {"timeout": self.timeout, "security": {"bearer_auth": True}}
        return loaded(await post("/chat/completions", body=body, cast_to=httpx2.Response, options=options))

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON of a reply to a body that is sent to a path of the server; text where it is none.

        Raises ModelError.
        """
        root = str(self.client.base_url).rstrip("/").removesuffix("/v1")
        post: Any = self.client.post
        call = post(root + path, body=body, cast_to=object, options={"timeout": self.timeout})
        return await failures.asked(call, self.key)

    def _explained(self, error: ModelError, request: Request) -> ModelError:
        """The error, with what to write where the model takes no system prompt."""
        prompted = self.capabilities.system and any(entry.role == "system" for entry in request.chat)
        if not prompted or not _NO_SYSTEM.search(error.message):
            return error
        right = "write `capabilities: {system: false}` under this model"
        return ModelError(
            "fatal", f"{error.message}; {right}; the system prompt then goes at the start of the first user message"
        )

    def _body(self, request: Request, length: Length) -> dict[str, Any]:
        settings = request.settings
        body: dict[str, Any] = {"model": self.model, "messages": messages(request.chat, self.capabilities.system)}
        plain = {
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            length: settings.max_tokens,
            "stop": list(settings.stop) if settings.stop else None,
            "reasoning_effort": settings.reasoning,
            "seed": provider_seed(request.where.stream) if self.capabilities.seed else None,
        }
        body |= {name: value for name, value in plain.items() if value is not None}
        if settings.logprobs is not None:
            body |= {"logprobs": True, "top_logprobs": settings.logprobs}
        if settings.schema is not None:
            form = {"name": "reply", "strict": True, "schema": dict(settings.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        if request.tools:
            body["tools"] = [tool(spec) for spec in request.tools]
        return body | ({} if settings.top_k is None else {"top_k": settings.top_k}) | dict(self.body)


def _other(error: ModelError, sent: Length) -> Length | None:
    """The other name of the length, if the error refuses the one that was sent."""
    if error.kind != "fatal" or not _UNSUPPORTED.search(error.message):
        return None
    if not re.search(rf"\b{sent}\b", error.message):
        return None
    return "max_completion_tokens" if sent == "max_tokens" else "max_tokens"


def _with_logprobs(completion: Completion, alternatives: int | None) -> Completion:
    """The completion, which must hold log-probabilities where they were asked for."""
    tokens = completion.logprobs
    if alternatives is None or completion.stop in ("refusal", "tool") or not completion.text:
        return completion
    if tokens and (alternatives == 0 or any(token.top for token in tokens)):
        return completion
    lacking = "alternatives to its tokens (top_logprobs)" if tokens else "numbers"
    raise ModelError(
        "fatal",
        f"{NO_LOGPROBS}: {alternatives} were requested, but the reply has no {lacking}; "
        "ask a server that sends them, or ask for none",
    )
