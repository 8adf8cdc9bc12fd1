"""Opens the models that a run names, and closes their connections and servers with it.

Each distinct model is built once; models under one account (provider, address, key variable) share its limits.
"""

import importlib
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from agentlab.errors import ScenarioError
from agentlab.interfaces import Model, close
from agentlab.models.engines.engine import Engine
from agentlab.models.engines.hosted import Engines, HostedModel
from agentlab.models.engines.plan import OFFLINE, is_started
from agentlab.models.limits import AccountLimits
from agentlab.models.local_servers import servers_of
from agentlab.models.pace import Pace
from agentlab.models.probe import Keeper, ProbedModel
from agentlab.models.providers.replay import FindCompletion, Replay
from agentlab.models.readiness import require_keys
from agentlab.models.registry import (
    PROVIDERS,
    body_mistakes,
    check_name,
    own_object,
    processes_mistake,
    refused,
    split,
)
from agentlab.models.retry import RetryingModel
from agentlab.models.senders.pool import Senders, SentModel
from agentlab.models.spec import SAMPLING, ModelSpec
from agentlab.models.waits import Waits
from agentlab.models.weights import find
from agentlab.seeds import digest
from agentlab.types import Completion, Where

Account = tuple[str, str | None, str | None]
WAVE = 2000.0
"""Calls that go to an engine at once unless `concurrency` says otherwise: all that there are, as a rule."""
_SAME = {*SAMPLING, "price", "tries", "timeout", "requests_per_minute", "tokens_per_minute", "concurrency", "processes"}
"""Fields of a spec in which two entries may differ and still be one model."""


@dataclass(slots=True)
class StopSwitch:
    """Stops every account of a run at once."""

    limits: list[AccountLimits | Engines] = field(default_factory=list[AccountLimits | Engines])

    def pull(self) -> None:
        """Nothing more is sent; what was sent is waited for."""
        for limit in self.limits:
            limit.stop()


class ServingRecord(Keeper, Protocol):
    """What a run keeps of how its models were served."""

    folder: Path
    """Where engines that agentlab starts write their logs."""

    def halt(self) -> None:
        """Ends the run softly, because an engine was given up."""
        ...


def get_model(spec_or_name: ModelSpec | str) -> Model:
    """One model under limits of its own. Raises ScenarioError for an unknown name or a missing key.

    Who gets a model this way may close it: `await model.aclose()`, where it has that.
    """
    spec = ModelSpec.model_validate({"name": spec_or_name}) if isinstance(spec_or_name, str) else spec_or_name
    engine = Engines().engine_of(spec) if is_started(spec) else None
    built = _sent(_build(spec, {}, engine), spec, engine, _senders([spec]))
    return _hosted(built, engine, True, lambda model: _guard(model, spec, _limits([spec]), Waits()))


@asynccontextmanager
async def serve(
    specs: Mapping[str, ModelSpec],
    recalls: Mapping[str, FindCompletion] | None = None,
    stop_switch: StopSwitch | None = None,
    waits: Waits | None = None,
    record: ServingRecord | None = None,
) -> AsyncGenerator[Mapping[str, Model]]:
    """The models by their alias, until the block ends in whatever way.

    `recalls` finds the recorded calls of each `replay/RUN` model, by that name. Raises ScenarioError before anything is
    sent. Once `stop_switch` is pulled, calls that were not sent yet end with `Stopped`. `waits` holds those
    that wait for their turn, or to be tried again. `record` is told how the models were served; when an engine that
    agentlab starts is given up, it halts the run, and EngineError is raised at the end of the block.
    """
    require_keys(specs.values())
    waits = waits or Waits()
    engines = Engines() if record is None else Engines(record.folder, record.keep, lambda _: record.halt())
    waits.engines.append(engines.starting)
    if stop_switch is not None:
        stop_switch.limits.append(engines)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engines.aclose)
        built: dict[str, Model] = {}
        limits: dict[Account, AccountLimits] = {}
        senders: dict[Account, Senders | None] = {}
        models: dict[str, Model] = {}
        for alias, spec in specs.items():
            key = spec.model_dump_json(exclude=_SAME)
            engine = engines.engine_of(spec) if is_started(spec) else None
            account = account_of(spec)
            if account not in limits:
                sharing = [other for other in specs.values() if account_of(other) == account]
                limits[account], senders[account] = _limits(sharing), _senders(sharing)
                waits.accounts.append((account[0], limits[account]))
                if stop_switch is not None:
                    stop_switch.limits.append(limits[account])
            if key not in built:
                built[key] = _sent(_build(spec, recalls or {}, engine), spec, engine, senders[account])
                stack.push_async_callback(close, built[key])

            def asked(model: Model, spec: ModelSpec = spec, key: str = key, account: Account = account) -> Model:
                guarded = _guard(model, spec, limits[account], waits)
                if record is None or not _is_probed(spec, guarded):
                    return guarded
                probed = ProbedModel(guarded, model, digest(key), record)
                waits.engines.append(probed.notice)
                return probed

            models[alias] = _hosted(built[key], engine, record is None, asked)
        yield models
    if engines.failure is not None:
        raise engines.failure


