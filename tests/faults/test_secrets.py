"""A key pasted where it does not belong is refused, is not printed, and is in no file."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.errors import ScenarioError
from agentlab.models.secrets import hidden, is_secret
from agentlab.models.spec import ModelSpec
from agentlab.scenario.loading import load
from tests.support.scenarios import scenario

CANARIES = ["sk-ant-canary-0123456789abcdef", "AKIACANARY0123456789", "hf_canary0123456789abcdef"]
FIELDS = [name for name in ModelSpec.model_fields if name != "name"]


def planted(field: str, value: Any) -> dict[str, Any]:
    return {"default": {"name": "openai/gpt-4.1", field: value}, "judge": {"name": "sim/replies"}}


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("field", FIELDS)
def test_a_key_in_any_field_of_a_model_is_refused_unprinted(tmp_path: Path, field: str, canary: str) -> None:
    for value in (canary, [canary], {"headers": {"Authorization": f"Bearer {canary}"}}, {"x": {"api_key": canary}}):
        file = tmp_path / "s.yaml"
        file.write_text(scenario("s", models=planted(field, value)))
        with pytest.raises(ScenarioError) as caught:
            load(file)
        assert canary not in str(caught.value)


@pytest.mark.parametrize(
    "model",
    [
        {"name": f"openai/{CANARIES[0]}"},
        {"name": CANARIES[0]},
        {"name": "openai/m", "base_url": "https://me:hunter2@example.org/v1"},
        {"name": "openai/m", "base_url": f"https://example.org/v1?key={CANARIES[0]}"},
        {"name": "openai/m", "api_key_env": "hunter2"},
        {"name": "openai/m", "options": {"password": "hunter2"}},
        {"name": "sim/chatter", "options": {"seconds": 0, "api_key": "hunter2"}},
        {"name": "openai/m", "api_key": CANARIES[0]},
    ],
)
def test_a_key_where_a_name_or_an_address_belongs_is_refused_unprinted(tmp_path: Path, model: dict[str, Any]) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(scenario("s", models={"default": model}))
    with pytest.raises(ScenarioError) as caught:
        load(file)
    assert "hunter2" not in str(caught.value)
    assert "canary" not in str(caught.value)


def test_an_option_that_a_provider_does_not_have_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    for name, option, right in (
        ("openai/gpt-4.1", "top_q", "remove it"),
        ("local/smollm2", "slot", "did you mean 'slots'?"),
        ("sim/chatter", "second", "did you mean 'seconds'?"),
    ):
        file.write_text(scenario("s", models={"default": {"name": name, "options": {option: 1}}}))
        with pytest.raises(ScenarioError, match=f"has no option '{option}'") as caught:
            load(file)
        assert right in str(caught.value)


@given(st.text())
def test_any_text_can_be_shown_without_keys(text: str) -> None:
    assert not is_secret(hidden(text).replace("[key]", ""))


@pytest.mark.parametrize(
    "name", ["meta-llama/Llama-3.3-70B-Instruct-Turbo-Free", "DeepSeek-R1-Distill-Qwen-32B-abliterated-v2-GGUF"]
)
def test_long_names_of_models_are_no_keys(name: str) -> None:
    assert ModelSpec.model_validate({"name": f"vllm/{name}"}).name.endswith(name)
