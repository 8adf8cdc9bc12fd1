"""Malformed scenarios: each message points to line and column and says what would be right."""

import contextlib
import copy
import json
import tempfile
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agentlab.errors import ScenarioError
from agentlab.scenario.document import Keys
from agentlab.scenario.loading import load
from tests.support.firm import BASE
from tests.support.scenarios import scenario

CONTACTS = "contacts: {boss: [hand], hand: [boss]}"
HAND, LIMIT = "hand: {system: Work.}", "tokens: 200k"

SOLO = "solo: {organization: {cast: [boss], protocol: {kind: chain, stages: [[boss]]}}}"
REFINE = "by: refine, match: calls, agent: boss"


def matched(of: str, how: str = REFINE, name: str = "m") -> str:
    """The level `solo` and one more, that is matched."""
    return f"{SOLO}\n    {name}: {{baseline: {{of: {of}, {how}}}}}"


PARSER = ""
"""What the YAML parser refuses is told with some way out; which one hangs on its words, see test_document."""
CASES = [
    # the document itself
    ("draws: 2", "draws: 010", "22:8", "without the leading zero"),
    ("draws: 2", "draws: 1:30", "22:8", "quote it"),
    ("draws: 2", "draws: 1_000", "22:8", "without underscores"),
    ("name: firm", "name: no", "2:7", "write true or false, or quote it"),
    ("draws: 2", "draws: 2\ndraws: 3", "23:1", "keep one; the first is at s.yaml:22:1"),
    ("draws: 2", "draws: &a 2", "22:8", "write the value out"),
    ("draws: 2", "draws: *a", "22:8", "write the value out"),
    ("draws: 2", "<<: {draws: 2}", "22:1", "write the fields out"),
    ("draws: 2", "draws: !!int 2", "22:8", "the only tag is `!file PATH`"),
    ("draws: 2", "draws: 2\n---\na: 1", "23:1", "one document per file"),
    ("draws: 2", "draws: [2", "22:8", PARSER),
    ("draws: 2", "\tdraws: 2", "22:1", "indent with spaces"),
    ("draws: 2", "draws:\n\t- 2", "23:1", "indent with spaces"),
    ("draws: 2", "about: a: b", "22:9", PARSER),
    ("draws: 2", '? [a]\n: 2', "22:3", "write `name: value`"),
    ("draws: 2", 'about: "a\\x07b"', "22:8", "remove it"),
    (HAND, "1: {system: Work.}", "11:5", 'quote it: "1"'),
    (HAND, "hand: {system: !file brief.md}", "11:20", "did you mean 'briefs.md'?"),
    (HAND, "hand: {system: !file ../x.md}", "11:20", "in the scenario's folder"),
    # names of columns
    ("  team:", "  turns:", "19:3", "choose another name, such as turns_level"),
    ("  team:", "  generation:", "19:3", "choose another name, such as generation_level"),
    ("client: Bank", "client: Bank, cost: 3", "7:61", "choose another name, such as task_cost"),
    ("  utility:", "  status:", "28:3", "choose another name, such as status_score"),
    ("  utility:", "  team:", "28:3", "choose another name, such as team_score"),
    # fields
    ("spec: 1", "spec: 2", "1:7", "write 1"),
    ("spec: 1\n", "", "1:1", "add `spec:`"),
    ("name: firm", "name: a firm", "2:7", "letters, digits and _ . + -"),
    ("name: firm", "name: firm\nnam: x", "3:1", "did you mean 'name'?"),
    ("draws: 2", "draws: two", "22:8", "write a whole number"),
    ("draws: 2", 'draws: "2"', "22:8", "remove the quotes"),
    ("criteria: [focus]", "range: [0, '1']", "28:40", "remove the quotes"),
    (HAND, "hand: {system: Work., settings: {temperature: '0.5'}}", "11:51", "remove the quotes"),
    ("draws: 2", "draws: 0", "22:8", "write a number that is at least 1"),
    ("draws: 2", "draws: true", "22:8", "write a whole number"),
    ("draws: 2", "twins: 3", "22:1", "known: spec, name"),
    ("draws: 2", "coupling: seed", "22:11", "write seeds or none"),
    ("draws: 2", "seed: -1", "22:7", "at least 0"),
    ("rounds: 4", "round: 4", "16:3", "did you mean 'rounds'?"),
    ("rounds: 4", "rounds: null", "16:11", "write a whole number"),
    (HAND, "hand: {system: Work., memory: some}", "11:35", "write all, unread, or {last: 3}"),
    (HAND, "hand: {system: Work., settings: {temprature: 1}}", "11:38", "did you mean 'temperature'?"),
    (HAND, "hand: {system: Work., settings: {temperature: hot}}", "11:51", "write a number"),
    (HAND, '"ha nd": {system: Work.}', "11:5", "starts with a letter"),
    (LIMIT, "tokens: lots", "29:28", "200k or 2M"),
    (LIMIT, "cost: 5", "29:26", "such as 50 USD"),
    (LIMIT, "cost: 5 EUR", "29:26", "such as 50 USD"),
    (LIMIT, "minutes: 5 min", "29:29", "such as 20"),
    ("criteria: [focus]", "range: [1, 1]", "28:36", "two different numbers"),
    ("criteria: [focus]", "range: [0]", "28:36", "at least 2 values"),
    ("criteria: [focus]", "criteria: some", "28:39", "write all or a list"),
    ("prompt: ", "promt: ", "7:10", "did you mean 'prompt'?"),
    ("loan: {prompt", "lo/an: {prompt", "7:3", "an id starts with a letter or digit"),
    ("loan: {prompt", "1: {prompt: x}\n  2: {prompt", "7:3", 'quote each of them: "1"'),
    ("  team:\n", "  pace: {}\n  team:\n", "19:9", "at least one entry"),
    ("firm: {}", "firm: null", "20:11", "write a mapping"),
    # names
    ("agent: boss}", "agent: bos}", "17:34", "did you mean 'boss'?"),
    ("{ask: Report., agent: boss}", "{ask: Report.}", "17:12", "say who is asked; known: boss, hand"),
    ("  rounds: 4", "  output: [bos]", "16:12", "did you mean 'boss'?"),
    ("cast: [boss]", "cast: [bos]", "21:34", "did you mean 'boss'?"),
    ("cast: [boss]", "cast: [boss, boss]", "21:40", "name each agent once"),
    ("start: [boss]", "start: [bos]", "14:13", "one of boss, hand"),
    (CONTACTS, "contacts: {boss: [hand], hund: [boss]}", "15:30", "one of boss, hand"),
    (CONTACTS, "contacts: {hand: [boss]}", "15:15", "add a path to it from an agent that gets the task"),
    (CONTACTS, "contacts: {boss: [hand]}", "15:15", "a contact for 'hand'"),
    (HAND, "hand: {system: Work., model: defalt}", "11:34", "did you mean 'default'?"),
    ("kind: mail", "kind: male", "13:11", "did you mean 'mail'?"),
    ("kind: rubric", "kind: rubrik", "25:11", "did you mean 'rubric'?"),
    ("    kind: mail\n", "", "13:5", "known: board, cascade, chain, mail or my_module:Name"),
    ("judge: quality,", "judge: qualty,", "28:20", "did you mean 'quality'?"),
    ("criteria: [focus]", "criteria: [focs]", "28:40", "did you mean 'focus'?"),
    ("draws: 2", "addendum: {x: {text: hi, to: bos}}", "22:30", "write task or all or a list"),
    ("draws: 2", "addendum: {x: {text: hi, to: [bos]}}", "22:31", "did you mean 'boss'?"),
    ("{{client}}", "{{clent}}", "7:18", "did you mean 'client'?"),
    ("{{client}}", "{{ client }}", "7:18", "write {{client}}"),
    ("{client: Bank}", "{client: [1]}", "7:18", "quote the value of the field"),
    (HAND, 'hand: {system: "For {{client}}."}', "11:20", "known: agent, rounds"),
    ("Report.", '"Tell {{client}}."', "17:18", "known: agent, rounds"),
    # models
    ("sim/chatter", "sym/chatter", "4:19", "did you mean sim/chatter?"),
    ("{name: sim/chatter}", "{nam: sim/chatter}", "4:13", "did you mean 'name'?"),
    ("sim/chatter", "anthropic/claude-opus-5, temperature: 1", "4:57", "does not support temperature"),
    ("sim/chatter", "local/smolm2", "4:19", "did you mean local/smollm2?"),
    ("sim/chatter", "my_nowhere:Model", "4:19", "fix the module"),
    ("sim/replies", "openai/gpt-5.2, base_url: ftp://x", "5:43", "must start with http"),
    ("  judge: {name: sim/replies}\n", "", "24:5", "or give --judge-model"),
    # what must fit together
    ("firm: {}", "firm: {baseline: {of: solo}}", "20:22", "add `by:`"),
    (SOLO, matched("frm", REFINE), "22:24", "did you mean 'firm'?"),
    (SOLO, matched("m", REFINE), "22:24", "name another level of 'team'; known: firm, solo"),
    (SOLO, matched("n", REFINE) + matched("m", name="n").removeprefix(SOLO), "22:24",
     "make one of them an arm that is not a baseline"),
    (SOLO, matched("firm", REFINE.replace('boss', 'bos')), "22:63", "did you mean 'boss'?"),
    (SOLO, matched("firm", REFINE + ", till: 3"), "22:69", "known: of, by"),
    (SOLO, matched("firm", REFINE + ", select: quality"), "22:77", "remove it"),
    (SOLO, matched("firm", REFINE.replace('calls', 'cost')), "22:49", "match output_tokens"),
    (SOLO, matched("firm", REFINE.replace('refine', 'best_of_n')), "22:19", "add `select:`"),
    (SOLO, matched("firm", REFINE.replace('refine', 'vote') + ", select: quality"), "22:75",
     "name a judge that no measure uses"),
    (SOLO, matched("firm", REFINE.replace('refine', 'vote') + ", select: qualty"), "22:75",
     "did you mean 'quality'?"),
    (SOLO, matched("firm", REFINE) + matched("firm", name="n").removeprefix(SOLO), "23:5",
     "let every level change something"),
    ("draws: 2", "exclude: [{tem: firm}]", "22:12", "did you mean 'team'?"),
    ("draws: 2", "exclude: [{team: frm}]", "22:18", "did you mean 'firm'?"),
    ("draws: 2", "exclude: [{}]", "22:11", "at least one entry"),
    ("draws: 2", "exclude: [{team: firm}, {team: solo}]", "22:10", "keep at least one cell"),
    ("kind: mail", "kind: mail\n    veto: [bos]", "14:12", "one of boss, hand"),
    ("firm: {}", "firm: {draws: 3}", "20:12", "write it at the top of the file"),
    ("firm: {}", "firm: {models: {judge: {name: sim/chatter}}}", "20:21", "its own model under another alias"),
    ("firm: {}\n", "firm: {}\n    same: {}\n", "21:5", "let every level change something"),
    ("firm: {}", "firm: {organization: {closing: {agent: null}}}", "20:44", "say who is asked"),
    ("cast: [boss]", "agents: {boss: null}", "21:83", "one of hand"),
    ("stages: [[boss]]", "stages: []", "21:73", "at least one list of agents"),
    ("cast: [boss]", "rounds: 1, cast: [boss, hand]", "21:35", "write at least 2"),
    (LIMIT, "tokens: 1", "29:28", "write at least 2"),
    (HAND, "hand: {system: Work., tools: [calc]}", "11:35", "did you mean 'calculate'? Or write my_module:Name"),
    ("kind: mail", "kind: my_nowhere:Protocol", "13:11", "fix the module"),
    ("kind: rubric", "kind: my_nowhere:Judge", "25:11", "fix the module"),
    # what is compared
    ("draws: 2", "compare: {primry: {s: {team: [firm, solo]}}}", "22:11", "did you mean 'primary'?"),
    ("draws: 2", "compare: {primary: {s: {tem: [firm, solo]}}}", "22:25", "did you mean 'team'?"),
    ("draws: 2", "compare: {primary: {s: {team: [firm, slo]}}}", "22:38", "did you mean 'solo'?"),
    ("draws: 2", "compare: {primary: {s: {team: [firm, firm]}}}", "22:38", "name another level"),
    ("draws: 2", "compare: {primary: {s: {team: [firm]}}}", "22:31", "at least 2 values"),
    ("draws: 2", "compare: {primary: {s: {measures: all}}}", "22:21", "write FACTOR: [ONE, OTHER]"),
    ("draws: 2", "compare: {exploratory: {s: {team: [firm, solo], mesures: all}}}", "22:49", "mean 'measures'?"),
    ("draws: 2", "compare: {primary: {s: {team: [firm, solo], measures: [utilty]}}}", "22:56",
     "did you mean 'utility'?"),
    ("draws: 2", "compare: {primary: {s: {team: [firm, solo], within: {team: firm}}}}", "22:54", "other factors only"),
    ("draws: 2", "compare: {primary: {s: {team: [firm, solo], within: {tam: firm}}}}", "22:54", "did you mean 'team'?"),
    ("draws: 2", "compare: {primary: {s: {team: [firm, solo]}, t: {team: [solo, firm]}}}", "22:46",
     "declare each comparison once"),
    ("draws: 2", "compare: {primary: {s: {team: [firm, solo], margin: {utilty: 0.1}}}}", "22:54",
     "did you mean 'utility'?"),
    ("draws: 2", "compare: {primary: {s: {team: [firm, solo], margin: 1}}}", "22:53", "that is too small to matter"),
    ("draws: 2", "compare: {primary: {s: {team: [firm, solo], margin: -0.1}}}", "22:53", "a number above 0"),
    ("draws: 2", "looks: {planned: 3}", "22:1", "declare one under compare.primary"),
    ("draws: 2", "compare: {primary: {s: {team: [firm, solo]}}}\nlooks: {planned: [0.5, 0.9]}", "23:18", "end with 1"),
    ("draws: 2", "compare: {primary: {s: {team: [firm, solo]}}}\nlooks: {planned: 2, spend: all}", "23:28", "pocock"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "place", "right"), CASES)
