"""Names, capabilities and prices: all known without importing an SDK."""

import re
import subprocess
import sys
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from agentlab.errors import ScenarioError
from agentlab.models.capabilities import claude
from agentlab.models.prices import as_of, cost_of, price_known
from agentlab.models.registry import capabilities_of, check_name, mistakes_of
from agentlab.models.retry import RetryingModel
from agentlab.models.serve import get_model, serve
from agentlab.models.spec import ModelSpec
from agentlab.types import Settings, Usage

NOW = date(2026, 11, 22)
MILLION = 1_000_000


def spec(name: str, **fields: Any) -> ModelSpec:
    return ModelSpec.model_validate({"name": name, **fields})


@pytest.mark.process
def test_no_sdk_is_imported_to_know_a_model() -> None:
    code = (
        "import sys; from agentlab.models.prices import ModelSpec, price_known;"
        "from agentlab.models.registry import capabilities_of; s = ModelSpec(name='anthropic/claude-opus-4-5');"
        "capabilities_of(s); price_known(s);"
        "print([m for m in ('anthropic', 'openai', 'httpx2', 'xllamacpp', 'pandas') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "antropic/claude",
            r"unknown provider 'antropic'.*did you mean anthropic/claude\?.*Known: anthropic/…, openai/…",
        ),
        ("gpt-4o", r"unknown provider 'gpt-4o' in model 'gpt-4o'\. Known: anthropic"),
        ("openai/", "has no name"),
        ("sim/chater", r"did you mean sim/chatter\?"),
        ("my-module:Name", "neither provider/name nor my_module:Name"),
        ("a:b:c", "neither"),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    found = check_name(name)
    assert found is not None
    assert re.search(message, found)
    with pytest.raises(ScenarioError):
        get_model(name)


