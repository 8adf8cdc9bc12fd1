"""The section `improve`: every mistake is told at its line and column, and names what would be right."""

from pathlib import Path
from typing import Any

import pytest

from agentlab.errors import ScenarioError
from agentlab.scenario.changed import differences
from agentlab.scenario.loading import load
from tests.support.loops import improve, tasks, text, written
from tests.support.scenarios import chain

SHARED = tasks() | {"leak": {"prompt": "Train  QUESTION, 1?", "target": "A", "split": "test"}}
UNSPLIT = tasks() | {"more": {"prompt": "And?", "target": "A"}}
MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({"improve": improve(policy="defualt")}, "improve.policy", "did you mean 'default'?"),
    ({"improve": improve(keep={"measure": "namd", "at_least": 1})}, "improve.keep.measure", "named"),
    ({"improve": improve(keep={"measure": "named"})}, "improve.keep", "at_least or at_most"),
    ({"improve": improve(by={"kind": "share"})}, "improve.by.kind", "shares"),
    ({"improve": improve(by={"kind": "shares", "flor": 0.1})}, "improve.by.flor", "floor"),
    ({"improve": improve(by={"kind": "shares", "floor": 2})}, "improve.by.floor", "below 1"),
    ({"improve": improve(keep={"measure": "named", "at_least": 2})}, "improve.keep.at_least", "goes from 0 to 1"),
    ({"improve": improve(keep={"measure": "named", "at_most": -1})}, "improve.keep.at_most", "goes from 0 to 1"),
    ({"improve": improve(keep={"measure": "named"})}, "improve.keep", "with measure"),
    ({"improve": improve(by="shares")}, "improve.by", "such as {kind: sft}"),
    ({"improve": improve(splits={"train": "learn"})}, "improve.splits.train", "such as {role: learn"),
    ({"improve": improve(by={"kind": "lora"})}, "improve.by.kind", "shares; or write my_module:Name"),
    ({"improve": improve(watch=["named", "named"])}, "improve.watch[1]", "another measure"),
    ({"improve": improve(negatives={"most": 1})}, "improve.negatives", "remove it"),
    ({"improve": improve(judged={"rihgt": ["test"]})}, "improve.judged.rihgt", "did you mean 'right'?"),
    ({"improve": improve(judged={"right": ["tset"]})}, "improve.judged.right[0]", "did you mean 'test'?"),
    ({"improve": improve(judged={"named": ["test"]})}, "improve.judged.named", "add 'train'"),
    ({"improve": improve(kl="tset")}, "improve.kl", "did you mean 'test'?"),
    ({"improve": improve(hint={"text": "Say {{answer}}."})}, "improve.hint.text", "target"),
    ({"improve": improve(splits={"train": {"role": "learn"}})}, "improve.splits", "role: hold_out"),
    ({"improve": improve(genertions=3)}, "improve.genertions", "generations"),
    ({"improve": improve(generations="two")}, "improve.generations", "a whole number"),
    ({"improve": improve(replicates=0)}, "improve.replicates", "at least 1"),
    ({"improve": improve(keep={"at_least": 1})}, "improve.keep", "add `measure:` (the measure that decides"),
    ({"improve": improve(keep={"measure": "named", "at_least": 1, "cap": -1})}, "improve.keep.cap", "at least 1"),
    ({"improve": improve(splits={"train": {"draws": 4}})}, "train", "`role:` (what the tasks are for: learn, hold_out"),
    ({"improve": improve(by={"kind": "exemplars"}, restart_from="previous")}, "improve.restart_from", "remove it"),
    ({"improve": improve(hint="The answer is {{target}}.")}, "improve.hint", 'such as {text: "The answer is'),
    ({"improve": improve(negatives=1)}, "improve.negatives", "such as {most: 1}"),
    ({"improve": improve(first="rows.jsonl")}, "improve.first", "such as {rows: rows.jsonl}"),
    ({"improve": improve(judged=["right"])}, "improve.judged", "such as {quality: [test]}"),
    ({"improve": improve(watch="named")}, "improve.watch", "such as [accepted, correct]"),
    ({"improve": ["named"]}, "improve", "such as {generations: 3, splits: {train: {role: learn"),
    ({"tasks": SHARED}, "tasks.leak.prompt", "only one of the two splits"),
    ({"tasks": UNSPLIT}, "tasks.more.split", "a split of improve.splits"),
    ({"draws": 3}, "draws", "improve.splits"),
    ({"factors": {"much": {"no": {}, "yes": {"improve": {"generations": 1}}}}}, "generations", "the same"),
    ({"factors": {"generation": {"a": {}, "b": {}}}}, "factors.generation", "another name"),
    (
        {"factors": {"arm": {"a": {}, "b": {"tasks": {"train_0": {"split": "test"}}}}}},
        "tasks.train_0.split",
        "the same",
    ),
    ({"models": {"default": {"name": "sim/chatter"}}}, "improve.by.kind", "sim/replies only"),
]


