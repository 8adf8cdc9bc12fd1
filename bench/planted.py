"""What the scenario `calibration` plants, beside what the tables of its analyses say of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, variance
from typing import Any

import pandas as pd
from known_truth.relay import Relay, judged_variance

import agentlab
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design

TEAMS = ("steady", "erratic")
ROUNDS = (("drafter",), ("critic", "checker"), ("writer",))
TARGETS = {"worth": 1.0, "harm": 0.0}


@dataclass(frozen=True, slots=True)
class Check:
    """One number that is known, beside what was found of it."""

    kind: str
    what: str
    planted: float
    found: float
    low: float
    high: float

    @property
    def held(self) -> bool:
        """Whether the interval holds what was planted."""
        return bool(self.low <= self.planted <= self.high)


def checks(design: Design, run: Path, tables: Path) -> list[Check]:
    """All of them, from the CSV tables in the folder `tables`."""
    teams = {team: next(c for c in design.conditions if c.levels["team"] == team) for team in TEAMS}
    read = {path.stem: pd.read_csv(path) for path in tables.glob("*.csv")}
    return [
        *_differences(teams, read["contrasts_differences"]),
        *_components(design, teams, read["components"]),
        *_shared(teams, read["components_covariances"]),
        *_incoherence(design, teams, read["decomposition"]),
        *_attribution(teams, read["attribution"], read["attribution_agents"]),
        *_path(design, teams["erratic"], run, read["path"]),
        *_lost(teams["erratic"], run, read["interventions"]),
    ]


def relay(condition: Condition) -> Relay:
    """The numbers of a team."""
    return Relay.model_validate(condition.models["default"].options)


def bias(numbers: Relay, outcome: str) -> float:
    """What a team adds to an outcome, in every draw."""
    return {str(name): value for name, value in numbers.bias.items()}.get(outcome, 0.0)


def of_draw(numbers: Relay) -> float:
    """Variance of a draw: every turn's, and that of both together."""
    return sum(sd**2 for sd in numbers.sd.values()) + sum(pair.sd**2 for pair in numbers.together)


def start(design: Design, outcome: str) -> list[float]:
    """Where the tasks start."""
    return [float(task.fields[outcome]) for task in design.tasks.values()]


def judge_noise(design: Design) -> float:
    """Variance of one judge draw."""
    return judged_variance(Relay.model_validate(design.models["judge"].options), 100)


def chances(task: Any, numbers: Relay) -> dict[str, float]:
    """By answer, with the noise mixed in."""
    numbers_of = dict(part.split() for part in str(task.fields["chances"]).split(", "))
    return {name: (1 - numbers.noise) * float(p) + numbers.noise / len(numbers_of) for name, p in numbers_of.items()}


def _differences(teams: Mapping[str, Condition], table: pd.DataFrame) -> Iterator[Check]:
    for outcome in TARGETS:
        row: Any = table[table["measure"] == outcome].iloc[0]
        first, other = (bias(relay(teams[team]), outcome) for team in str(row["contrast"]).split(" - "))
        ends = row["new_tasks_low"], row["new_tasks_high"]
        yield Check("difference of means", f"{outcome}, {row['contrast']}", first - other, row["difference"], *ends)


def _components(design: Design, teams: Mapping[str, Condition], table: pd.DataFrame) -> Iterator[Check]:
    for team, condition in teams.items():
        for outcome in TARGETS:
            rows = table[(table["condition"] == f"team={team}") & (table["measure"] == outcome)].set_index("level")
            planted = {
                "task": variance(start(design, outcome)),
                "draw": of_draw(relay(condition)),
                "judge draw": judge_noise(design),
            }
            for level, value in planted.items():
                row: Any = rows.loc[level]
                yield Check(
                    f"variance of a {level}", f"{outcome}, {team}", value, row["variance"], row["low"], row["high"]
                )


def _shared(teams: Mapping[str, Condition], table: pd.DataFrame) -> Iterator[Check]:
    for team, condition in teams.items():
        numbers = relay(condition)
        pairs = sum(pair.sd**2 for pair in numbers.together)
        turns = of_draw(numbers) - pairs
        planted = (numbers.kinship * turns + numbers.kinship**2 * pairs) / (turns + pairs)
        rows = table[(table["condition"] == f"team={team}") & (table["level"] == "draw")]
        row: Any = rows[(rows["measure"] == "worth") & (rows["other"] == "harm")].iloc[0]
        ends = row["low"], row["high"]
        yield Check("correlation of worth and harm", team, planted, row["correlation"], *ends)