def _hosted(model: Model, engine: Engine | None, outside: bool, asked: Callable[[Model], Model]) -> Model:
    """The model as it is `asked`, which waits for its engine: at first for as long as a start takes, and before each
    try within the time of one request."""
    return asked(model) if engine is None else HostedModel(asked(HostedModel(model, engine, outside)), engine, outside)


def account_of(spec: ModelSpec) -> Account:
    """What shares limits: the provider, the address and the key. Models of this machine share nothing with others."""
    provider, rest = split(spec.name)
    here = provider in ("local", "own") or is_started(spec)
    return (f"{provider}/{rest}" if here else provider, spec.base_url, spec.api_key_env)


def _is_probed(spec: ModelSpec, model: Model) -> bool:
    """Whether it is one's own machine that computes, and a seed that decides, so that asking is free and tells."""
    provider = PROVIDERS.get(split(spec.name)[0])
    return provider is not None and provider.probed and model.capabilities.seed


def _build(spec: ModelSpec, recalls: Mapping[str, FindCompletion], engine: Engine | None = None) -> Model:
    if wrong := check_name(spec.name):
        raise ScenarioError(wrong)
    if mistakes := body_mistakes(spec):
        _, wrong, right = mistakes[0]
        raise ScenarioError(f"body of {spec.name}: {wrong}; {right}")
    if wrong := processes_mistake(spec):
        raise ScenarioError(wrong)
    provider, _ = split(spec.name)
    if provider == "own":
        return _own_model(spec)
    if provider == "replay":
        return Replay(spec.name, recalls.get(spec.name, _nothing))
    module: Any = importlib.import_module(PROVIDERS[provider].module)
    return module.build(spec) if engine is None else module.build(spec, started=engine.url)


def _own_model(spec: ModelSpec) -> Model:
    model = own_object(spec.name)(**spec.options)
    if not isinstance(model, Model):
        raise ScenarioError(f"model {spec.name!r} must have a name, capabilities and `async complete(request)`")
    if wrong := refused(spec.name, spec.settings(), model.capabilities):
        raise ScenarioError(wrong[0][1])
    return model


def _nothing(where: Where) -> Completion | None:
    return None


def _senders(sharing: Iterable[ModelSpec]) -> Senders | None:
    """As many processes as the most that an entry of the account asks for."""
    number = max((spec.processes or 0 for spec in sharing), default=0)
    return Senders(number) if number else None


def _sent(model: Model, spec: ModelSpec, engine: Engine | None, senders: Senders | None) -> Model:
    """The model as its requests leave: from the account's processes, where it has any."""
    if senders is None:
        return model
    spec_text = spec.model_dump_json()
    return SentModel(model, senders, digest(spec_text), spec_text, "" if engine is None else engine.url)


def _limits(specs: Iterable[ModelSpec]) -> AccountLimits:
    """The tightest of what the account's entries ask for."""
    listed = list(specs)
    rpm = [spec.requests_per_minute for spec in listed if spec.requests_per_minute is not None]
    tpm = [spec.tokens_per_minute for spec in listed if spec.tokens_per_minute is not None]
    cap = [float(spec.concurrency) for spec in listed if spec.concurrency is not None]
    local = [(spec, file) for spec in listed if (file := _local_file(spec)) is not None]
    if local:  # more would only queue in the servers, where a queue counts towards a call's time
        cap.append(float(max(servers_of(spec.name, spec.options, file).at_once for spec, file in local)))
    pace = Pace(min(rpm, default=None), min(tpm, default=None))
    limits = AccountLimits(pace, min(cap, default=float("inf")))
    if any(split(spec.name)[0] == OFFLINE for spec in listed):
        limits.limit = min(limits.cap, WAVE)
    return limits


def _local_file(spec: ModelSpec) -> Path | None:
    """The file of a model that this machine runs."""
    provider, name = split(spec.name)
    return find(name) if provider == "local" else None


def _guard(model: Model, spec: ModelSpec, limits: AccountLimits, waits: Waits) -> Model:
    provider, _ = split(spec.name)
    if provider in PROVIDERS and PROVIDERS[provider].direct:
        return model
    return RetryingModel(model, limits, spec.tries, spec.timeout, waits=waits)
