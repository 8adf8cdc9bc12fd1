"""An adapter of a local model: it is served, held to its content, and part of the model's identity by that alone."""

from pathlib import Path

import pytest

from agentlab.errors import MismatchError, ScenarioError
from agentlab.models import weights
from agentlab.models.registry import options_of
from agentlab.models.serve import get_model, serve
from agentlab.models.spec import ModelSpec
from agentlab.types import ChatMessage, Request, Settings, Where
from tests.support import adapter_file
from tests.support.embedded import real

ASKED = Request(
    (ChatMessage("user", "Say hello."),), Settings(max_tokens=4, logprobs=1), (), Where("r", "a", 1, 0, 1, 1)
)


def spec(path: Path, **options: object) -> ModelSpec:
    told = {"name": "local/smollm2", "options": {"adapter": str(path), "context": 256, "threads": 1, **options}}
    return ModelSpec.model_validate(told)


async def logprob(path: Path) -> float:
    """Of the first token of a reply."""
    async with serve({"default": spec(path)}) as models:
        logprobs = (await models["default"].complete(ASKED)).logprobs
    assert logprobs is not None
    return logprobs[0].logprob


@real
@pytest.mark.local
async def test_an_adapter_is_added_to_the_weights(tmp_path: Path) -> None:
    nothing = await logprob(adapter_file.write(tmp_path / "none.gguf", 0.0))
    something = await logprob(adapter_file.write(tmp_path / "some.gguf", 0.05))
    assert nothing != something


@real
@pytest.mark.local
def test_a_damaged_or_other_file_is_named(tmp_path: Path) -> None:
    whole = adapter_file.write(tmp_path / "whole.gguf", 0.1)
    half = tmp_path / "half.gguf"
    half.write_bytes(whole.read_bytes()[:300])
    with pytest.raises(ScenarioError, match=r"smollm2 with the adapter .*half\.gguf cannot be loaded: .* damaged"):
        get_model(spec(half))
    with pytest.raises(MismatchError, match=r"whole\.gguf is not the one that was trained: its SHA-256 is .*, not 00$"):
        get_model(spec(whole, adapter_sha256="00"))
    with pytest.raises(ScenarioError, match=r"options\.adapter: file .*gone\.gguf not found"):
        get_model(spec(tmp_path / "gone.gguf"))


def test_a_hash_alone_is_a_mistake() -> None:
    with pytest.raises(ScenarioError, match=r"without options.adapter; write `adapter: PATH` beside it"):
        weights.adapter_of({"adapter_sha256": "00"})
    assert weights.adapter_of({"threads": 1}) is None
    assert {"adapter", "adapter_sha256"} <= set(options_of("local/smollm2") or ())


def test_the_content_is_the_identity_and_the_path_is_not(tmp_path: Path) -> None:
    here, there = tmp_path / "a", tmp_path / "b"
    here.write_bytes(b"weights")
    there.write_bytes(b"weights")
    told = weights.identified({"adapter": str(here), "threads": 1})
    assert told == weights.identified({"adapter": str(there), "threads": 1})
    assert told == weights.identified({"adapter": "moved", "adapter_sha256": weights.sha256(here), "threads": 1})
    there.write_bytes(b"other weights")
    assert told != weights.identified({"adapter": str(there), "threads": 1})
    assert weights.identified({"threads": 1}) == {"threads": 1}