def _incoherence(design: Design, teams: Mapping[str, Condition], table: pd.DataFrame) -> Iterator[Check]:
    for team, condition in teams.items():
        numbers, rows = relay(condition), table[table["condition"] == f"team={team}"]
        for outcome, target in TARGETS.items():
            bias2 = fmean((value + bias(numbers, outcome) - target) ** 2 for value in start(design, outcome))
            planted = of_draw(numbers) / (of_draw(numbers) + bias2)
            yield _share(rows[rows["measure"] == outcome].iloc[0], f"{outcome}, {team}", planted)
        shares = [(chances(task, numbers), str(task.target)) for task in design.tasks.values()]
        spread = sum(1 - sum(p**2 for p in known.values()) for known, _ in shares)
        error = sum(2 * (1 - known[gold]) for known, gold in shares)
        row = rows[(rows["measure"] == "correct") & (rows["loss"] == "brier")].iloc[0]
        yield _share(row, f"answers under Brier, {team}", spread / error)


def _share(row: Any, what: str, planted: float) -> Check:
    return Check("incoherence", what, planted, row["incoherence"], row["incoherence_low"], row["incoherence_high"])


def _attribution(teams: Mapping[str, Condition], rounds: pd.DataFrame, agents: pd.DataFrame) -> Iterator[Check]:
    numbers = relay(teams["steady"])
    pairs = {frozenset(pair.agents): pair.sd**2 for pair in numbers.together}
    for outcome in TARGETS:
        terms = rounds[rounds["measure"] == outcome].set_index("term")
        for i, names in enumerate(ROUNDS, start=1):
            planted = sum(numbers.sd[name] ** 2 for name in names) + pairs.get(frozenset(names), 0.0)
            yield _of(terms.loc[f"round {i}"], "variance of a round", f"{outcome}, round {i}", planted)
        by_agent = agents[agents["measure"] == outcome].set_index("agent")
        for name in numbers.sd:
            half = sum(value / 2 for names, value in pairs.items() if name in names)
            yield _of(by_agent.loc[name], "variance of an agent", f"{outcome}, {name}", numbers.sd[name] ** 2 + half)


def _of(row: Any, kind: str, what: str, planted: float) -> Check:
    return Check(kind, what, planted, row["variance"], row["these_tasks_low"], row["these_tasks_high"])


def _path(design: Design, condition: Condition, run: Path, table: pd.DataFrame) -> Iterator[Check]:
    """Every step's expected outcome is what the numbers in its messages sum to."""
    numbers, drawn = relay(condition), {name: worth for name, (worth, _) in _drawn(run).items()}
    value = float(design.tasks["ember"].fields["worth"]) + bias(numbers, "worth")
    for step, names in enumerate(((), *ROUNDS[:-1])):
        value += sum(numbers.sd[name] * drawn[name] for name in names)
        row: Any = table.iloc[step]
        yield Check(
            "path of one rollout",
            f"after round {step}",
            value,
            row["expected"],
            row["expected_low"],
            row["expected_high"],
        )


def _lost(condition: Condition, run: Path, table: pd.DataFrame) -> Iterator[Check]:
    """Without the critic's message to the writer, what the critic drew is missing from the sum, and nothing else."""
    drawn = _drawn(run)["critic"]
    for i, outcome in enumerate(TARGETS):
        row: Any = table[table["measure"] == outcome].iloc[0]
        planted = -relay(condition).sd["critic"] * drawn[i]
        yield Check("effect of a lost message", outcome, planted, row["difference"], row["low"], row["high"])


def _drawn(run: Path) -> dict[str, tuple[float, float]]:
    """What every turn of the rollout drew, as its output tells."""
    text = agentlab.load(run).rollout(task="ember", team="erratic", draw=2).record.rollout.output or ""
    words = [line.rstrip(".").split() for line in text.splitlines() if " draws " in line]
    return {word[0]: (float(word[5]), float(word[8])) for word in words}
