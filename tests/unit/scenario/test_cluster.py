"""`cluster` names a field by which tasks share a source; every task has it, the same in all conditions."""

from pathlib import Path

import pytest

from tests.support.firm import design, wrong

CLUSTER = ("draws: 2", "draws: 2\ncluster: text")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_field_of_every_task_is_taken() -> None:
    old = '  loan: {prompt: "Help {{client}}.", fields: {client: Bank}}'
    tasks = (old, "  loan: {prompt: A, fields: {text: 1}}\n  debt: {prompt: B, fields: {text: one}}")
    assert design(tasks, CLUSTER).cluster == "text"
    assert design().cluster is None


def test_a_field_that_a_task_lacks_is_a_mistake_that_names_those_there_are() -> None:
    told = wrong(CLUSTER)
    assert "cluster: task 'loan' has no text or number in a field 'text'" in told
    assert "client" in told


def test_a_field_that_a_level_changes_is_a_mistake() -> None:
    level = ("firm: {}", "firm: {tasks: {loan: {fields: {client: Shop}}}}")
    assert "a level changes the field 'client' of task 'loan'" in wrong(level, ("draws: 2", "cluster: client"))