def test_a_mistake_is_told_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, place: str, right: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("briefs.md").write_text("x")
    assert old in BASE
    text = BASE.replace(old, new, 1)
    if "rounds: 1," in new:
        text = text.replace("[[boss]]", "[[boss], [hand]]")
    Path("s.yaml").write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load("s.yaml")
    told = [m for m in caught.value.mistakes if str(m.place) == f"s.yaml:{place}"]
    assert any(mistake.right and right in mistake.right for mistake in told), str(caught.value)
    assert not any(jargon in str(caught.value) for jargon in ("Input should", "validation error", "type=", "pydantic"))


def test_all_layers_are_told_at_once_and_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = BASE.replace("draws: 2", "draws: 010").replace("rounds: 4", "round: 4").replace("{{client}}", "{{clent}}")
    Path("s.yaml").write_text(text.replace("[focus]", "[focs]").replace("sim/chatter", "sym/chatter"))
    with pytest.raises(ScenarioError) as caught:
        load("s.yaml")
    places = [str(mistake.place) for mistake in caught.value.mistakes]
    assert places == [f"s.yaml:{place}" for place in ("4:19", "7:18", "16:3", "22:8", "28:40")]
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("lines", [True, False])
def test_many_mistakes_of_one_kind_are_told_by_the_first_and_their_number(tmp_path: Path, lines: bool) -> None:
    tasks = [{"id": f"HumanEval/{i}", "prompt": "x"} for i in range(100)]
    section = "tasks: !file t.jsonl" if lines else "tasks: " + json.dumps({t.pop("id"): t for t in tasks})
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, tasks)))
    file = tmp_path / "s.yaml"
    file.write_text(BASE.replace(BASE[BASE.index("tasks:") : BASE.index("organization:")], section + "\n"))
    with pytest.raises(ScenarioError) as caught:
        load(file)
    told = [m for m in caught.value.mistakes if "task id" in m.wrong]
    assert len(told) == 5
    assert "and 95 more like these" in told[-1].wrong


