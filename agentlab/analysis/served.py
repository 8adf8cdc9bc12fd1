"""What served the models of a run: whether one name was one model, and whether batches changed replies."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from agentlab.runs.frames import Run
from agentlab.text import line, pluralize

Fact = Mapping[str, Any]


def served_notes(run: Run) -> list[str]:
    """A sentence for each model whose replies name several served models, as after a server or an alias has moved."""
    calls = run.replies
    if run.whole is not run:  # judges are the same models in every generation, of which this part has the last
        every = run.whole.held_out.replies
        calls = pd.concat([calls[calls["purpose"] != "judge"], every[every["purpose"] == "judge"]])
    answered = calls.loc[calls["served_model"].notna(), ["model", "served_model"]].astype("str")
    # An adapter on a server that agentlab started has a name of its own there.
    ours = {name for fact in facts(run) if fact["what"] == "started" for name in fact["names"]}
    notes: list[str] = []
    for model, names in answered.groupby("model", sort=True)["served_model"]:
        counts = names.value_counts(sort=False).sort_index()
        if len(counts) > 1 and not ours.issuperset(counts.index):
            served_models = " and ".join(f"{line(name)} ({pluralize(int(n), 'call')})" for name, n in counts.items())
            notes.append(f"{line(model)} was answered by {served_models}: one model name may stand for two models.")
    return notes


def batch_notes(run: Run) -> Iterator[str]:
    """For each model that was probed alone and in a batch: whether arms share its random numbers exactly.

    Nothing where arms share none, and of models that answer one call at a time.
    """
    if not _coupled(run):
        return
    for fact in _probes(run):
        model, requests = line(fact["model"]), pluralize(fact["requests"], "request")
        if fact["requests"] and fact["exact"]:
            numbers = "" if fact["numbers"] is None else ", with the same log-probabilities to the last digit"
            yield (
                f"{model} gave {requests} the same reply alone and in a batch of {fact['batch']}{numbers}: common "
                f"random numbers are exact."
            )
        elif fact["requests"]:
            yield (
                f"{model} gave other results in a batch of {fact['batch']} than alone ({_differing(fact)}): common "
                f"random numbers are not exact, and arms with the same prompt and seed may get different replies."
            )


def shared_numbers(run: Run) -> str:
    """`exact`, `not exact`, or nothing where arms share none or no batch was tried."""
    exact = {bool(fact["exact"]) for fact in _probes(run) if fact["requests"]} if _coupled(run) else set[bool]()
    return "" if not exact else "not exact" if False in exact else "exact"


def exactness(run: Run) -> list[str]:
    """By model that was probed, whether the same prompt and seed give the same reply, whatever else is in the batch."""
    words = {True: "exact", False: "not exact"}
    return [f"{words[bool(fact['exact'])]} on {line(fact['model'])}" for fact in _probes(run)]


def engines(run: Run) -> list[str]:
    """Each engine that agentlab started, with its version, its flags, and how often it was started and has ended."""
    started: dict[str, list[Fact]] = {}
    ended: dict[str, int] = {}
    for fact in facts(run):
        name = f"{fact.get('engine')}/{fact['model']}"
        if fact["what"] == "started":
            started.setdefault(name, []).append(fact)
        elif fact["what"] == "ended":
            ended[name] = ended.get(name, 0) + 1
    lines = list[str]()
    for name, starts in started.items():
        times = pluralize(len(starts), "start")
        broke = f", ended by itself {pluralize(ended[name], 'time')}" if name in ended else ""
        versions = ", ".join(dict.fromkeys(str(start["version"]) for start in starts))
        lines.append(f"{name}: vLLM {versions}, {' '.join(map(str, starts[-1]['flags']))} ({times}{broke})")
    return lines


def facts(run: Run) -> list[Fact]:
    """What the run recorded of how its models were served, in order."""
    return run.meta.get("served", [])


def _coupled(run: Run) -> bool:
    return run.meta.get("coupling") == "seeds" and len(run.conditions) > 1


def _probes(run: Run) -> list[Fact]:
    return [fact for fact in facts(run) if fact["what"] == "probe"]


def _differing(fact: Fact) -> str:
    texts = fact["requests"] - fact["texts"]
    if texts or fact["numbers"] is None:
        return f"{texts} of {pluralize(fact['requests'], 'reply', 'replies')} differed"
    numbers = fact["requests"] - fact["numbers"]
    return f"the texts were the same, the log-probabilities of {numbers} of {fact['requests']} were not"
