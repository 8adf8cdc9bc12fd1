"""A training that is interrupted at any step, again and again, ends with the weights of one that was not.

On a model of 49 weights, in the environment that `make setup-train` makes.
"""

import subprocess
from pathlib import Path

import pytest

from agentlab.training.trainers import environment, process, weights

LACKING = weights.lacking({})
pytestmark = [pytest.mark.slow, pytest.mark.process, pytest.mark.skipif(LACKING != "", reason=LACKING)]
PROGRAM = """
import sys
from pathlib import Path
import torch
import loop

ROWS = [(torch.randn(4, generator=torch.Generator().manual_seed(i)), float(i % 3)) for i in range(7)]


def run(folder, last=9):
    folder.mkdir(exist_ok=True)
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    steps = 0

    def loss_of(batch):
        nonlocal steps
        steps += 1
        if steps > last:
            raise KeyboardInterrupt
        return sum((model(x) - y).pow(2).sum() for x, y in batch)

    try:
        losses = loop.train(model, ROWS, loss_of, loop.Plan(9, 3, 0.01, 5, 0.0), folder)
    except KeyboardInterrupt:
        return None
    return losses, [weight.tolist() for weight in model.parameters()], (folder / "metrics.jsonl").read_text()


out = Path(sys.argv[1])
whole = run(out / "whole")
assert [run(out / "cut", last) for last in (2, 1, 3)] == [None] * 3
assert run(out / "cut") == whole
"""


def test_an_interrupted_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    command = [environment.python(None), "-c", PROGRAM, str(tmp_path)]
    ended = subprocess.run(command, cwd=process.CHILD, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["goes on after step 1", "goes on after step 2", "goes on after step 3"]