def test_half_a_character_in_a_task_is_told_with_its_line(tmp_path: Path) -> None:
    whole, half = '{"id": "a", "prompt": "\\ud83d\\ude00"}', '{"id": "b", "prompt": "\\ud83d?"}'
    (tmp_path / "t.jsonl").write_text(f"{whole}\n{half}\n")
    file = tmp_path / "s.yaml"
    file.write_text(BASE.replace(BASE[BASE.index("tasks:") : BASE.index("organization:")], "tasks: !file t.jsonl\n"))
    with pytest.raises(ScenarioError, match="half of a character") as caught:
        load(file)
    assert [mistake.place.line for mistake in caught.value.mistakes if "half" in mistake.wrong] == [2]


def test_ids_that_are_numbers_are_told_once_in_jsonl(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text("".join(f'{{"id": {i}, "prompt": "x"}}\n' for i in range(9)))
    file = tmp_path / "s.yaml"
    file.write_text(BASE.replace(BASE[BASE.index("tasks:") : BASE.index("organization:")], "tasks: !file t.jsonl\n"))
    with pytest.raises(ScenarioError, match="the id 0 is a number; write ids in quotes") as caught:
        load(file)
    assert len([m for m in caught.value.mistakes if m.right == "write ids in quotes"]) == 5


@pytest.mark.parametrize(
    ("judge", "target", "right"),
    [
        ("{kind: match, by: number}", "many", "write one number"),
        ("{kind: match, by: number}", None, "write the right answer"),
        ("{kind: match, by: choice, choices: [A, B]}", "C", "write A, B"),
        ("{kind: match, by: exact, target: gold}", "4", "write the right answer"),
    ],
)
def test_a_target_that_a_match_judge_cannot_compare_is_a_mistake(
    tmp_path: Path, judge: str, target: str | None, right: str
) -> None:
    given = "" if target is None else f", target: {target}"
    tasks, judges = {"t": {"prompt": "x"}}, {"right": yaml.safe_load(judge)}
    file = tmp_path / "s.yaml"
    text = scenario("s", tasks=tasks, judges=judges, measures={"right": {"judge": "right"}})
    file.write_text(text.replace("prompt: x", f"prompt: x{given}"))
    with pytest.raises(ScenarioError) as caught:
        load(file)
    (mistake,) = caught.value.mistakes
    assert mistake.right == right
    assert mistake.path.startswith("tasks.t.")


JUNK: list[Any] = [None, True, 0, -1, 1.5, "", "x", "{{x}}", "a:b", [], [1], [[]], {}, {"x": 1}, {"kind": 3}]
DOCUMENT = yaml.load(BASE, Loader=yaml.CSafeLoader)


def paths(value: Any, path: Keys = ()) -> list[Keys]:
    """Of every value in a document."""
    items: Any = ()
    if isinstance(value, dict | list):
        items = enumerate(cast(list[Any], value)) if isinstance(value, list) else cast(dict[str, Any], value).items()
    return [path, *(below for key, item in items for below in paths(item, (*path, key)))]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(paths(DOCUMENT)), st.sampled_from(JUNK)), min_size=1, max_size=3))
def test_any_value_anywhere_makes_a_design_or_a_scenario_error(changes: list[tuple[Keys, Any]]) -> None:
    document = {"top": copy.deepcopy(DOCUMENT)}
    for path, junk in changes:
        holder: Any = document
        with contextlib.suppress(KeyError, IndexError, TypeError):
            for key in ("top", *path)[:-1]:
                holder = holder[key]
            holder[("top", *path)[-1]] = copy.deepcopy(junk)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "s.yaml"
        file.write_text(json.dumps(document["top"]))
        with contextlib.suppress(ScenarioError):
            load(file)
