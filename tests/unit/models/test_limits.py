"""Retries, adaptive concurrency and pacing, on an event loop whose clock jumps instead of waiting."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from asyncio_throttle import throttler

from agentlab.errors import FailureKind, ModelError, Stopped
from agentlab.models.limits import FIRST, AccountLimits
from agentlab.models.pace import Pace
from agentlab.models.retry import RetryingModel, wait
from agentlab.models.simulated.sim import Scripted
from agentlab.types import ChatMessage, Completion, Request, Settings, Usage, Where

T = TypeVar("T")


class Jumping(selectors.DefaultSelector):
    """Waits no real time: it tells the loop's clock to move on."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0.0
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jumping = Jumping()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a coroutine on a virtual loop, the throttler's clock included."""
    clock = SimpleNamespace(monotonic=lambda: asyncio.get_running_loop().time())
    monkeypatch.setattr(throttler, "time", clock)

    def execute(coroutine: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(coroutine)

    return execute


Run = Callable[[Coroutine[Any, Any, Any]], Any]


def ask(stream: int = 1, text: str = "x") -> Request:
    return Request((ChatMessage("user", text),), Settings(max_tokens=10), (), Where("r", "a", 1, 0, 1, stream))


@dataclass
class Server:
    """Takes `seconds` for a call and answers 429 to whatever exceeds `most` at once."""

    most: int
    seconds: float = 1.0
    retry_after: float | None = None
    flying: int = 0
    peak: int = 0
    sent: list[float] = field(default_factory=list[float])
    refused: list[float] = field(default_factory=list[float])

    async def __call__(self, request: Request) -> Completion:
        now = asyncio.get_running_loop().time()
        self.sent.append(now)
        if self.flying >= self.most:
            self.refused.append(now)
            raise ModelError("rate_limit", "slow down", self.retry_after)
        self.flying += 1
        self.peak = max(self.peak, self.flying)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.flying -= 1
        return Completion("ok", usage=Usage(90, 10))


def guarded(server: Server, **fields: Any) -> RetryingModel:
    return RetryingModel(Scripted(server), timeout=1e6, **fields)


async def crowd(model: RetryingModel, many: int) -> list[Completion]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(model.complete(ask(i))) for i in range(many)]
    return [task.result() for task in tasks]


# Retries


def flaky(*kinds: FailureKind, retry_after: float | None = None) -> tuple[Scripted, list[Request]]:
    seen: list[Request] = []

    def answer(request: Request) -> str:
        seen.append(request)
        if len(seen) <= len(kinds):
            raise ModelError(kinds[len(seen) - 1], "no", retry_after)
        return "yes"

    return Scripted(answer), seen


def test_passing_failures_are_tried_again_with_the_same_identity(run: Run) -> None:
    model, seen = flaky("rate_limit", "transient", "transient")
    assert run(RetryingModel(model).complete(ask())).text == "yes"
    assert len(seen) == 4
    assert len({request.where for request in seen}) == 1


@pytest.mark.parametrize("kind", ["too_long", "fatal"])
def test_lasting_failures_are_not(run: Run, kind: FailureKind) -> None:
    model, seen = flaky(kind)
    with pytest.raises(ModelError, match=kind):
        run(RetryingModel(model).complete(ask()))
    assert len(seen) == 1


def test_tries_end(run: Run) -> None:
    model, seen = flaky("transient", "transient", "transient", "transient")
    with pytest.raises(ModelError, match="transient"):
        run(RetryingModel(model, tries=3).complete(ask()))
    assert len(seen) == 3


def test_a_pause_beyond_patience_is_a_refusal(run: Run) -> None:
    model, seen = flaky("rate_limit", retry_after=3600)
    with pytest.raises(ModelError):
        run(RetryingModel(model).complete(ask()))
    assert len(seen) == 1


def test_waits_grow_with_jitter_from_the_stream() -> None:
    error = ModelError("transient", "x")
    waits = [wait(error, attempt, 7) for attempt in range(1, 12)]
    assert all(0.5 * min(60, 2**i) <= waits[i] <= min(60, 2**i) for i in range(11))
    assert waits == [wait(error, attempt, 7) for attempt in range(1, 12)]
    assert wait(error, 1, 7) != wait(error, 1, 8)
    assert 30 <= wait(ModelError("rate_limit", "x", 30.0), 1, 7) <= 31


def test_seconds_are_those_of_the_last_request(run: Run) -> None:
    model, _ = flaky("transient")
    seconds = run(RetryingModel(model).complete(ask())).seconds
    assert seconds is not None
    assert 0 <= seconds < 0.5


# Adaptive concurrency


def test_slow_start_doubles_up_to_what_is_asked_for(run: Run) -> None:
    limits, server = AccountLimits(), Server(most=10_000)
    run(crowd(guarded(server, limits=limits), 400))
    assert server.peak > 4 * FIRST
    assert limits.limit <= 400
    assert not server.refused


def test_never_above_what_is_used(run: Run) -> None:
    limits, server = AccountLimits(), Server(most=10_000)

    async def few() -> None:
        for _ in range(100):
            await crowd(guarded(server, limits=limits), 4)

    run(few())
    assert limits.limit == FIRST


def test_the_cap_holds(run: Run) -> None:
    server = Server(most=10_000)
    run(crowd(guarded(server, limits=AccountLimits(cap=5)), 60))
    assert server.peak == 5


