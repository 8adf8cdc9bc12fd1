"""A run as pandas frames, read directly from its file, even while the run is in progress.

Times are in seconds, money in US dollars, tokens are integers. Every frame but `conditions`, `roles`, `anchors`
and `pairs` carries the columns `rollout` (its key), `task`, `condition`, `draw` and one column per factor.
`clusters` is not a frame: it maps each task to its cluster, and is empty if none are declared.
"""

from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pandas as pd

from agentlab.columns import CALLS, KEPT, LABELS, MEASURES
from agentlab.errors import ScenarioError
from agentlab.runs.frames import log, tables
from agentlab.runs.frames.clusters import clusters_of
from agentlab.runs.frames.cost import RunCost, run_cost
from agentlab.runs.frames.distances import distances
from agentlab.runs.frames.forks import exhausted, forked
from agentlab.runs.frames.generations import LoopFrames, by_generation
from agentlab.runs.frames.looked import looked
from agentlab.runs.frames.measures import measure, of_scores
from agentlab.runs.frames.messages import edges, objections
from agentlab.runs.frames.particles import chosen_calls, particles
from agentlab.runs.frames.placed import PlacedRows
from agentlab.runs.frames.splits import held_out, without_replicates
from agentlab.runs.frames.splits import roles as roles_of
from agentlab.runs.frames.structure import roles, shaped
from agentlab.runs.frames.tickets import ticketed
from agentlab.runs.frames.usage import by_agent
from agentlab.scenario.levels import REPLICATE
from agentlab.store import decoded, looks, read
from agentlab.types import Measure

if TYPE_CHECKING:
    from agentlab.runs.transcript import Decide, Transcript

_REPLIES = "actor purpose k round model served_model text input_tokens seeded error".split()
_TRAINED = ("condition", "recipe", "trained_on", "digest", "metrics", "error")

Describe = Callable[["Run"], tuple[str, str]]
"""What a notebook shows of a run, as text and as HTML."""


