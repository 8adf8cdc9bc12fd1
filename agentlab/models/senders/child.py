"""A process that sends requests: each line of its input is one, and each line of its output what came of one.

It ends at once when its input does, which is when the run has ended, in whatever way. It makes no request twice and
paces none: limits and retries are the run's.
"""

import asyncio
import importlib
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from agentlab.errors import ModelError
from agentlab.garbage import seldom_collected
from agentlab.interfaces import Model
from agentlab.models.registry import PROVIDERS, split
from agentlab.models.senders.lines import Answer, Ask, Build, Drop, Failure, Lines, Outbox, decode_request, line
from agentlab.models.spec import ModelSpec
from agentlab.models.storable import storable
from agentlab.text import utf8_safe
from agentlab.types import Request


@dataclass(slots=True)
class Child(asyncio.Protocol):
    """Hears the run through its input, and answers through `output`."""

    output: Outbox
    lines: Lines = field(default_factory=Lines)
    models: dict[str, Model] = field(default_factory=dict[str, Model])
    open: dict[int, asyncio.Task[None]] = field(default_factory=dict[int, asyncio.Task[None]])

    def data_received(self, data: bytes) -> None:
        for text in self.lines.of(data):
            match decode_request(text):
                case Build(model, spec, started):
                    self.models[model] = build(ModelSpec.model_validate_json(spec), started)
                case Ask(number, model, request):
                    task = asyncio.ensure_future(self.answer(number, self.models[model], request))
                    self.open[number] = task
                    task.add_done_callback(lambda _, number=number: self.open.pop(number))
                case Drop(number):
                    if number in self.open:
                        self.open[number].cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        os._exit(0)

    async def answer(self, number: int, model: Model, request: Request) -> None:
        """Sends a request, and tells what came of it unless nobody waits for it."""
        began = time.perf_counter()
        try:
            completion = storable(await model.complete(request))
            answer = line(Answer(number, replace(completion, seconds=time.perf_counter() - began)))
        except ModelError as error:
            answer = line(Failure(number, error.kind, utf8_safe(error.message), error.retry_after))
        except Exception as error:  # a fault of ours or of an SDK, which is told as it is told within the run
            answer = line(Failure(number, "fatal", utf8_safe(f"{type(error).__name__}: {error}"), None))
        self.output.add(answer)


def build(spec: ModelSpec, started: str) -> Model:
    """The model, which the run has built before without a mistake."""
    module: Any = importlib.import_module(PROVIDERS[split(spec.name)[0]].module)
    return module.build(spec, started=started) if started else module.build(spec)


async def hear() -> None:
    """Sends what it is told to, until the input ends."""
    loop = asyncio.get_running_loop()
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no answer
    output, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, answers)
    await loop.connect_read_pipe(lambda: Child(Outbox(output)), sys.stdin)
    await loop.create_future()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run decides when it is stopped
    with seldom_collected():
        asyncio.run(hear())
