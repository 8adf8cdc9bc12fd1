"""Who wrote to whom, what did not arrive, who was left off later mails, and what became of objections: as columns."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pandas as pd

from agentlab.columns import OBJECTION
from agentlab.runs.frames.kinds import Kinds, addressed, fates

LOST = ("bounced", "unparsed", "truncated")
"""What may become of a message that does not arrive; each has a column that counts it."""
SPENT = ("output_tokens", "seconds", "cost")
"""What of a turn is shared among its mails."""
_EDGE = ["rollout", "sender", "recipient"]


def edges(messages: pd.DataFrame, calls: pd.DataFrame, kinds: Kinds) -> pd.DataFrame:
    """One row per rollout, sender and recipient: `sent`, `late`, what was lost, what it took, and `dropped_later`."""
    m = messages[["rollout", "round", "sender", "to", "kind", "ref"]]
    m = m.assign(fate=fates(m["kind"], kinds), addressed=addressed(m["kind"], kinds))
    dropped = m["fate"] != "sent"
    lost = m[dropped]
    pairs = zip(lost["sender"], lost["to"], strict=True)
    author = [to[0] if to and sender.startswith("@") else sender for sender, to in pairs]  # who reads a report wrote it
    lost = lost.assign(sender=author, recipient=lost["ref"].fillna("?"), late=0)
    sent = m[~dropped].explode("to").rename(columns={"to": "recipient"})
    last = calls.groupby(["rollout", "actor"], observed=True)["round"].max().rename("last")
    sent = sent.join(last, on=["rollout", "recipient"])
    sent["late"] = (sent["round"] >= sent["last"].fillna(-1)) & ~sent["recipient"].str.startswith("@")
    both = pd.concat([sent, lost], ignore_index=True)
    for name in ("sent", *LOST):
        both[name] = both["fate"] == name
    counts = ["sent", "late", *LOST]
    counted = both[[*_EDGE, *counts]].astype(dict.fromkeys(counts, "int64")).join(_spend(both, calls))
    table = counted.groupby(_EDGE, observed=True, sort=False).sum(min_count=1).reset_index()
    table = table.astype({"sender": "str", "recipient": "str"})
    if table.empty:  # pandas cannot turn an empty category into texts
        return table.assign(dropped_later=pd.Series(dtype="int64"))
    places = pd.MultiIndex.from_frame(table[_EDGE].astype({"rollout": "str"}))
    table["dropped_later"] = _dropped(sent).reindex(places).fillna(0).to_numpy(dtype="int64")
    return table


def _spend(both: pd.DataFrame, calls: pd.DataFrame) -> pd.DataFrame:
    """What a turn took, shared equally by the mails that left it; a cost is missing where a price is unknown."""
    turn = ["rollout", "sender", "round"]
    took = calls.rename(columns={"actor": "sender"})[[*turn, *SPENT]]
    took = took.astype(dict.fromkeys(SPENT, "float64")).groupby(turn, observed=True).sum(min_count=1)
    share = both[turn].join(took, on=turn)[list(SPENT)]
    share[both["sender"].astype("str").str.startswith("@")] = 0.0
    return share.div(both.groupby(turn, observed=True)["kind"].transform("size"), axis=0)


def _dropped(sent: pd.DataFrame) -> pd.Series:
    """By edge: rounds after its last mail in which the sender still wrote mail, so to other agents only."""
    mails = sent.loc[sent["addressed"] & ~sent["recipient"].str.startswith("@"), [*_EDGE, "round"]]
    mails = mails.astype(dict.fromkeys(_EDGE, "object" if mails.empty else "str"))
    wrote = mails.drop_duplicates(["rollout", "sender", "round"])
    after = wrote.groupby(["rollout", "sender"])["round"].rank(ascending=False) - 1
    later = wrote.assign(dropped_later=after).set_index(["rollout", "sender", "round"])["dropped_later"]
    last = mails.groupby(_EDGE, as_index=False)["round"].max()
    return last.join(later, on=["rollout", "sender", "round"]).set_index(_EDGE)["dropped_later"]


def objections(scores: pd.DataFrame, messages: pd.DataFrame, calls: pd.DataFrame, kinds: Kinds) -> pd.DataFrame:
    """One row per objection of the verdicts on `objections_raised`, with what the log knows of its readers."""
    raised = scores[(scores["criterion"] == "objections_raised") & (scores["outcome"] == "scored")]
    head = list(scores.columns[: scores.columns.get_loc("judge_draw") + 1])  # pyright: ignore[reportOperatorIssue]
    log = messages[messages["rollout"].isin(raised["rollout"])]
    log = log.assign(addressed=addressed(log["kind"], kinds))
    by_rollout = {str(key): part for key, part in log.groupby("rollout", observed=True)}
    acted = calls[calls["rollout"].isin(raised["rollout"])].groupby(["rollout", "actor"], observed=True)["round"].max()
    last: Mapping[Any, int] = acted.to_dict()
    rows: list[Sequence[Any]] = []
    for verdict in raised.to_dict("records"):
        listed: list[dict[str, Any]] = msgspec.json.decode(str(verdict["label"] or "[]"))
        for objection in listed:
            fate = _fate(objection, by_rollout.get(str(verdict["rollout"]), log.iloc[:0]), last, verdict["rollout"])
            fields = {**objection, "to": tuple(objection["to"]), **fate}
            rows.append([verdict[name] for name in head] + [fields[name] for name in OBJECTION])
    table = pd.DataFrame(rows, columns=[*head, *OBJECTION])
    return table.astype({**{name: scores[name].dtype for name in head}, **OBJECTION})


def _fate(objection: Mapping[str, Any], log: pd.DataFrame, last: Mapping[Any, int], rollout: Any) -> dict[str, Any]:
    """The round of an objection, whether its readers acted after it, and who wrote to its author no more."""
    round = int(log.loc[log["index"] == objection["message"], "round"].max()) if len(log) else 0
    readers = [name for name in objection["to"] if not name.startswith("@")]
    late = bool(readers) and all(last.get((rollout, name), -1) <= round for name in readers)
    mails = log[log["addressed"]]
    written = list(zip(mails["round"], mails["sender"], mails["to"], strict=True))
    before = {sender for at, sender, to in written if at <= round and objection["by"] in to}
    still = {sender for at, sender, to in written if at > round and objection["by"] in to}
    writers = dict.fromkeys(sender for at, sender, _ in written if at > round)
    return {"round": round, "late": late, "dropped_by": tuple(n for n in writers if n in before and n not in still)}
