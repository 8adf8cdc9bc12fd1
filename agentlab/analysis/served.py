"""Whether a model of one name was one model: what its replies say of who served them."""

from agentlab.runs.frames import Run
from agentlab.text import line, pluralize


def served_notes(run: Run) -> list[str]:
    """A sentence for each model whose replies name several served models, as after a server or an alias has moved."""
    answered = run.calls.loc[run.calls["served_model"].notna(), ["model", "served_model"]].astype("str")
    notes: list[str] = []
    for model, names in answered.groupby("model", sort=True)["served_model"]:
        counts = names.value_counts(sort=False).sort_index()
        if len(counts) > 1:
            told = " and ".join(f"{line(name)} ({pluralize(int(n), 'call')})" for name, n in counts.items())
            notes.append(f"{line(model)} was answered by {told}: one model name may stand for two models.")
    return notes
