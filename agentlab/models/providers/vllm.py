"""Models on a vLLM server that is already running: at `base_url`, else at VLLM_BASE_URL.

No key is needed; `api_key_env` names one where the server was started with `--api-key`. A schema goes as
`response_format`: vLLM ignores the older `guided_*` fields without a word. Tools need `--enable-auto-tool-choice`, and
`cache_read` stays 0 without `--enable-prompt-tokens-details`. Log-probabilities are those before sampling settings.
The same seed gives the same text only while calls run one at a time: rounding differs between batches, and soon a
token with it, so coupling across arms is not exact.
"""

import os

import httpx2

from agentlab.errors import ScenarioError
from agentlab.models.providers import openai, scoring
from agentlab.models.providers.account import key_of
from agentlab.models.spec import ModelSpec

URL = "VLLM_BASE_URL"


def build(spec: ModelSpec, transport: httpx2.AsyncBaseTransport | None = None) -> openai.OpenAI:
    url = spec.base_url or os.environ.get(URL, "").rstrip("/")
    if not url:
        raise ScenarioError(
            f"model {spec.name!r} needs the address of a vLLM server: base_url: http://HOST:8000/v1, "
            f"or the environment variable {URL}"
        )
    return openai.connect(spec, url, key_of(spec), "max_tokens", transport, scoring.echoed)
