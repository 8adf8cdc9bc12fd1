"""The messages of a path's decisive step, and the place of the step in words."""

import pandas as pd

from agentlab.runs.frames import Run
from agentlab.stats.forks.path import PathStep
from agentlab.types import Measure

WORDS = 12
"""Words of a message that are quoted."""


def step_messages(run: Run, key: str, m: Measure, step: PathStep | None) -> pd.DataFrame:
    """The agents' messages in the rounds of the decisive step; none without such a step."""
    columns = ["measure", "index", "round", "sender", "to", "words"]
    if step is None:
        return pd.DataFrame(columns=columns)
    log = run.messages[run.messages["rollout"].astype("str") == key]
    sent = log[(log["round"] > step.start) & (log["round"] <= step.cut) & ~log["sender"].str.startswith("@")].copy()
    sent["measure"] = m.name
    sent["words"] = [_first(text) for text in sent["content"]]
    return sent[columns].reset_index(drop=True)


def _first(text: str) -> str:
    words = text.split()
    return " ".join(words[:WORDS]) + (" …" if len(words) > WORDS else "")


def place(round: str, messages: pd.DataFrame) -> str:
    """The round, with its first message quoted where it has any."""
    quotes = [f"message {row['index']} of {row['sender']}: “{row['words']}”" for _, row in messages.head(1).iterrows()]
    more = f" and {len(messages) - 1} more" if len(messages) > 1 else ""
    return f"round {round}" + (f" ({quotes[0]}{more})" if quotes else "")
