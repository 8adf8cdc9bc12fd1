"""A vLLM server that agentlab starts: found, shared, restarted once, given up, and gone with whoever started it."""

import asyncio
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agentlab.errors import EngineError, ModelError, Stopped
from agentlab.interfaces import Model
from agentlab.models.serve import StopSwitch, get_model, serve
from agentlab.models.spec import ModelSpec
from agentlab.runs.frames import load
from agentlab.types import ChatMessage, Completion, Request, Settings, Where
from tests.support import fake_vllm
from tests.support.command import Commands
from tests.support.scenarios import Part, chain, scenario
from tests.support.trainers import await_that, is_alive

pytestmark = pytest.mark.process
OOPS = "CUDA error: an illegal memory access"


@dataclass(slots=True)
class Record:
    """What a run would keep."""

    folder: Path
    switch: StopSwitch = field(default_factory=StopSwitch)
    facts: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    halted: int = 0

    def known(self, model: str) -> bool:
        return any(fact.get("digest") == model for fact in self.facts)

    def keep(self, fact: Mapping[str, Any]) -> None:
        self.facts.append(fact)

    def halt(self) -> None:
        self.halted += 1
        self.switch.pull()

    def of(self, what: str) -> list[Mapping[str, Any]]:
        return [fact for fact in self.facts if fact["what"] == what]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGENTLAB_VLLM_PYTHON", str(fake_vllm.install(tmp_path / "fake")))
    monkeypatch.setattr("agentlab.models.retry.FIRST_WAIT", 0.01)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / "fake"


def spec(name: str = "vllm/tiny", **options: Any) -> ModelSpec:
    return ModelSpec.model_validate({"name": name, "options": {"weights": "org/tiny", **options}})


def ask(i: int = 0) -> Request:
    where = Where("r", "a", 1, 0, 1, i, rank=i)
    return Request((ChatMessage("user", f"Question {i}"),), Settings(max_tokens=4, temperature=1.0), (), where)


def adapter(folder: Path, rank: int = 16, weights: bytes = b"w") -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(f'{{"r": {rank}}}')
    (folder / "adapter_model.safetensors").write_bytes(weights)
    return folder


async def together(specs: Mapping[str, ModelSpec], record: Record, calls: int = 8) -> list[Completion]:
    """The replies of each model, all asked at once; of calls that were not sent there is none."""
    found = list[Completion]()

    async def one(model: Model, i: int) -> None:
        with suppress(Stopped):
            found.append(await model.complete(ask(i)))

    async with serve(specs, stop_switch=record.switch, record=record) as models, asyncio.TaskGroup() as group:
        for alias in specs:
            for i in range(calls):
                group.create_task(one(models[alias], i))
    return found


