"""The limit of a run holds for its rollouts, for judges that are added to it, and for probes of its judges."""

from pathlib import Path

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.runs.frames import load
from tests.support.scenarios import chain, flow, measured, numbered, rubric, scenario

pytestmark = pytest.mark.usefixtures("workdir")

PRICE = {"price": {"input": 1.0, "output": 1000.0}}


def told(*arguments: str) -> tuple[int, str]:
    ended = CliRunner().invoke(app, [*arguments])
    return ended.exit_code, f"{ended.output}{ended.exception or ''}"


def made(limit: float | None) -> None:
    scores = {"name": "sim/replies", "options": {"scores": {"useful": {"1": 0.5, "0": 0.5}}}}
    text = scenario(
        "limited",
        seed=1,
        models={"default": {"name": "sim/chatter"} | PRICE, "judge": scores | PRICE},
        tasks=numbered(6),
        draws=2,
        judges={"good": rubric("useful", 1)},
        measures={"useful": measured("good", 0, 1)},
        **({} if limit is None else {"limits": {"run": {"cost": f"{limit} USD"}}}),
    )
    Path("s.yaml").write_text(text, encoding="utf-8")
    Path("more.yaml").write_text(f"{flow(rubric('useful', 1))}\n", encoding="utf-8")
    code, output = told("run", "s.yaml", "--out", "run")
    assert code in (0, 4), output


def spent() -> float:
    return float(load("run").calls["cost"].sum())


@pytest.mark.parametrize("command", [("--with", "more.yaml"), ("--probe", "length", "--yes")])
def test_a_run_that_has_reached_its_limit_pays_for_no_more_verdicts(command: tuple[str, ...]) -> None:
    made(None)
    before, calls = spent(), len(load("run").calls)
    made(before)
    code, output = told("judge", "run", *command, "--concurrency", "1")
    assert code == 4, output
    assert "Stopped by the run's limit (limits.run)." in output
    assert len(load("run").calls) == calls
    made(before + 1000)
    code, output = told("judge", "run", *command)
    assert code == 0, output
    assert spent() > before


def of_all_kinds(limit: float | None, draws: int = 2) -> tuple[int, str]:
    """Rollouts, anchor texts, known pairs, pairs and groups, each judged by paid calls."""
    scores = {"good": {"1": 0.5, "0": 0.5}, "better": {"A": 0.5, "B": 0.5}, "same": {"yes": 0.5, "no": 0.5}}
    pairs = {"x": {"task": "Write.", "same": [["a", "b"]], "different": [["a", "c"]]}}
    text = scenario(
        "limited",
        seed=1,
        models={
            "default": {"name": "sim/chatter"} | PRICE,
            "judge": {"name": "sim/replies", "options": {"scores": scores}} | PRICE,
        },
        tasks=numbered(2),
        factors={"style": {"plain": {}, "kind": {"addendum": {"kind": {"text": "Be kind.", "to": "task"}}}}},
        draws=draws,
        judges={
            "worth": rubric("good", 1, anchors={"x": {"task": "Write.", "good": ["Fine."], "bad": ["Bad."]}}),
            "taste": {"kind": "compare", "criteria": {"better": {"text": "Which is better?"}}},
            "alike": {"kind": "equivalence", "anchors": pairs},
        },
        **({} if limit is None else {"limits": {"run": {"cost": f"{limit} USD"}}}),
    )
    Path("s.yaml").write_text(text, encoding="utf-8")
    return told("run", "s.yaml", "--out", "run")


def test_a_finished_run_that_stands_at_its_limit_is_done() -> None:
    code, output = of_all_kinds(None)
    assert code == 0, output
    before, calls = spent(), load("run").calls
    assert set(calls["judge"].dropna()) == {"worth", "taste", "alike"}
    code, output = of_all_kinds(before)
    assert code == 0, output
    assert "Stopped by the run's limit" not in output
    code, output = of_all_kinds(before, draws=3)
    assert code == 4, output
    assert len(load("run").calls) == len(calls)


def test_a_judge_without_a_price_cannot_be_added_to_a_run_whose_cost_is_limited() -> None:
    made(1000)
    code, output = told("judge", "run", "--with", "more.yaml", "--judge-model", "openai/on-no-list")
    assert code == 1  # as an exception, which the command turns into 2
    assert "no price is known for 'openai/on-no-list', and limits.run.cost needs one" in " ".join(output.split())


def test_a_run_spends_hardly_more_than_its_limit_however_many_rollouts_may_be_in_progress() -> None:
    made(None)
    limit = round(spent() / 12 * 30)
    Path("run").rename("whole")
    code, output = told("run", "s.yaml", "--out", "run", "--set", "draws=20", "--set", f"limits.run.cost={limit} USD")
    assert code == 4, output
    assert limit <= spent() < 1.5 * limit
    assert "n: rollouts; cost: without judges." in output
    assert f"--set 'limits.run.cost={limit} USD'" in " ".join(output.split())


def limited(limit: float, judged: bool = False, **sections: object) -> tuple[int, str]:
    """Rollouts that take a while, so that many are in progress at once; their judge costs next to nothing."""
    slow = {"name": "sim/chatter", "options": {"seconds": 0.05}} | PRICE
    cheap = {"name": "sim/replies", "options": {"scores": {"useful": {"1": 0.5, "0": 0.5}}}}
    judges = {"judges": {"good": rubric("useful", 1)}, "measures": {"useful": measured("good", 0, 1)}} if judged else {}
    models = {"default": slow, "judge": cheap | {"price": {"input": 0.0, "output": 0.001}}}
    limits = {"run": {"cost": f"{limit:.4f} USD"}}
    text = scenario("limited", seed=1, models=models, limits=limits, **judges, **sections)  # pyright: ignore
    Path("s.yaml").write_text(text, encoding="utf-8")
    return told("run", "s.yaml", "--out", "run")


def test_what_a_rollout_cost_in_earlier_commands_counts_in_what_one_costs() -> None:
    assert limited(1000, tasks=numbered(40))[0] == 0
    each = spent() / 40
    assert limited(spent() + 6 * each, judged=True, tasks=numbered(40), draws=8)[0] == 4
    assert len(load("run").rollouts) < 40 + 30, "not as many as their judges alone would let begin"


def test_the_first_rollouts_of_a_condition_are_few_though_a_cheaper_one_has_ended() -> None:
    stages = [[f"a{i}"] for i in range(8)]
    firm = chain(*stages)
    alone = {"organization": {"cast": ["a0"], "protocol": {"kind": "chain", "stages": [["a0"]]}}}
    ended = limited(1000, tasks=numbered(4), organization=firm, factors={"team": {"firm": {}, "solo": alone}})
    assert ended[0] == 0, ended[1]
    costs = load("run").rollouts.groupby("team", observed=True)["cost"].mean()
    Path("run").rename("whole")
    limit = 12 * costs["firm"]
    factors = {"team": {"firm": {}, "solo": alone}}
    assert limited(limit, tasks=numbered(60), organization=firm, factors=factors)[0] == 4
    assert (load("run").rollouts["team"] == "firm").sum() <= 18


def test_a_plan_says_that_it_costs_more_than_the_limit() -> None:
    made(0.01)
    assert "limits.run.cost is 0.01 USD, so by this estimate the run stops" in " ".join(
        told("plan", "s.yaml")[1].split()
    )
