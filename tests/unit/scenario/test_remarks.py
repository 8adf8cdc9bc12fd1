"""What `check` says of a scenario that is no mistake."""

from pathlib import Path
from typing import Any

import pytest

from agentlab.scenario.loading import load
from agentlab.scenario.remarks import remarks
from tests.support.scenarios import chain, rubric, scenario


def of(folder: Path, model: str, **more: Any) -> list[str]:
    """The remarks on a scenario with this model."""
    file = folder / "s.yaml"
    file.write_text(scenario("s", models={"default": {"name": model, **more}}))
    return remarks(load(file))


@pytest.fixture(autouse=True)
def keyless(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "MY_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_a_simulated_model_lacks_nothing(tmp_path: Path) -> None:
    assert of(tmp_path, "sim/chatter") == []


@pytest.mark.parametrize(
    ("model", "more", "variable"),
    [
        ("openai/gpt-5.2", {}, "OPENAI_API_KEY"),
        ("anthropic/claude-opus-4-5-20251101", {}, "ANTHROPIC_API_KEY"),
        ("vllm/some/model", {"base_url": "http://127.0.0.1:1/v1", "api_key_env": "MY_KEY"}, "MY_KEY"),
    ],
)
def test_a_missing_key_is_told_by_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, more: dict[str, str], variable: str
) -> None:
    (remark,) = of(tmp_path, model, **more)
    assert remark.endswith(f"set the environment variable {variable}")
    monkeypatch.setenv(variable, "k")
    assert of(tmp_path, model, **more) == []


@pytest.mark.parametrize(
    ("model", "guess"), [("openai/gpt-9", "openai/gpt-"), ("anthropic/claude-opus-45", "anthropic/claude-opus-4-5")]
)
def test_a_name_on_no_list_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, guess: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    (remark,) = of(tmp_path, model)
    assert f"{model} is unknown" in remark
    assert f"Did you mean {guess}" in remark


@pytest.mark.parametrize("model", ["openai/gpt-4.1-2025-04-14", "openai/ft:gpt-4.1-mini:me::1"])
def test_versions_of_a_listed_model_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert of(tmp_path, model) == []


def test_a_server_of_ones_own_may_call_its_models_anything_and_needs_no_key(tmp_path: Path) -> None:
    assert of(tmp_path, "openai/anything", base_url="http://127.0.0.1:1/v1") == []


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    (remark,) = of(tmp_path, f"local/{tmp_path}/no.gguf")
    assert "not found" in remark


def test_an_agent_in_no_cast_is_told(tmp_path: Path) -> None:
    organization = chain(["me"], cast=["me"])
    organization["agents"]["spare"] = {"system": "Hm."}
    file = tmp_path / "s.yaml"
    file.write_text(scenario("s", organization=organization))
    assert remarks(load(file)) == ["agent 'spare' takes part in no condition"]


def test_criteria_that_ask_the_same_are_told(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    asked = {"focus": "Is it focused?", "aim": "Is  it focused?", "plain": "Is it plain?"}
    file.write_text(scenario("s", judges={"quality": rubric(asked)}))
    told = [remark for remark in remarks(load(file)) if "criteria" in remark]
    assert told == ["criteria 'focus' and 'aim' of judge 'quality' ask the same question, so it counts twice"]