def test_a_429_cuts_once_per_cooldown_and_every_call_ends_well(run: Run) -> None:
    limits, server = AccountLimits(), Server(most=40)
    done = run(crowd(guarded(server, limits=limits, tries=50), 600))
    assert len(done) == 600
    assert not limits.starting
    assert limits.limit <= 60
    assert len(server.refused) < 300


def test_retry_after_holds_the_whole_account_back(run: Run) -> None:
    server = Server(most=4, retry_after=30.0)
    limits = AccountLimits()
    run(crowd(guarded(server, limits=limits, tries=50), 40))
    first = server.refused[0]
    assert not [at for at in server.sent if first < at < first + 30]
    # A longer Retry-After than the cooldown: a second cut comes only after it.
    assert limits.limit >= 4


def test_server_errors_pause_growth_without_a_cut(run: Run) -> None:
    limits = AccountLimits()
    limits.good = 10
    limits.failed(ModelError("transient", "x"))
    assert (limits.limit, limits.good) == (FIRST, 0)


def test_a_retried_success_does_not_count(run: Run) -> None:
    limits = AccountLimits()
    model, _ = flaky("transient")
    run(RetryingModel(model, limits=limits).complete(ask()))
    assert limits.good == 0
    run(RetryingModel(model, limits=limits).complete(ask()))
    assert limits.good == 1


def test_cancelled_callers_give_their_places_back(run: Run) -> None:
    limits, server = AccountLimits(cap=3), Server(most=100)
    model = guarded(server, limits=limits)

    async def cancel() -> None:
        tasks = [asyncio.create_task(model.complete(ask(i))) for i in range(20)]
        await asyncio.sleep(0.5)
        for task in tasks[:15]:
            task.cancel()
        await asyncio.wait(tasks)
        assert [task.cancelled() for task in tasks] == [True] * 15 + [False] * 5

    run(cancel())
    assert limits.flying == 0
    assert not limits.waiting


def test_a_hanging_call_ends(run: Run) -> None:
    server = Server(most=10, seconds=1e9)
    with pytest.raises(ModelError, match="no answer within 5 s"):
        run(RetryingModel(Scripted(server), timeout=5, tries=2).complete(ask()))
    assert len(server.sent) == 2


# Requests and tokens per minute


@pytest.mark.parametrize(("rpm", "many"), [(60, 20), (900, 300), (6000, 1000)])
def test_requests_per_minute(run: Run, rpm: float, many: int) -> None:
    server = Server(most=10_000, seconds=0.01)
    limits = AccountLimits(Pace(rpm=rpm), limit=10_000)
    run(crowd(guarded(server, limits=limits), many))
    span = server.sent[-1] - server.sent[0]
    assert span >= (many - 1) * 60 / rpm * 0.95
    assert span <= many * 60 / rpm * 1.25
    # No burst: never more than a twentieth of a minute's allowance in a second, and at least the one request.
    most = max(sum(at <= other < at + 1 for other in server.sent) for at in server.sent)
    assert most <= max(2, rpm / 60 * 1.2 + 1)


def test_tokens_per_minute_follow_what_was_really_used(run: Run) -> None:
    server = Server(most=10_000, seconds=0.01)
    limits = AccountLimits(Pace(tpm=6000), limit=1)
    run(crowd(guarded(server, limits=limits), 30))
    # 100 tokens a call at 100 tokens a second, although 11 were estimated.
    assert server.sent[-1] == pytest.approx(29, rel=0.1)


def test_no_dispatcher_without_rates(run: Run) -> None:
    limits = AccountLimits()
    run(crowd(guarded(Server(most=100), limits=limits), 10))
    assert limits.pace.dispatcher is None


def test_a_cancelled_waiter_is_skipped(run: Run) -> None:
    pace = Pace(rpm=60)

    async def go() -> float:
        tasks = [asyncio.create_task(pace.turn(1)) for _ in range(5)]
        await asyncio.sleep(0.5)
        for task in tasks[1:4]:
            task.cancel()
        await asyncio.wait(tasks)
        return asyncio.get_running_loop().time()

    assert run(go()) < 1.5


async def test_waiting_calls_of_earlier_rollouts_go_first_and_a_stop_sends_none_of_them() -> None:
    limits, sent, release = AccountLimits(cap=1.0), list[int](), asyncio.Semaphore(0)

    async def call(request: Request) -> Completion:
        sent.append(request.where.rank)
        await release.acquire()
        return Completion("done")

    def ranked(rank: int) -> Request:
        return Request((), Settings(), (), Where("r", "a", 1, 0, 1, rank, rank))

    tasks = [asyncio.create_task(limits.through(ranked(rank), call)) for rank in (5, 9, 3, 7)]
    await asyncio.sleep(0)
    release.release()
    await tasks[0]
    await asyncio.sleep(0)
    assert sent == [5, 3]
    limits.stop()
    release.release()
    done = await asyncio.wait(tasks)
    assert sent == [5, 3]
    outcomes = [type(task.exception()).__name__ for task in tasks]
    assert outcomes == ["NoneType", "Stopped", "NoneType", "Stopped"]
    assert not done[1]
    with pytest.raises(Stopped):
        await limits.through(ranked(1), call)


async def test_a_stop_ends_the_wait_between_two_tries() -> None:
    limits = AccountLimits()
    waiting = asyncio.create_task(limits.pause(3600))
    await asyncio.sleep(0)
    limits.stop()
    with pytest.raises(Stopped):
        await waiting