@pytest.mark.parametrize(("sections", "path", "right"), MISTAKES, ids=[path for _, path, _ in MISTAKES])
def test_a_mistake_is_told_where_it_stands(tmp_path: Path, sections: dict[str, Any], path: str, right: str) -> None:
    with pytest.raises(ScenarioError) as told:
        load(written(tmp_path, **sections))
    found = [one for one in told.value.mistakes if one.path.endswith(path) and right in str(one)]
    assert found, str(told.value)
    assert found[0].place.line > 1


def test_texts_in_a_schedule_are_told_one_by_one_and_the_list_is_no_mistake(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as told:
        load(written(tmp_path, improve=improve(keep={"measure": "named", "at_least": ["low", 0.5, "high"]})))
    assert [one.path for one in told.value.mistakes] == [f"improve.keep.at_least[{i}]" for i in (0, 2)]


def test_a_level_may_change_what_is_kept_and_both_arms_are_their_own(tmp_path: Path) -> None:
    factors = {"kept_by": {"proxy": {}, "truth": {"improve": {"keep": {"measure": "right"}}}}}
    found = load(written(tmp_path, factors=factors))
    assert [one.name for one in found.conditions] == ["kept_by=proxy,generation=0", "kept_by=truth,generation=0"]
    assert len({one.identity for one in found.conditions}) == 2
    assert found.factors["generation"] == ("0", "1", "2")


def test_contrasts_between_generations_can_be_declared(tmp_path: Path) -> None:
    primary = {"gain": {"generation": ["2", "0"], "measures": ["right"]}}
    found = load(written(tmp_path, compare={"primary": primary}))
    assert [(one.factor, one.a, one.b) for one in found.compare.primary] == [("generation", "2", "0")]


@pytest.mark.parametrize("wrong", [{"by": {"kind": "share"}}, {"generations": 0}, {"watch": ["named"]}])
def test_a_mistake_in_the_loop_makes_no_contrast_of_generations_wrong(tmp_path: Path, wrong: dict[str, Any]) -> None:
    primary = {"gain": {"generation": ["2", "0"], "measures": ["right"]}}
    with pytest.raises(ScenarioError) as told:
        load(written(tmp_path, improve=improve(**wrong), compare={"primary": primary}))
    assert {one.path.split(".")[0] for one in told.value.mistakes} == {"improve"}, str(told.value)


def test_a_loop_may_grow_and_nothing_else_of_it_may_change(tmp_path: Path) -> None:
    before = load(written(tmp_path)).tree
    longer = load(written(tmp_path, improve=improve(generations=5, replicates=2))).tree
    other = load(written(tmp_path, improve=improve(restart_from="previous"))).tree
    assert differences(before, longer) == []
    assert [path for path, _, _ in differences(before, other)] == ["improve.restart_from"]


def test_turns_are_of_agents_that_learn(tmp_path: Path) -> None:
    keep = {"measure": "named", "at_least": 1, "turns": {"of": ["yu"]}}
    path = written(tmp_path, organization=chain(["me"], ["you"]), improve=improve(keep=keep))
    with pytest.raises(ScenarioError, match="did you mean 'you'"):
        load(path)


def test_the_text_of_the_fixture_has_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "it.yaml").write_text(text())
    assert load(tmp_path / "it.yaml").loop is not None
