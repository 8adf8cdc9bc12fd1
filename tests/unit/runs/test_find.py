"""How a rollout is named on the command line."""

import pytest

from agentlab.runs.transcript.find import address


@pytest.mark.parametrize("level", ["very polite", "x\x1b[31m", "$(id)", "a'b"])
def test_a_rollout_is_named_by_its_key_where_a_shell_or_terminal_would_act_on_its_names(level: str) -> None:
    assert address({"task": "loan", "team": "firm", "draw": 1}, "0123456789abcdef") == "task=loan,team=firm,draw=1"
    assert address({"task": "loan", "team": level, "draw": 1}, "0123456789abcdef") == "0123456789ab"
