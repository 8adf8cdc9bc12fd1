"""A training by a command: what it leaves is served, its steps are reported once, and each failure is one sentence."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agentlab.errors import TrainingError
from agentlab.training.trainer import Trained, TrainingStep
from agentlab.training.trainers import command, process
from tests.support.trainers import await_that, is_alive, job, leaves, program


async def trained(folder: Path, text: str, steps: list[TrainingStep] | None = None) -> Trained:
    told = job(folder, run=program(folder, text))
    return await command.train(told, (steps if steps is not None else []).append)


STEPS = """
with (out / 'metrics.jsonl').open('a') as file:
    for step in (1, 2):
        print(json.dumps({'step': step, 'steps': 2, 'loss': 1 / step}), file=file, flush=True)
    print('no step', file=file)
"""


@pytest.mark.process
async def test_what_it_leaves_is_served_and_is_not_trained_again(tmp_path: Path) -> None:
    adapter = "(out / 'a.gguf').write_bytes(b'weights')\n"
    done = leaves({"serve": {"options": {"adapter": "a.gguf"}}, "loss": 0.5})
    steps = list[TrainingStep]()
    first = await trained(tmp_path, STEPS + adapter + "open(out / 'ran', 'a').write('x')\n" + done, steps)
    assert steps == [TrainingStep(1, 2, 1.0), TrainingStep(2, 2, 0.5)]
    assert first.serve == {"options": {"adapter": str(tmp_path / "a.gguf"), "adapter_sha256": first.digest}}
    assert first.metrics == {"loss": 0.5}
    again = await command.train(job(tmp_path, run="nothing"), steps.append)
    assert again == first
    assert (tmp_path / "ran").read_text() == "x"
    (tmp_path / "a.gguf").write_bytes(b"other weights")
    assert (await command.train(job(tmp_path, run="nothing"), steps.append)).digest != first.digest


FAILURES = {
    "raise MemoryError('17 GB')": r"exit code 1: MemoryError: 17 GB\.",
    "print('the loss is nan at step 3'); sys.exit(2)": r"exit code 2: the loss is nan at step 3\.",
    "os.kill(os.getpid(), signal.SIGKILL)": r"was killed, most often because memory ran out",
    "os.kill(os.getpid(), signal.SIGTERM)": r"ended by SIGTERM\.",
    "open('/dev/full', 'w', buffering=1).write('x\\n')": r"No space left on device",
    "pass": r"ended without done\.json",
    "(out / 'done.json').write_text('{')": r"done\.json cannot be read",
    "(out / 'done.json').write_text('[]')": r"done\.json is not a JSON object",
    "(out / 'done.json').write_text('{}')": r"does not say what to serve; write \{",
    leaves({"serve": {"options": {"adapter": "a"}}}): r"a: the trained weights cannot be read: No such file",
}


@pytest.mark.process
@pytest.mark.parametrize("text", FAILURES)
async def test_a_failure_is_one_sentence_with_the_place_of_the_log(tmp_path: Path, text: str) -> None:
    with pytest.raises(TrainingError, match=FAILURES[text]) as failed:
        await trained(tmp_path, text)
    said = str(failed.value)
    assert "\n" not in said
    assert str(tmp_path) in said
    assert (tmp_path / "train.log").is_file()


@pytest.mark.process
async def test_a_training_that_failed_in_the_end_is_trained_again(tmp_path: Path) -> None:
    text = leaves({"serve": {"name": "m"}}) + "sys.exit(3)"
    for _ in range(2):
        with pytest.raises(TrainingError, match=r"exit code 3"):
            await trained(tmp_path, text)


@pytest.mark.process
async def test_a_program_or_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"exit code 127: no-such-program cannot be started: No such file"):
        await command.train(job(tmp_path, run="no-such-program {rows}"), print)
    with pytest.raises(TrainingError, match=r"the training cannot be started in .*: No such file"):
        await process.run(["true"], tmp_path / "nowhere", print)


@pytest.mark.process
async def test_a_cancelled_training_ends_its_process_and_those_it_started(tmp_path: Path) -> None:
    text = "(out / 'pids').write_text(f'{os.getpid()} {os.fork() or os.getpid()}')\ntime.sleep(600)"
    task = asyncio.create_task(trained(tmp_path, text))
    pids = tmp_path / "pids"
    await asyncio.to_thread(await_that, lambda: pids.exists() and pids.read_text() != "")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await_that(lambda: not any(is_alive(int(pid)) for pid in pids.read_text().split()))


@pytest.mark.parametrize(
    ("run", "wrong"),
    [
        ("", "is empty"),
        ("train {row}", "unknown placeholder 'row'"),
        ("train 'half", "No closing quotation"),
        ("train {rows", "cannot be read"),
    ],
)
def test_a_command_that_cannot_be_filled_in_is_a_mistake(run: str, wrong: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(wrong)):
        command.CommandFields(kind="command", run=run)
    assert command.CommandFields(kind="command", run="train {rows} --json '{{}}'").run


@settings(max_examples=20)
@given(st.lists(st.integers(0, 40), max_size=6))
def test_each_step_is_reported_once_however_its_file_grows(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    whole = b"".join(json.dumps({"step": i, "steps": 9}).encode() + b"\n" for i in range(1, 10))
    path = tmp_path_factory.mktemp("metrics") / "metrics.jsonl"
    metrics, shown, seen = process.Metrics(path), 0, list[int]()
    for cut in (*cuts, len(whole)):
        shown = min(len(whole), shown + cut)
        path.write_bytes(whole[:shown])
        seen += [step.step for step in metrics.new()]
    assert seen == list(range(1, 10))
    path.write_bytes(whole[: len(whole) // 9])
    assert [step.step for step in metrics.new()] == [1], "a file that was begun anew is read anew"
