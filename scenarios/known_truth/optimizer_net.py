"""The transformer that imitates an optimizer: its numbers as tokens and its steps in numpy.

Run as a file (`python optimizer_net.py FOLDER`), it trains one in torch, and needs nothing of agentlab.

A coordinate of a point is a sign and 4 digits, in thousandths; a coordinate of a step is a sign and 4 digits, in
ten-thousandths. The ten tokens of a point are given, and the ten of the step are written one by one. Only a sign can
stand where a sign belongs, and only a digit elsewhere.
"""

# pyright: basic, reportMissingImports=false

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

DIGITS, VOCABULARY = 4, 12
"""Digits of a number; tokens: 0 to 9, plus (10) and minus (11)."""
EACH = 1 + DIGITS
GIVEN = 2 * EACH
"""Tokens of a point, and of a step."""
POINT, STEP = 1e-3, 1e-4
"""Units of a coordinate."""
BATCH, RATE = 256, 3e-3


def tokens(values: np.ndarray, unit: float) -> np.ndarray:
    """Of values of shape (n, 2), in whole `unit`s: shape (n, GIVEN)."""
    whole = np.minimum(np.rint(np.abs(values) / unit).astype(np.int64), 10**DIGITS - 1)
    digits = whole[..., None] // 10 ** np.arange(DIGITS - 1, -1, -1) % 10
    signs = np.where(values < 0, 11, 10)[..., None]
    return np.concatenate([signs, digits], -1).reshape(len(values), GIVEN)


def values(written: np.ndarray, unit: float) -> np.ndarray:
    """The reverse of `tokens`: from shape (n, GIVEN) to (n, 2)."""
    parts = written.reshape(len(written), 2, EACH)
    whole = (parts[..., 1:] * 10 ** np.arange(DIGITS - 1, -1, -1)).sum(-1)
    return np.where(parts[..., 0] == 11, -1, 1) * whole * unit


def step(net: Any, point: np.ndarray, temperature: float, dice: np.random.Generator) -> np.ndarray:
    """The step from a point of shape (2,): the most probable token each time, or one drawn at the temperature."""
    written = tokens(point[None], POINT)[0].tolist()
    for place in range(GIVEN):
        logits = _logits(net, np.array(written))
        allowed = logits[10:] if place % EACH == 0 else logits[:10]
        offset = 10 if place % EACH == 0 else 0
        if temperature == 0:
            written.append(int(allowed.argmax()) + offset)
            continue
        shares = np.exp((allowed - allowed.max()) / temperature)
        edges = shares.cumsum() / shares.sum()
        written.append(min(int(np.searchsorted(edges, dice.uniform(), "right")), len(allowed) - 1) + offset)
    return values(np.array([written[GIVEN:]]), STEP)[0]


def _logits(net: Any, written: np.ndarray) -> np.ndarray:
    """Of the next token, after tokens of shape (n,): shape (VOCABULARY,)."""
    x = net["token"][written] + net["place"][: len(written)]
    hidden = np.triu(np.full((len(written), len(written)), -np.inf), 1)
    for layer in range(int(net["layers"])):
        y = _normed(x) @ net[f"qkv{layer}"]
        q, k, v = np.split(y, 3, -1)
        scores = q @ k.T / np.sqrt(x.shape[1]) + hidden
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        x = x + (shares / shares.sum(-1, keepdims=True)) @ v @ net[f"out{layer}"]
        x = x + np.maximum(_normed(x) @ net[f"up{layer}"] + net[f"bias{layer}"], 0) @ net[f"down{layer}"]
    return _normed(x[-1]) @ net["head"]


def _normed(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def digest(net: Any) -> str:
    """SHA-256 of the weights."""
    named = sorted(name for name in net if name != "layers")
    return hashlib.sha256(b"".join(np.ascontiguousarray(net[name]).tobytes() for name in named)).hexdigest()


def steps_of(rows: Path) -> tuple[np.ndarray, np.ndarray]:
    """Every point of the replies but the last, and the step from there: two arrays of shape (n, 2)."""
    replies = [json.loads(line)["messages"][-1]["content"] for line in rows.read_text().splitlines()]
    paths = [np.array([line.split() for line in reply.split("\n")], dtype=np.float64) for reply in replies]
    return np.concatenate([path[:-1] for path in paths]), np.concatenate([np.diff(path, axis=0) for path in paths])


def main(folder: Path) -> None:
    """Trains as `train.json` says; leaves `net.npz` and, last, `done.json`."""
    import torch

    settings = json.loads((folder / "train.json").read_text())
    torch.manual_seed(settings["seed"] % 2**31)
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    points, moves = steps_of(Path(settings["rows"]))
    data = torch.tensor(np.concatenate([tokens(points, POINT), tokens(moves, STEP)], 1))
    net = _initial(torch, settings["width"], settings["layers"])
    optimizer = torch.optim.AdamW(net.values(), lr=RATE, weight_decay=0.0)
    loss = torch.zeros(())
    for number in range(1, settings["steps"] + 1):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, number / 50) * (1 - (number - 1) / settings["steps"])
        batch = data[torch.randint(len(data), (BATCH,))]
        logits = _forward(torch, net, batch[:, :-1], settings["layers"])[:, GIVEN - 1 :]
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), batch[:, GIVEN:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if number % 50 == 0:
            with (folder / "metrics.jsonl").open("a") as file:
                file.write(json.dumps({"step": number, "steps": settings["steps"], "loss": loss.item()}) + "\n")
    arrays = {name: weight.detach().double().numpy() for name, weight in net.items()}
    np.savez(folder / "net.npz", layers=np.array(settings["layers"]), **arrays)
    size = sum(weight.size for weight in arrays.values())
    done = {"sha256": digest(arrays), "loss": loss.item(), "parameters": size, "rows": len(data)}
    (folder / "done.half").write_text(json.dumps(done))
    os.replace(folder / "done.half", folder / "done.json")


def _initial(torch: Any, width: int, layers: int) -> dict[str, Any]:
    shapes = {"token": (VOCABULARY, width), "place": (2 * GIVEN, width), "head": (width, VOCABULARY)}
    for layer in range(layers):
        shapes |= {f"qkv{layer}": (width, 3 * width), f"out{layer}": (width, width)}
        shapes |= {f"up{layer}": (width, 4 * width), f"down{layer}": (4 * width, width)}
    made = {
        name: torch.randn(shape) * (0.1 if name in ("token", "place") else shape[0] ** -0.5)
        for name, shape in shapes.items()
    }
    made |= {f"bias{layer}": torch.zeros(4 * width) for layer in range(layers)}
    return {name: weight.requires_grad_() for name, weight in made.items()}


def _forward(torch: Any, net: Any, written: Any, layers: int) -> Any:
    """The same as `_logits`, at every place of tokens of shape (batch, n)."""
    x = net["token"][written] + net["place"][: written.shape[1]]
    for layer in range(layers):
        q, k, v = (_same(torch, x) @ net[f"qkv{layer}"]).chunk(3, -1)
        x = x + torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True) @ net[f"out{layer}"]
        x = x + torch.relu(_same(torch, x) @ net[f"up{layer}"] + net[f"bias{layer}"]) @ net[f"down{layer}"]
    return _same(torch, x) @ net["head"]


def _same(torch: Any, x: Any) -> Any:
    return torch.nn.functional.layer_norm(x, x.shape[-1:])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
