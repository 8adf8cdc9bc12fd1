"""What a run says of engines that were started and of random numbers that arms share."""

from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from agentlab.analysis.served import batch_notes, engines, exactness, served_notes, shared_numbers
from agentlab.runs.frames import Run


def run(*facts: dict[str, Any], coupling: str = "seeds", arms: int = 2) -> Run:
    return cast("Run", SimpleNamespace(meta={"served": list(facts), "coupling": coupling}, conditions=range(arms)))


def probe(requests: int = 4, texts: int = 4, numbers: int | None = 4, model: str = "vllm/m") -> dict[str, Any]:
    exact = texts == requests and numbers in (None, requests)
    told = {"what": "probe", "model": model, "exact": exact, "requests": requests, "batch": 24}
    return {**told, "texts": texts, "numbers": numbers}


@pytest.mark.parametrize(
    ("fact", "shared", "told"),
    [
        (probe(), "exact", "same reply alone and in a batch of 24, with the same log-probabilities to the last digit"),
        (probe(numbers=None), "exact", "same reply alone and in a batch of 24: common random numbers are exact."),
        (probe(texts=3, numbers=1), "not exact", "(1 of 4 replies differed): common random numbers are not exact"),
        (probe(numbers=1), "not exact", "(the texts were the same, the log-probabilities of 3 of 4 were not)"),
    ],
)
def test_arms_share_numbers_as_far_as_batches_change_nothing(fact: dict[str, Any], shared: str, told: str) -> None:
    (note,) = batch_notes(run(fact))
    assert told in note
    assert shared_numbers(run(fact)) == shared
    assert exactness(run(fact)) == [f"{shared} on vllm/m"]
    for other in (run(fact, coupling="none"), run(fact, arms=1)):
        assert list(batch_notes(other)) == []
        assert shared_numbers(other) == ""


def test_one_model_that_is_not_exact_decides_and_one_call_at_a_time_is_told_in_the_report_alone() -> None:
    alone = probe(0, 0, 0, "local/m")
    assert shared_numbers(run(probe(), probe(texts=3, model="vllm/other"), alone)) == "not exact"
    assert list(batch_notes(run(alone))) == []
    assert exactness(run(alone)) == ["exact on local/m"]


def test_engines_are_told_with_their_version_flags_and_ends() -> None:
    started = {"what": "started", "engine": "vllm", "model": "m", "version": "0.32.0", "flags": ["--model", "w"]}
    ended = {"what": "ended", "engine": "vllm", "model": "m", "code": 11}
    assert engines(run()) == []
    assert engines(run(started)) == ["vllm/m: vLLM 0.32.0, --model w (1 start)"]
    assert engines(run(started, ended, started)) == [
        "vllm/m: vLLM 0.32.0, --model w (2 starts, ended by itself 1 time)"
    ]


def test_a_judge_that_was_another_model_in_an_earlier_generation_is_told() -> None:
    rows = [("judge", "j", "j-1"), ("agent", "a", "a-1"), ("judge", "j", "j-2"), ("agent", "a", "a-2")]
    calls = pd.DataFrame(rows, columns=["purpose", "model", "served_model"])
    every = SimpleNamespace(replies=calls)
    last = SimpleNamespace(replies=calls[2:], meta={}, whole=SimpleNamespace(held_out=every))
    (note,) = served_notes(cast("Run", last))
    assert note.startswith("j was answered by j-1 (1 call) and j-2 (1 call)")
