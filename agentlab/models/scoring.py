"""The completion of a request that asks for the probabilities of given texts instead of a reply."""

import math
from collections.abc import Sequence

from agentlab.errors import ModelError
from agentlab.types import Completion, Request, TokenLogprob, Usage

IMPOSSIBLE = -1e9
"""The log-probability of a text that cannot be drawn; JSON has no minus infinity."""


def scored(texts: Sequence[str], logprobs: Sequence[float], stream: int, usage: Usage | None = None) -> Completion:
    """A completion with one entry of `logprobs` for each text, and as its text one of them, drawn in proportion.

    Its text is empty if no text can be drawn. `stream` is the call's random stream, a whole number below 2**63.
    """
    top, answer = max(logprobs), ""
    if top > IMPOSSIBLE:
        shares = [math.exp(value - top) for value in logprobs]
        point, edge = (stream + 0.5) / 2**63 * math.fsum(shares), 0.0
        answer = texts[-1]
        for text, share in zip(texts, shares, strict=True):
            edge += share
            if point < edge:
                answer = text
                break
    entries = tuple(TokenLogprob(text, max(value, IMPOSSIBLE)) for text, value in zip(texts, logprobs, strict=True))
    return Completion(answer, logprobs=entries, usage=usage)


def checked(request: Request, completion: Completion) -> Completion:
    """The completion, which must have a score for each text that was asked for. Raises `ModelError`."""
    texts = request.settings.score
    if texts is None or completion.stop == "refusal":
        return completion
    if completion.logprobs is None or [entry.token for entry in completion.logprobs] != [*texts]:
        raise ModelError(
            "fatal",
            "no scores: the model returned no log-probability for each given text; use `likelihood: {sample: 8}`, "
            "which counts sampled replies",
        )
    return completion
