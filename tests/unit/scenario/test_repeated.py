"""Tasks that a design holds more than once are one cluster, and are reported."""

import json

from hypothesis import given
from hypothesis import strategies as st

from agentlab.scenario.repeated import clusters, repeated, sentences
from agentlab.types import Task

PROMPTS = st.sampled_from(["", " ", "What is 2 + 2?", "What is  2 +\n2? ", "what is 2 + 2?", "Why?"])
FIELDS = st.dictionaries(st.sampled_from("ab"), st.sampled_from([1, "1", "x", [1]]), max_size=2)
PARTS = st.lists(st.tuples(PROMPTS, st.sampled_from([None, "4", "5"]), FIELDS), max_size=12)


def tasks(*prompts: str) -> list[Task]:
    return [Task(f"row_{i}", prompt) for i, prompt in enumerate(prompts, 1)]


def test_rows_with_the_same_prompt_are_named_with_what_they_count_as() -> None:
    (told,) = sentences(tasks("A?", "B?", "A? ", "B?", "C?"), clustered=False)
    assert told.startswith("tasks row_1 and row_3; row_2 and row_4 have the same prompt and the same fields")
    assert "count as 2 tasks, not 4" in told


def test_different_targets_of_one_task_are_reported_apart() -> None:
    _, told = sentences([Task("a", "Q?", "yes"), Task("b", "Q?", "no")], clustered=False)
    assert told.startswith("tasks a and b ask the same, but their targets differ ('yes' and 'no')")


def test_different_fields_are_no_repeat_but_are_asked_about() -> None:
    both = [Task("a", "Sell.", fields={"price": 1}), Task("b", "Sell.", fields={"price": 2})]
    assert repeated(both) == []
    (told,) = sentences(both, clustered=False)
    assert "differ in their fields only" in told
    assert sentences(both, clustered=True) == []


def test_a_repeat_joins_the_clusters_of_a_field() -> None:
    found = clusters([Task(id, id[0], fields={"of": id[0]}) for id in ("a1", "b1", "c1")], "of")
    assert found == {"a1": "a", "b1": "b", "c1": "c"}
    assert clusters([*tasks("X", "Y", "X"), Task("row_4", "Z")], None) == {
        "row_1": "row_1",
        "row_2": "row_2",
        "row_3": "row_1",
        "row_4": "row_4",
    }


@given(PARTS)
def test_clusters_are_those_that_a_look_at_all_pairs_finds(
    parts: list[tuple[str, str | None, dict[str, object]]],
) -> None:
    every = [Task(f"t{i}", *part) for i, part in enumerate(parts)]
    found = clusters(every, None)
    own = {task.id: (task.prompt.split(), json.dumps(task.fields, sort_keys=True)) for task in every}
    for a in every if found else ():
        for b in every:
            same = a.id == b.id or (own[a.id] == own[b.id] and own[a.id][0] != [])
            assert (found[a.id] == found[b.id]) == same
    assert bool(found) == any(len(group) > 1 for group in repeated(every))
