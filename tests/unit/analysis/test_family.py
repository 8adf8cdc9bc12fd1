"""Holm's family of primary contrasts holds one kind of p."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from agentlab.analysis.contrasts.family import Test, adjusted
from agentlab.stats.contrasts.paired import Paired


def contrast(p: float | None, tasks: int = 8, new: bool = True, flip: float | None = None) -> Test:
    """As far as its family is concerned."""
    result: Any = SimpleNamespace(tasks=tasks, new_tasks=object() if new else None, sign_flip=flip)
    return p, cast("Paired", result)


def test_tests_about_these_tasks_do_not_join_those_about_new_ones() -> None:
    found = adjusted([contrast(0.01), contrast(0.0001, new=False), contrast(0.02), None])
    assert found == [pytest.approx(0.04), None, pytest.approx(0.06), None]


def test_few_tasks_are_a_family_of_their_own() -> None:
    assert adjusted([contrast(0.01, 4, new=False), contrast(0.03, 4, new=False)]) == [pytest.approx(0.02), 0.03]


def test_sign_flips_of_tasks_are_about_new_tasks() -> None:
    flipped = contrast(0.004, new=False, flip=0.004)
    assert adjusted([flipped, contrast(0.03), contrast(0.5, 4, new=False)]) == [pytest.approx(0.012), 0.06, None]


def test_what_has_no_test_counts_and_does_not_say_of_what_kind_the_others_are() -> None:
    assert adjusted([contrast(None), contrast(0.01, 4, new=False)]) == [None, pytest.approx(0.02)]
