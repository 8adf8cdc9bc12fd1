"""A server that has moved takes its own models along, no others, and is recorded once for each place."""

import pytest

from agentlab.errors import ScenarioError
from agentlab.experiment.addresses import VARIABLE, moved, reached, recorded
from agentlab.models.spec import ModelSpec

OLD, NEW, OTHER = "http://node3/v1", "http://node7/v1", "http://tuned/v1"
SECTION = {"default": {"name": "vllm/m", "base_url": OLD + "/"}}


def spec(url: str | None, name: str = "vllm/m") -> ModelSpec:
    return ModelSpec.model_validate({"name": name, "base_url": url, "max_tokens": 7})


def test_only_what_was_served_there_moves() -> None:
    where = moved([f"default={NEW}"])
    for url, now in [(OLD, NEW), (None, NEW), (OTHER, OTHER)]:
        found = reached({"default": spec(url), "judge": spec(OLD)}, where, SECTION)
        assert found["default"] == spec(now), "a level's own model at another address stays there"
        assert found["judge"] == spec(OLD)


def test_the_environment_says_it_where_no_option_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"default={NEW}, judge={OTHER}")
    assert moved(()) == {"default": NEW, "judge": OTHER}
    assert moved([f"judge={NEW}"]) == {"judge": NEW}
    monkeypatch.delenv(VARIABLE)
    assert moved(()) == {}
    with pytest.raises(ScenarioError, match="--base-url: write ALIAS=URL, such as default=http://node7:8000/v1"):
        moved(["default"])


@pytest.mark.parametrize(
    ("name", "url", "said"),
    [("sim/chatter", NEW, "has no address"), ("vllm/m", "http://me:secret@node7/v1", "do not write a key here")],
)
def test_what_cannot_move_is_refused_without_showing_the_address(name: str, url: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said) as caught:
        reached({"default": spec(None, name)}, {"default": url}, {})
    assert "secret" not in str(caught.value)


def test_an_address_is_recorded_when_it_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = recorded([], [("default", spec(OLD)), ("default", spec(OLD))])
    assert [one["url"] for one in entries] == [OLD]
    entries = recorded(entries, [("default", spec(NEW)), ("judge", spec(None))])
    assert [one["url"] for one in entries] == [OLD, NEW]
    monkeypatch.setenv("VLLM_BASE_URL", OTHER + "/")
    entries = recorded(entries, [("default", spec(NEW)), ("judge", spec(None))])
    assert [(one["model"], one["url"]) for one in entries] == [("default", OLD), ("default", NEW), ("judge", OTHER)]