class Run:
    """One run folder. Each frame is read once, when first used; call `load` again to refresh."""

    def __init__(
        self,
        folder: Path,
        ahead: "Decide | None" = None,
        cluster: str | None = None,
        describe: Describe | None = None,
        whole: "Run | None" = None,
        only: frozenset[str] | None = None,
        replicated: "Run | None" = None,
    ) -> None:
        """`ahead` re-runs rollouts, for `Transcript.decide`; `cluster` names a field instead of the scenario's;
        `describe` makes what a notebook shows; of `whole`, this is the part on tasks that are held out, in the
        conditions `only`; the replicates of an arm in `replicated` are one condition of this run."""
        self.folder, self._ahead, self._describe, self._whole, self._only = folder, ahead, describe, whole, only
        self._replicated = replicated
        with closing(read(folder)) as connection:
            rows = connection.execute("SELECT key, value FROM meta").fetchall()
            self.meta: dict[str, Any] = {key: decoded(value, folder) for key, value in rows}
        self.meta["looks"] = looks(folder, self.meta.get("looks", ()))
        self.unrecorded = ""
        """Why a look at the outcomes was not recorded; empty if it was."""
        if cluster is not None:
            self.meta["cluster"] = cluster
        if whole is not None:
            self.meta = held_out(self.meta)
        if replicated is not None:
            self.meta = without_replicates(self.meta)
        self.clusters = clusters_of(self.meta)
        self.factors: tuple[str, ...] = tuple(self.meta.get("factors", {}))
        tasks = None if whole is None else frozenset(str(task["id"]) for task in self.meta.get("tasks", []))
        self._stored = PlacedRows(folder, self.factors, tasks, only, replicated is not None)

    def __repr__(self) -> str:
        """The result of the run, if it was opened with `agentlab.load`. This counts as a look at the outcomes."""
        return f"Run({str(self.folder)!r})" if self._describe is None else self._describe(self)[0]

    def _repr_html_(self) -> str | None:
        """The same for a notebook."""
        return None if self._describe is None else self._describe(self)[1]

    @cached_property
    def conditions(self) -> pd.DataFrame:
        """One row per condition: `condition`, a column per factor, and of its organization `agents`, `edges` (Int64:
        contacts between agents), `density` (share of all possible contacts), `depth` (Int64: how many steps from the
        client the farthest agent is), missing if unknown; `facts` (a mapping) is everything recorded."""
        return shaped(self._stored.conditions)

    @cached_property
    def roles(self) -> pd.DataFrame:
        """One row per condition and agent: `condition`, a column per factor, `agent`, `model`, `distance` (Int64: steps
        from the client, 1 for agents that get the task), `betweenness` (0 to 1), `in_degree`, `out_degree` (Int64:
        agents that may write to it, and that it may write to), `briefed` (bool: sees the task). Missing if contacts are
        unknown."""
        return roles(self.conditions, self.factors)

    @cached_property
    def rollouts(self) -> pd.DataFrame:
        """One row per rollout that has ended, including those that the same command retries.

        `status` (delivered, incomplete, declined, vetoed, limit; retried: cancelled, infrastructure), `output` (text),
        `output_via` (protocol, closing, none, imported), `output_words` (int: its length), `output_cut` (bool: a length
        limit cut it off), `error`, `attempt`, `generation`, `seed`, and its use: `calls`, `turns`, `rounds`,
        `turns_cut` (int: turns that hit a length limit), `uncounted` (int: calls without token counts), `input_tokens`,
        `output_tokens`, `reasoning_tokens` (Int64, missing when `uncounted`), `seconds`, `cost` (USD, NaN if a price or
        a token count is unknown; pandas sums NaN as 0, `Run.cost` does not), `priced` (bool: whether `cost` is known);
        `messages` and, for those that did not arrive, `bounced`, `unparsed`, `truncated` (int). Judges' calls are not
        counted here. `log_probability` (of everything that its agents sampled, in nats; missing unless every sampled
        reply has log-probabilities), `log_weight` (the sum of its log-weights, in nats; missing if it has none).
        For baselines only: `of` (the rollout it is compared with), `budget` (what that rollout used), `spent`
        (by its own `steps`, in the same unit; a step that was not counted is only in the frame `calls`).
        For rollouts with a population only, whose use is that of all particles: `particles` (Int64: how many it ended
        with), `attempts` and `accepted` (Int64, of rejection), `unscored`
        (Int64: looks of its judge without a score; missing if there are none), `ess` (effective sample size),
        `log_evidence` (natural log of the estimated evidence or probability; missing if it is 0 or there is no
        estimate)."""
        ended = self._stored.ended
        rows = ended[ended["kind"] == "rollout"].drop(columns=["kind", "parent", "at", "fork", "change"])
        return rows.reset_index(drop=True)

    @cached_property
    def particles(self) -> pd.DataFrame:
        """One row per particle of a rollout's population that has ended: `particle` (its key), `index` (int: in the
        order in which they were made), `ancestor` (key of the particle that it is a copy of) and `round` (Int64: the
        last round that the two share), both missing if it is not a copy; `log_weight` (nats), `weight` (its share of
        the population, 0 to 1), both missing if it was pruned; `status`, `output`, `chosen` (bool: whether the rollout
        has its log)."""
        return self._stored.placed(particles(self._stored.select))

    @cached_property
    def forks(self) -> pd.DataFrame:
        """One row per resampled rollout. Forks appear in no other frame except `fork_scores`.

        The columns of `rollouts`, where use is what the fork itself used; `parent` (key of the rollout it was forked
        from), `at` (its cut: `3` keeps everything to the end of round 3, `3/ann+ben` everything before round 3 and in
        round 3 the other agents' replies), `round` (Int64) and `agents` (tuple, empty for the end of a round), both
        from `at`, `fork` (int: its index), `fresh` (bool: it was drawn to re-measure a step that other forks selected),
        `change` (empty for plain forks, otherwise `swap AGENT=MODEL`, `drop INDEX`, `edit INDEX HASH`, `until
        JUDGE=no tries N`), and the columns of each measure as in `measures`, missing where a turn ran out of tries.
        """
        table = forked(self._stored.ended)
        scored = self._measured(table, self.fork_scores)
        names = [measure.name for measure in self.measured]
        scored.loc[exhausted(table).to_numpy(), names] = float("nan")  # whatever the measure says `rejected` is worth
        return table.join(scored)

    @cached_property
    def fork_scores(self) -> pd.DataFrame:
        """One row per verdict on a fork, with the columns of `scores`."""
        return self._stored.placed(log.scores(self.folder, tables.FORKED))

    @cached_property
    def messages(self) -> pd.DataFrame:
        """One row per message: `index`, `round` (0: the opening), `sender`, `to` (tuple), `kind`, `content`, `ref`."""
        return self._stored.placed(log.messages(self.folder))

    @cached_property
    def calls(self) -> pd.DataFrame:
        """One row per model call, including calls of judges and of particles.

        `particle` (key of the particle that made it, in a population), `round`,
        `actor` (the agent, or the judge's name and draw), `purpose` (agent, judge, selector, product), for
        judges and selectors `judge` (its name) and `judge_draw` (Int64), `k` (place in the turn), `attempt`, `model`
        (as requested), `served_model` and `request_id` (as returned), `stop`, `text` (the reply), `reasoning` (the
        model's thoughts), `notice` (the provider's message about a refusal), token counts (Int64, missing for failed
        calls and if none were sent), `started` (UTC), `seconds`, `cost`, `seeded` (whether a seed was sent), `tries`
        (requests made; all but the last failed for temporary reasons), `error`; `tool_calls`, `tool_results`,
        `logprobs`, `settings` as JSON text. The `seconds` of a tool's result are in `tool_results`, and differ from run
        to run.
        """
        return self._stored.placed(log.calls(self.folder))

    @property
    def replies(self) -> pd.DataFrame:
        """The frame `calls` with `round`, `actor`, `purpose`, `k`, `model`, `served_model`, `text`, `input_tokens`,
        `seeded` and `error` only: for what a run says at its end, in half of the time."""
        return self._replies

    @cached_property
    def _replies(self) -> pd.DataFrame:
        if "calls" in self.__dict__:
            return self.calls.drop(columns=[name for name in CALLS if name not in _REPLIES])
        return self._stored.placed(log.calls(self.folder, _REPLIES))

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row per verdict on a finished rollout: `judge`, `judge_draw`, `criterion`, `outcome`, `value` (NaN unless
        scored), `label`, `reason`, `call` (Int64: place of the judge's call), `mass` (probability on the scale's
        digits, NaN unless scored by log-probabilities). Reading it is recorded as a look at the outcomes of the run."""
        self.unrecorded = looked(self.folder, self.meta, self.whole.rollouts)
        return self._stored.placed(log.scores(self.folder, tables.FINISHED))

    @cached_property
    def anchors(self) -> pd.DataFrame:
        """One row per verdict on an anchor text: `anchor` (its key; `rollout` in the frame `calls`), `family`,
        `role` (good, bad, empty, padded; for pairs: better, padded, same, different), `text` (missing for pairs), and
        the columns of `scores`."""
        return tables.anchors(self._stored.select)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """One row per verdict of a judge that compares arms: `factor`, its levels `a` and `b`, `within` (the other
        factors' levels), `rollout_a`, `rollout_b`, `task`, `draw`, `judge`, `judge_draw`, `order` (0: a was shown
        first), `criterion`, `outcome`, `label` (A, B, TIE), `winner` (a, b, tie, missing without a verdict), `reason`.
        Reading it is recorded as a look."""
        from agentlab.runs.frames.judged import compared, pooled_pairs  # with the judges of two, which few runs have

        if self._replicated is not None:
            return pooled_pairs(self._replicated.pairs, self.rollouts)
        self.unrecorded = looked(self.folder, self.meta, self.whole.rollouts)
        return compared(self.folder, self.rollouts, self.meta)

    @cached_property
    def groups(self) -> pd.DataFrame:
        """One row per finished rollout and judge of kind equivalence: `judge`, `group` (Int64: outputs of one task and
        condition with the same number are the same answer; missing without an output or an answer), `size` (Int64)."""
        from agentlab.runs.frames.judged import grouped, pooled_groups  # as above

        if self._replicated is not None:
            return pooled_groups(self._replicated.groups, self.rollouts)
        return grouped(self.folder, self.rollouts, self.meta)

    @cached_property
    def labels(self) -> pd.DataFrame:
        """One row per label that a person gave: `measure`, `rater`, `value` (on the measure's range), `probability`
        (with which the rollout was drawn for labeling)."""
        return self._stored.placed(self._stored.select("SELECT * FROM labels ORDER BY rowid", ("id", *LABELS)))

    @cached_property
    def measures(self) -> pd.DataFrame:
        """One row per rollout: `generation`, `status`, `output_words`, and for each measure NAME (float), NAME_draws
        (int: complete judge draws) and NAME_outcome (the worst outcome of its verdicts)."""
        head = self.rollouts[[name for name in self.rollouts if name in MEASURES or name in self.factors]]
        return head.join(self._measured(head, self.scores))

    @cached_property
    def agents(self) -> pd.DataFrame:
        """One row per rollout and agent: `calls`, `turns`, `turns_cut`, `uncounted`, `input_tokens`, `output_tokens`,
        `reasoning_tokens`, `seconds`, `cost`, `priced`, `sent`, `bounced`, `unparsed`, `truncated`."""
        table = self._stored.placed(by_agent(self._stored.select, tables.PLAYED))
        lost = ["sent", "bounced", "unparsed", "truncated"]
        sent = self.edges.groupby(["rollout", "sender"], observed=True)[lost].sum()
        table = table.join(sent, on=["rollout", "agent"])
        table[lost] = table[lost].fillna(0).astype("int64")
        return table

    @cached_property
    def edges(self) -> pd.DataFrame:
        """One row per rollout, sender and recipient: messages `sent`, of which `late` (the reader never acted again),
        `bounced`, `unparsed`, `truncated` ones, charged to the agent that wrote them and the name it wrote to, and
        `dropped_later`: rounds in which the sender still mailed others, but no longer this recipient. What the
        sender's turns used (`output_tokens`, `seconds`, `cost`) is divided equally among the mails they sent; a turn
        without mail is on no edge."""
        table = edges(self.messages, self._log_calls, self._stored.kinds)
        return table.merge(self._stored.places, on="rollout", how="left")

    @cached_property
    def objections(self) -> pd.DataFrame:
        """One row per objection that an `audit` judge reports: `judge`, `judge_draw`, `message` (its `index`), `round`,
        `by`, `to` (tuple), `quote` (its words), `answered` (Int64: the message that responds to it), `surviving` (bool:
        in the output), and from the log `late` (bool: none of its readers acted again) and `dropped_by` (tuple: agents
        that wrote to its author before, and from then on only to others)."""
        return objections(self.scores, self.messages, self._log_calls, self._stored.kinds)

    @cached_property
    def tickets(self) -> pd.DataFrame:
        """One row per ticket of a rollout with a board: `ticket` (its id), `by` (who created it), `owner`, `state`
        (open, active, review, done, failed), `opened` and `closed` (rounds; Int64, missing while open), `after` (tuple:
        tickets it waited for), `reviewed_by`, `reviews` (int: completed reviews), `changes` (int: reviews that asked
        for changes), `moves` (int: how often it moved from a silent owner to another worker), `planted` (tuple: names
        of the flaws that were put into it), `caught` (tuple: those that a review pointed out), `not_planted` (tuple:
        those that did not fit), `carries` (tuple: names of the task's `constraints` whose pattern its text contains)
        and for each constraint `carries_NAME` (boolean, missing if the task does not have it), `text`, `owner_report`
        (the owner's last report), `reason` (how it ended)."""
        known = zip(self.conditions["condition"], self.conditions["facts"], strict=True)
        boards = [str(name) for name, facts in known if facts.get("board") is not None]
        fields = {task["id"]: task.get("fields", {}) for task in self.meta.get("tasks", [])}
        return ticketed(self.messages, boards, fields).merge(self._stored.places, on="rollout", how="left")

    @cached_property
    def rows(self) -> pd.DataFrame:
        """One row per rollout that a self-training loop could have learned from: `reason` (kept, not delivered, no
        score, not good enough, cut off, no turn, duplicate, over the cap; before it `with a hint: ` for a rollout with
        one), `value` (of the measure that decides), `rows` (int: training rows made of it). Empty until the first
        training."""
        columns = ("id", *KEPT)
        sql = f"SELECT rollout, {', '.join(KEPT)} FROM kept ORDER BY rollout"
        table = self._stored.select(sql if self.splits else f"{sql} LIMIT 0", columns)
        return self._stored.placed(table.astype({"value": "float64", "rows": "int64"}))

    @cached_property
    def distances(self) -> pd.DataFrame:
        """One row per rollout of a trained generation on the split that `improve.kl` names: `replies` (int: of agents
        that learn), `log_probability` and `base_log_probability` (of all these replies, in nats, under the weights that
        wrote them and under the base's), `log_ratio` (the first minus the second: its mean estimates the KL divergence
        from the base), `left_out` (why there are none: a reply was cut off, an agent has tools, a turn has no
        reply, the model refused to score a reply)."""
        return self._stored.placed(distances(self._stored.select))

    @cached_property
    def generations(self) -> pd.DataFrame:
        """One row per condition and split of a self-training loop, with the mean of every measure under its name.

        `split` and its `role` (learn, hold_out, transfer); `tasks`, `rollouts`; `passed` (share that is good enough to
        be kept), `coverage` (share of tasks with one that is), both missing where the judge that decides does not look,
        `distinct` (mean share of different outputs of a task), `words` (mean length), `output_cut` (share), `tokens`,
        `cost` (USD); for learn, what was kept to train the next generation: `kept`, `duplicates`, `cut_off`,
        `not_good_enough`, `hinted` (Int64: rollouts), `rows` (Int64); how these weights came to be: `recipe`, `digest`,
        `trained_on` (Int64: rows), `loss` (nats per token), `training_seconds`, `error` (why a generation has no
        weights). Missing values are unknown or do not apply.
        """
        known = self._stored.select("SELECT condition, recipe, rows, digest, metrics, error FROM generations", _TRAINED)
        frames = (self.meta, self.factors, self.splits, self.measured, self.rollouts, self.measures, self.conditions)
        return by_generation(LoopFrames(*frames, self.rows), known)

    @cached_property
    def splits(self) -> dict[str, str]:
        """The role of each split of the tasks in a self-training loop. Empty for other runs."""
        return roles_of(self.meta)

    @property
    def whole(self) -> "Run":
        """For the part on held-out tasks, the run that it belongs to. Otherwise, the run itself."""
        return self._whole or self

    @cached_property
    def held_out(self) -> "Run":
        """In a self-training loop, the part of the run on held-out tasks, on which conclusions rest. Otherwise, the run
        itself."""
        if not self.splits or self._whole is not None:
            return self
        return Run(self.folder, self._ahead, self.meta.get("cluster"), self._describe, self)

    def within(self, conditions: Collection[str]) -> "Run":
        """Of a self-training loop, the part on held-out tasks in these conditions; the run itself if it has no other.

        `whole` of it is the whole run.
        """
        known = set(self.conditions["condition"].astype("str"))
        if not self.splits or known <= set(conditions):
            return self
        only = frozenset(known & set(conditions))
        return Run(self.folder, self._ahead, self.meta.get("cluster"), self._describe, self.whole, only)

    @cached_property
    def pooled(self) -> "Run":
        """In a self-training loop with replicates, this part of the run with the replicates of each arm as one arm,
        in which the draws of replicate 2 begin at 1,000,001. Otherwise, the run itself."""
        if not self.splits or REPLICATE not in self.factors:
            return self
        cluster = self.meta.get("cluster")
        return Run(self.folder, self._ahead, cluster, self._describe, self._whole, self._only, self)

    def replicates(self, rows: pd.DataFrame) -> list[int] | None:
        """The replicate that each row of a frame of this run is of, if this is `pooled`. Otherwise, None."""
        return self._stored.replicates(rows["draw"])

    @cached_property
    def variables(self) -> pd.DataFrame:
        """One row per rollout of a program (protocol `cascade`): `status` and a column per variable, with its last
        value, missing if it has none. A variable of a loop has the list of all its values, in order. Fields of the task
        are left out. If a variable has the name of another column, its own column ends in `_value`."""
        from agentlab.runs.frames.variables import variables  # with all that reads numbers in texts

        ended = self.rollouts.set_index("rollout")["status"]
        places = self._stored.places[self._stored.places["rollout"].isin(ended.index)]
        return variables(self.messages, places.assign(status=places["rollout"].astype("str").map(ended).astype("str")))

    @cached_property
    def cost(self) -> RunCost:
        """The cost of all calls of the run so far: agents, judges and forks, including failed attempts."""
        return run_cost(self.folder)

    def rollout(self, rollout: str | None = None, /, **coordinates: str | int) -> "Transcript":
        """One rollout to look at, by the beginning of its key, or by `task`, `draw` and levels, as many as identify it.

        Raises `ScenarioError` if none or several match, and names them.
        """
        from agentlab.runs.transcript import transcript  # with the protocols, for which no frame waits

        if rollout is not None and coordinates:
            raise ScenarioError("give either the key of a rollout or its coordinates, not both")
        shown = transcript(self.folder, coordinates if rollout is None else rollout)
        return replace(shown, ahead=self._ahead)

    @property
    def measured(self) -> list[Measure]:
        """The measures of the run, as the scenario defines them; those of an added judge once it has judged
        something."""
        every = msgspec.convert(self.meta.get("measures", []), list[Measure])
        return [m for m in every if m.judge not in self.meta.get("added", {}) or m.judge in self._working_judges]

    @cached_property
    def _working_judges(self) -> frozenset[str]:
        return frozenset(
            self._stored.select("SELECT DISTINCT judge FROM verdict_spans WHERE outcome != 'error'", ["judge"])["judge"]
        )

    @cached_property
    def _log_calls(self) -> pd.DataFrame:
        """The calls that the messages of rollouts came from."""
        return chosen_calls(self.calls, self.particles)

    def _measured(self, rollouts: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
        """The measures, row by row as `rollouts`. Verdicts are matched by rows, since texts take long to look up."""
        keys = scores["rollout"].astype("category").cat
        rows = pd.Index(rollouts["rollout"]).get_indexer(keys.categories)[keys.codes]
        return measure(rollouts, of_scores(scores).assign(rollout=rows), self.measured)


def load(folder: str | Path, cluster: str | None = None) -> Run:
    """The run in `folder`, its tasks clustered by the field `cluster` if one is named; see `agentlab.load`."""
    return Run(Path(folder), cluster=cluster)