@pytest.mark.parametrize(
    "name", ["openai/gpt-4o", "openai/org/model:free", "local/a/b.gguf", "my.module:Name", "sim/chatter"]
)
def test_known_names(name: str) -> None:
    assert check_name(name) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"api_key_env": "sk-ant-REALKEY-123"},
        {"base_url": "https://user:pw@example.org"},
        {"base_url": "example.org/v1"},
        {"temperature": -1},
        {"typo": 1},
        {"tries": 0},
        {"capabilities": {"settings": ["temprature"]}},
    ],
)
def test_wrong_fields_are_refused_without_showing_a_key(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        spec("openai/gpt-4o", **fields)
    assert "REALKEY" not in str(caught.value)


def test_every_field_is_described() -> None:
    schema = ModelSpec.model_json_schema()
    assert all("description" in field for field in schema["properties"].values())


@pytest.mark.parametrize(
    ("name", "sampling", "thinking", "schema"),
    [
        ("claude-3-haiku-20240307", True, "none", False),
        ("claude-3-5-sonnet-latest", True, "none", False),
        ("claude-3-7-sonnet-20250219", True, "budget", False),
        ("claude-sonnet-4-20250514", True, "budget", False),
        ("claude-opus-4-1-20250805", True, "budget", True),
        ("claude-haiku-4-5-20251001", True, "budget", True),
        ("claude-opus-4-5", True, "budget", True),
        ("claude-sonnet-4-6", True, "either", True),
        ("claude-opus-4-7", False, "adaptive", True),
        ("claude-opus-5", False, "adaptive", True),
        ("claude-sonnet-5-5-20260901", False, "adaptive", True),
        ("claude-haiku-5-5", False, "adaptive", True),
        ("claude-fable-5-2", False, "adaptive", True),
        ("claude-mythos-preview", False, "adaptive", True),
        ("claude-somethingnew", False, "adaptive", True),
    ],
)
def test_claude_families(name: str, sampling: bool, thinking: str, schema: bool) -> None:
    family = claude(name)
    assert (family.sampling, family.thinking, family.schema) == (sampling, thinking, schema)


@pytest.mark.parametrize(
    ("name", "temperature", "reasoning"),
    [
        ("gpt-4o", True, False),
        ("gpt-4.1-mini", True, False),
        ("o3", False, True),
        ("o4-mini", False, True),
        ("gpt-5", False, True),
        ("gpt-5-chat-latest", True, False),
        ("gpt-6.1-sol", False, True),
        ("some-local-model", True, False),
    ],
)
def test_openai_families(name: str, temperature: bool, reasoning: bool) -> None:
    settings = capabilities_of(spec(f"openai/{name}")).settings
    assert ("temperature" in settings, "reasoning" in settings) == (temperature, reasoning)


@pytest.mark.parametrize(
    ("name", "settings", "setting"),
    [
        ("anthropic/claude-opus-5", {"temperature": 0.5}, "temperature"),
        ("anthropic/claude-opus-4-5", {"temperature": 1.5}, "temperature"),
        ("anthropic/claude-opus-4-5", {"temperature": 0.5, "top_p": 0.5}, "top_p"),
        ("anthropic/claude-opus-4-5", {"reasoning": "high"}, "reasoning"),
        ("anthropic/claude-opus-4-5", {"reasoning": 5000, "max_tokens": 4000}, "max_tokens"),
        ("anthropic/claude-opus-5", {"reasoning": 5000}, "reasoning"),
        ("anthropic/claude-opus-5", {"logprobs": 5}, "logprobs"),
        ("openai/gpt-5.2", {"temperature": 0.5}, "temperature"),
        ("openai/gpt-5.2", {"reasoning": 1000}, "reasoning"),
        ("openai/gpt-4o", {"logprobs": 50}, "logprobs"),
        ("openai/gpt-4o", {"top_k": 5}, "top_k"),
    ],
)
def test_settings_a_model_refuses_are_known_beforehand(name: str, settings: dict[str, Any], setting: str) -> None:
    assert setting in [found for found, _ in mistakes_of(spec(name), Settings(**settings))]


def test_capabilities_can_be_overridden() -> None:
    patched = spec(
        "openai/gpt-5.2", temperature=0.5, capabilities={"settings": ["temperature", "logprobs"], "seed": True}
    )
    taken = capabilities_of(patched)
    assert (taken.settings, taken.seed, taken.tools, taken.max_logprobs) == (
        {"temperature", "logprobs"},
        True,
        True,
        20,
    )
    assert mistakes_of(patched) == []
    assert "logprobs" not in capabilities_of(spec("openai/gpt-4o", capabilities={"max_logprobs": 0})).settings


# Prices


@pytest.mark.parametrize(
    ("name", "usage", "when", "dollars"),
    [
        ("anthropic/claude-opus-4-5-20251101", Usage(MILLION, MILLION), NOW, 30.0),
        (
            "anthropic/claude-opus-4-5",
            Usage(1000, 100, 0, 400, 200),
            NOW,
            (400 * 5 + 400 * 0.5 + 200 * 6.25 + 2500) / 1e6,
        ),
        ("anthropic/claude-sonnet-4-5", Usage(200_000, 0), NOW, 0.6),
        ("anthropic/claude-sonnet-4-5", Usage(200_001, 1000), NOW, (200_001 * 6 + 1000 * 22.5) / 1e6),
        ("anthropic/claude-opus-4-6", Usage(300_000, 0), date(2026, 3, 12), 3.0),
        ("anthropic/claude-opus-4-6", Usage(300_000, 0), date(2026, 3, 13), 1.5),
        ("openai/gpt-4o", Usage(MILLION, MILLION, 0, MILLION), NOW, 11.25),
        ("openai/gpt-4o-2024-05-13", Usage(MILLION, 0), NOW, 5.0),
        ("openai/o3", Usage(MILLION, 0), date(2025, 6, 9), 10.0),
        ("openai/o3-2025-04-16", Usage(MILLION, 0), date(2025, 6, 10), 2.0),
        ("openai/gpt-5.4", Usage(272_001, 0), NOW, 272_001 * 5 / 1e6),
        ("local/smollm2", Usage(MILLION, MILLION), NOW, 0.0),
        ("sim/chatter", Usage(5, 5), NOW, 0.0),
        ("replay/old", Usage(5, 5), NOW, 0.0),
        ("vllm/some", Usage(5, 5), NOW, None),
        ("my_module:Name", Usage(5, 5), NOW, None),
        ("anthropic/claude-unheard-of", Usage(5, 5), NOW, None),
        ("openai/gpt-4o-mini-audio-preview", Usage(5, 5), NOW, None),
    ],
)
def test_costs(name: str, usage: Usage, when: date, dollars: float | None) -> None:
    assert cost_of(spec(name), usage, when) == (None if dollars is None else pytest.approx(dollars))
    assert price_known(spec(name)) is (dollars is not None)


def test_a_price_can_be_given_and_somebody_elses_server_has_none() -> None:
    own = spec("vllm/some", price={"input": 1, "output": 2})
    assert cost_of(own, Usage(MILLION, MILLION, 0, 500_000), NOW) == pytest.approx(3.0)
    assert cost_of(spec("openai/gpt-4o", base_url="http://127.0.0.1:8000/v1"), Usage(1, 1), NOW) is None
    assert as_of() >= date(2026, 11, 1)


# Opening


async def test_one_model_is_built_once_and_accounts_share_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    specs = {
        "default": spec("openai/gpt-4o", temperature=0.5, concurrency=9),
        "judge": spec("openai/gpt-4o", temperature=0.0, tries=2, concurrency=4),
        "other": spec("openai/gpt-4.1"),
        "far": spec("openai/gpt-4o", base_url="http://127.0.0.1:1/v1"),
    }
    async with serve(specs) as models:
        made = {alias: model for alias, model in models.items() if isinstance(model, RetryingModel)}
        assert made["default"].inner is made["judge"].inner
        assert made["default"].limits is made["other"].limits
        assert made["default"].limits is not made["far"].limits
        assert (made["default"].limits.cap, made["judge"].tries) == (4, 2)


async def test_clients_close_in_whatever_way_the_block_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    kept: list[Any] = []

    async def fail() -> None:
        async with serve({"default": spec("openai/gpt-4o")}) as models:
            kept.append(models["default"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert kept[0].inner.client.is_closed()


def test_ones_own_model(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_own_models.py").write_text(
        "from agentlab.models.simulated.sim import Scripted\n"
        "def Echo(word='x'):\n    return Scripted(lambda request: word, name='my_own_models:Echo')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    own = spec("my_own_models:Echo", options={"word": "hi"})
    assert get_model(own).name == "my_own_models:Echo"
    assert capabilities_of(own).tools
    with pytest.raises(ScenarioError, match="has no 'Nope'"):
        get_model("my_own_models:Nope")
    with pytest.raises(ScenarioError, match="no module 'no_such_module_here' of your own"):
        get_model("no_such_module_here:Name")
