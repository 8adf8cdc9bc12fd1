"""Limits on the time of a user's code and patterns, in the main thread and in others."""

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from agentlab.organization.cascade import reading
from agentlab.organization.cascade.reading import Reader
from agentlab.organization.cascade.timed import TimeLimit, timed


def here(function: Callable[[], Any]) -> Any:
    return function()


def elsewhere(function: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


WHERE = pytest.mark.parametrize("where", [here, elsewhere])


def hang() -> None:
    while True:
        with contextlib.suppress(Exception):
            time.monotonic()


@WHERE
def test_code_that_hangs_is_stopped_and_other_code_returns(where: Callable[[Callable[[], Any]], Any]) -> None:
    with pytest.raises(TimeLimit):
        where(lambda: timed(0.05, hang))
    assert where(lambda: timed(60, lambda: 3)) == 3
    with pytest.raises(ZeroDivisionError):
        where(lambda: timed(60, lambda: 1 / 0))


@pytest.mark.process
@WHERE
def test_a_pattern_that_hangs_finds_nothing(
    where: Callable[[Callable[[], Any]], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PATTERN_SECONDS", 0.1)
    assert where(lambda: Reader("regex", "(a|a)*b")("a" * 40)) is None
    monkeypatch.setattr(reading, "PATTERN_SECONDS", 60.0)
    assert where(lambda: Reader("regex", r"\[(.)\]")("[ä] and [y]")) == "y"
    assert where(lambda: Reader("regex", r"\[.\]", "first")("[x] and [y]")) == "[x]"
    assert where(lambda: Reader("regex", r"z")("[x]")) is None