@pytest.mark.parametrize(
    ("provider", "program"),
    [("vllm", "-m vllm.entrypoints.openai.api_server"), ("vllm-offline", "agentlab/processes/vllm_waves.py")],
)
async def test_models_share_a_server_that_has_their_adapters(
    fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: str, program: str
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    monkeypatch.setenv("AGENTLAB_VLLM_FLAGS", "--tensor-parallel-size 2")
    flags = {"max-model-len": 2048, "enable_prefix_caching": False, "enforce-eager": True, "override": {"a": [1]}}
    name = f"{provider}/tiny"
    trained = spec(name, flags=flags, adapter=str(adapter(tmp_path / "adapter", rank=20)))
    record = Record(tmp_path / "servers")
    replies = await together({"base": spec(name, flags=flags), "learned": trained}, record, 1)
    (start,) = fake_vllm.starts(fake)
    words = " ".join(start["argv"])
    assert f"{program} --model org/tiny --served-model-name tiny --host 127.0.0.1 --port " in words
    assert '--max-model-len 2048 --no-enable-prefix-caching --enforce-eager --override {"a": [1]}' in words
    assert "--tensor-parallel-size 2 --enable-lora --max-lora-rank 32" in words
    assert "SOME_API_KEY" not in start["keys"]
    base, learned = sorted(str(reply.served_model) for reply in replies)
    assert base == "tiny"
    assert learned.startswith("tiny-")
    (started,) = record.of("started")
    assert started["version"] == "0.0.fake"
    assert started["names"] == [base, learned]
    assert "life 1" in (tmp_path / "servers" / started["log"]).read_text()
    assert not is_alive(start["pid"])


async def test_a_server_that_ends_is_started_again_and_its_calls_are_made_again(fake: Path, tmp_path: Path) -> None:
    fake_vllm.install(fake, dies_at=30)
    record = Record(tmp_path / "servers")
    completions = await together({"default": spec()}, record, 12)
    assert {completion.text for completion in completions} == {"yes"}
    assert [fact["what"] for fact in record.facts] == ["started", "probe", "ended", "started"]
    (ended,) = record.of("ended")
    assert ended["code"] == 11
    assert OOPS in ended["said"]
    assert not any(is_alive(start["pid"]) for start in fake_vllm.starts(fake))


@pytest.mark.parametrize(
    ("behavior", "told"),
    [
        ({"refuses": "ValueError: no such model"}, r"exit code 3.*\n.*life \d.*\n *ValueError: no such model"),
        ({"silent": True}, r"did not start within 0\.5 s; .*AGENTLAB_VLLM_START_SECONDS"),
    ],
)
async def test_a_server_that_does_not_start_is_told_once_with_the_end_of_its_log(
    fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behavior: dict[str, Any], told: str
) -> None:
    fake_vllm.install(fake, **behavior)
    monkeypatch.setenv("AGENTLAB_VLLM_START_SECONDS", "0.5" if "silent" in behavior else "60")
    model: Any = get_model(spec())
    with pytest.raises(ModelError, match=rf"^fatal: the server of vllm/tiny (.|\n)*{told}"):
        await model.complete(ask())
    await model.aclose()
    record = Record(tmp_path / "servers")
    with pytest.raises(EngineError, match=told):
        await together({"default": spec()}, record)
    assert record.halted == 1
    assert not any(is_alive(start["pid"]) for start in fake_vllm.starts(fake))


@pytest.mark.parametrize("exact", [True, False])
async def test_the_probe_finds_out_whether_a_batch_changes_replies(fake: Path, tmp_path: Path, exact: bool) -> None:
    fake_vllm.install(fake, exact=exact)
    record = Record(tmp_path / "servers")
    for _ in range(2):
        await together({"default": spec()}, record, 1)
    (probe,) = record.of("probe")
    assert probe["exact"] == exact
    assert (probe["requests"], probe["texts"], probe["numbers"] == 4) == (4, 4, exact)


def python(fake: Path) -> dict[str, str]:
    """The environment of a command."""
    return {"AGENTLAB_VLLM_PYTHON": str(fake / "python")}


def written(folder: Path, draws: int = 6) -> Path:
    """A scenario of two arms on a server to be started."""
    models: Part = {"default": {"name": "vllm/tiny", "temperature": 1, "options": {"weights": "org/tiny"}}}
    tasks: Part = {"a": {"prompt": "Say yes.", "target": "yes"}, "b": {"prompt": "Say it.", "target": "yes"}}
    factors: Part = {"team": {"two": {}, "one": {"organization": {"cast": ["me"], **chain(["me"])}}}}
    parts: Part = {"models": models, "tasks": tasks, "organization": chain(["me"], ["you"]), "factors": factors}
    path = folder / "s.yaml"
    path.write_text(scenario("s", draws=draws, judges={"right": {"kind": "match", "by": "exact"}}, **parts))
    return path


def test_a_run_that_lost_its_server_goes_on_with_the_same_command(
    fake: Path, workdir: Path, commands: Commands
) -> None:
    fake_vllm.install(fake, dies_at=30, lives=2)
    written(workdir)
    first = commands.agentlab("run", "s.yaml", env=python(fake))
    assert first.code == 1, first.said
    assert "has ended twice. The end of its log, runs/s/servers/vllm-tiny.log:\n    INFO life 2" in first.err
    assert OOPS in first.err
    before = load("runs/s").calls
    assert before["error"].isna().all()
    second = commands.agentlab("run", "s.yaml", env=python(fake))
    assert second.code == 0, second.said
    assert "paired by task and draw; common random numbers: exact" in " ".join(second.out.split()).lower()
    run = load("runs/s")
    assert set(run.rollouts["status"]) == {"delivered"}
    assert len(run.calls) == 6 * 2 * 3
    assert not run.calls.duplicated(["rollout", "actor", "round", "k"]).any()
    assert set(before["request_id"]) <= set(run.calls["request_id"])
    assert [fact["what"] for fact in run.meta["served"]].count("started") == 3
    lives = len(fake_vllm.starts(fake))
    assert commands.agentlab("run", "s.yaml", env=python(fake)).code == 0
    assert len(fake_vllm.starts(fake)) == lives, "nothing was left to be asked"


def test_a_killed_command_leaves_no_server_behind(fake: Path, workdir: Path, commands: Commands) -> None:
    fake_vllm.install(fake, silent=True)
    written(workdir)
    command = commands.start("run", "s.yaml", env=python(fake))
    await_that(lambda: len(fake_vllm.starts(fake)) == 1)
    (start,) = fake_vllm.starts(fake)
    assert is_alive(start["pid"])
    assert command.kill().code == -signal.SIGKILL
    await_that(lambda: not is_alive(start["pid"]))


def test_ctrl_c_while_a_server_starts_ends_at_once(fake: Path, workdir: Path, commands: Commands) -> None:
    fake_vllm.install(fake, silent=True)
    written(workdir)
    command = commands.start("run", "s.yaml", env=python(fake))
    await_that(lambda: len(fake_vllm.starts(fake)) == 1)
    command.interrupt()
    assert command.end().code == 130
    assert not is_alive(fake_vllm.starts(fake)[0]["pid"])
