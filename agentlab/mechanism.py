"""Who wrote to whom, what did not arrive, and who was left off later mails: from the log alone, as columns."""

from collections.abc import Iterable

import pandas as pd

LOST = {"bounced": "bounce", "unparsed": "unparsed", "truncated": "truncated"}
"""Columns, and the kinds of messages that they count."""
_EDGE = ["rollout", "sender", "recipient"]


def edges(messages: pd.DataFrame, calls: pd.DataFrame) -> pd.DataFrame:
    """One row per rollout, sender and recipient: `sent`, `late`, what was lost, and `dropped_later`."""
    m = messages[["rollout", "round", "sender", "to", "kind", "ref"]]
    dropped = m["kind"].isin(list(LOST.values()))
    lost = m[dropped]
    author = [sender if not to or kind == "truncated" else to[0] for sender, to, kind in _zip(lost)]
    lost = lost.assign(sender=author, recipient=lost["ref"].fillna("?"), late=0)
    sent = m[~dropped].explode("to").rename(columns={"to": "recipient"})
    last = calls.groupby(["rollout", "actor"], observed=True)["round"].max().rename("last")
    sent = sent.join(last, on=["rollout", "recipient"])
    sent["late"] = (sent["round"] >= sent["last"].fillna(-1)) & ~sent["recipient"].str.startswith("@")
    both = pd.concat([sent, lost], ignore_index=True)
    for name, kind in LOST.items():
        both[name] = both["kind"] == kind
    both["sent"] = ~both["kind"].isin(list(LOST.values()))
    counts = ["sent", "late", *LOST]
    counted = both[[*_EDGE, *counts]].astype(dict.fromkeys(counts, "int64"))
    table = counted.groupby(_EDGE, observed=True, sort=False).sum().reset_index()
    table = table.astype({"sender": "str", "recipient": "str"})
    if table.empty:  # pandas cannot turn an empty category into texts
        return table.assign(dropped_later=pd.Series(dtype="int64"))
    places = pd.MultiIndex.from_frame(table[_EDGE].astype({"rollout": "str"}))
    table["dropped_later"] = _dropped(sent).reindex(places).fillna(0).to_numpy(dtype="int64")
    return table


def _dropped(sent: pd.DataFrame) -> pd.Series:
    """By edge: rounds after its last mail in which the sender still wrote mail, so to other agents only."""
    mails = sent.loc[(sent["kind"] == "mail") & ~sent["recipient"].str.startswith("@"), [*_EDGE, "round"]]
    mails = mails.astype(dict.fromkeys(_EDGE, "object" if mails.empty else "str"))
    wrote = mails.drop_duplicates(["rollout", "sender", "round"])
    after = wrote.groupby(["rollout", "sender"])["round"].rank(ascending=False) - 1
    later = wrote.assign(dropped_later=after).set_index(["rollout", "sender", "round"])["dropped_later"]
    last = mails.groupby(_EDGE, as_index=False)["round"].max()
    return last.join(later, on=["rollout", "sender", "round"]).set_index(_EDGE)["dropped_later"]


def _zip(lost: pd.DataFrame) -> Iterable[tuple[str, tuple[str, ...], str]]:
    return zip(lost["sender"], lost["to"], lost["kind"], strict=True)
