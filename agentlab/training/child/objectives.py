"""What a batch of rows costs: the loss of imitation (sft), and of preference (dpo)."""

# pyright: basic, reportMissingImports=false

from typing import Any

import torch
from examples import Example, Row


def token_logprobs(model: Any, examples: list[Example], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of the replies' tokens, in nats, padded on the left by 0.

    Returns two tensors of shape (examples, longest reply): log-probabilities, and a mask, 1 for tokens of replies.
    """
    longest = max(len(e.prompt) + len(e.reply) for e in examples)
    width = max(len(e.reply) for e in examples)
    ids = torch.tensor([[pad] * (longest - len(e.prompt) - len(e.reply)) + e.prompt + e.reply for e in examples])
    real = torch.tensor(
        [[0] * (longest - len(e.prompt) - len(e.reply)) + [1] * (len(e.prompt) + len(e.reply)) for e in examples]
    )
    mask = torch.tensor([[0.0] * (width - len(e.reply)) + [1.0] * len(e.reply) for e in examples])
    ids, real, mask = (tensor.to(model.device) for tensor in (ids, real, mask))
    out = model(input_ids=ids, attention_mask=real, logits_to_keep=width + 1, use_cache=False)
    logprobs = out.logits[:, :-1].float().log_softmax(-1)
    picked = logprobs.gather(-1, ids[:, -width:, None]).squeeze(-1)
    return picked * mask, mask


def sft(model: Any, rows: list[Row], pad: int, beta: float) -> torch.Tensor:
    """The mean negative log-probability of a reply's token, in nats, each row by its weight."""
    picked, mask = token_logprobs(model, [row.example for row in rows], pad)
    weight = torch.tensor([[row.weight] for row in rows], device=picked.device)
    return -(picked * weight).sum() / (mask * weight).sum()


def dpo(model: Any, rows: list[Row], pad: int, beta: float) -> torch.Tensor:
    """Direct preference optimization (Rafailov et al. 2023, equation 7): the mean of
    -log sigmoid(beta * (gain of the kept reply - gain of the rejected one)), each row by its weight.

    A reply's gain is its log-probability under the adapted model minus that under the base, which is the same model
    with its adapter off.
    """
    examples = [row.example for row in rows] + [row.rejected for row in rows if row.rejected is not None]
    with torch.no_grad(), model.disable_adapter():
        before = token_logprobs(model, examples, pad)[0].sum(-1)
    gain = token_logprobs(model, examples, pad)[0].sum(-1) - before
    kept, rejected = gain[: len(rows)], gain[len(rows) :]
    weight = torch.tensor([row.weight for row in rows], device=gain.device)
    loss = -torch.nn.functional.logsigmoid(beta * (kept - rejected))
    return (loss * weight).sum() / weight.sum()


OBJECTIVES = {"sft": sft, "dpo": dpo}
