"""Answers chat requests by vLLM's engine in waves: all that wait go to it together, as one batch of `LLM.chat`.

`python vllm_waves.py --model PLACE --served-model-name NAME --host HOST --port PORT [FLAGS]` runs in vLLM's environment
and speaks the part of its server's API that agentlab uses. FLAGS are those of `vllm serve` that concern the engine.
While a wave is computed, the next one gathers. A request that the engine refuses is refused alone.
"""

import asyncio
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

Body = Mapping[str, Any]
LINGER = 0.02
"""Seconds after the last request in which more of the same round may come."""
SCORING = "/v1/completions"
"""Where a given reply is scored."""
PASSED = "temperature top_p top_k max_tokens stop seed".split()
"""Fields of a request that are sampling parameters of the same name."""
APART = frozenset("model messages logprobs top_logprobs response_format chat_template_kwargs".split())
"""Fields that are read otherwise. All others are passed on as sampling parameters, such as `min_p`."""


class Refused(Exception):
    """A request that cannot be answered; its text says why."""


@dataclass(frozen=True)
class Waiting:
    """One request that waits for its wave."""

    path: str
    body: Body
    reply: "asyncio.Future[dict[str, Any] | Refused]"


def sampling(body: Body, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a chat request; what it does not set is as the model's generation config says, or no limit."""
    parameters = {"max_tokens": None, **defaults}
    parameters |= {name: value for name, value in body.items() if name not in APART and value is not None}
    if body.get("logprobs"):
        parameters["logprobs"] = int(body.get("top_logprobs") or 0)
    return parameters


def schema_of(body: Body) -> Any:
    """The JSON Schema that the reply must satisfy; None without one."""
    wanted: Any = body.get("response_format") or {}
    if not wanted:
        return None
    if wanted.get("type") != "json_schema":
        raise Refused(f"response_format of type {wanted.get('type')!r}; only json_schema is supported")
    return wanted["json_schema"]["schema"]


def chat_reply(body: Body, output: Any) -> dict[str, Any]:
    """The JSON of a chat completion, as vLLM's server writes it."""
    message = output.outputs[0]
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": message.text},
        "finish_reason": message.finish_reason,
        "logprobs": None,
    }
    if body.get("logprobs"):
        most = int(body.get("top_logprobs") or 0)
        pairs = zip(message.token_ids, message.logprobs, strict=True)
        choice["logprobs"] = {"content": [token_entry(id, candidates, most) for id, candidates in pairs]}
    prompt_tokens, completion_tokens = len(output.prompt_token_ids), len(message.token_ids)
    usage: dict[str, Any] = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
    usage["prompt_tokens_details"] = {"cached_tokens": output.num_cached_tokens or 0}
    return {
        "id": f"chatcmpl-{output.request_id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body["model"],
        "choices": [choice],
        "usage": usage,
    }


def token_entry(id: int, candidates: Mapping[int, Any], most: int) -> dict[str, Any]:
    """One token with the `most` likely ones in its place."""
    ranked = sorted(candidates.values(), key=lambda candidate: candidate.rank)[:most]
    top = [{"token": candidate.decoded_token, "logprob": candidate.logprob} for candidate in ranked]
    return {"token": candidates[id].decoded_token, "logprob": candidates[id].logprob, "top_logprobs": top}


def name_of(arguments: Any) -> list[str]:
    """What the weights are called."""
    served: Any = arguments.served_model_name or arguments.model
    return [str(name) for name in cast("list[object]", served if isinstance(served, list) else [served])]


class Engine:
    """vLLM's engine with its adapters."""

    def __init__(self, arguments: Any, adapters: Mapping[str, str]) -> None:
        vllm, params, lora = (
            importlib.import_module(f"vllm{part}") for part in ("", ".sampling_params", ".lora.request")
        )
        self.arguments, self.adapters = arguments, adapters
        self.llm: Any = vllm.LLM.from_engine_args(arguments)
        self.params: Any = params
        self.lora = {name: lora.LoRARequest(name, i, path) for i, (name, path) in enumerate(adapters.items(), 1)}
        self.defaults: Mapping[str, Any] = self.llm.model_config.get_diff_sampling_param()
        self.tokenizer: Any = self.llm.get_tokenizer()
        self.version = str(vllm.__version__)
        invalid: type[Exception] = importlib.import_module("vllm.exceptions").VLLMValidationError
        self.refusals = (Refused, ValueError, TypeError, KeyError, invalid)
        self.names = [*name_of(arguments), *adapters]

    def answer(self, wave: Sequence[Waiting]) -> list[dict[str, Any] | Refused]:
        """The replies, in the order of the requests."""
        replies: dict[int, dict[str, Any] | Refused] = {}
        groups: dict[tuple[str, str, int | None], list[int]] = {}
        for i, waiting in enumerate(wave):
            kwargs = json.dumps(waiting.body.get("chat_template_kwargs") or {}, sort_keys=True)
            # Where adapters are loaded, vLLM scores one reply at a time: it takes the adapter of a prompt's token from
            # a list with an entry for each request (vLLM issue 16668), and on a CPU the engine ends.
            alone = i if self.lora and waiting.path == SCORING else None
            groups.setdefault((waiting.path, kwargs, alone), []).append(i)
        for (path, *_), places in groups.items():
            bodies = [wave[i].body for i in places]
            replies |= dict(zip(places, self._halved(path, bodies), strict=True))
        return [replies[i] for i in range(len(wave))]

    def _halved(self, path: str, bodies: Sequence[Body]) -> Sequence[dict[str, Any] | Refused]:
        """The replies of one batch; where the engine refuses it, of its halves, down to the request that it refuses."""
        try:
            return self._batch(path, bodies)
        except self.refusals as error:
            if len(bodies) == 1:
                return [Refused(str(error))]
        half = len(bodies) // 2
        return [*self._halved(path, bodies[:half]), *self._halved(path, bodies[half:])]

    def _batch(self, path: str, bodies: Sequence[Body]) -> Sequence[dict[str, Any]]:
        for body in bodies:
            if body["model"] not in self.names:
                raise Refused(f"The model `{body['model']}` does not exist.")
        if path == "/tokenize":
            return [{"tokens": self._tokens(body)} for body in bodies]
        adapters = [self.lora.get(body["model"]) for body in bodies]
        lora = adapters if any(adapters) else None
        if path == SCORING:
            prompts = [{"prompt_token_ids": list(body["prompt"])} for body in bodies]
            params = [self._scoring(body) for body in bodies]
            outputs = self.llm.generate(prompts, params, lora_request=lora, use_tqdm=False)
            return [{"choices": [{"prompt_logprobs": prompt_logprobs(output)}]} for output in outputs]
        kwargs = bodies[0].get("chat_template_kwargs")
        chats = [list(body["messages"]) for body in bodies]
        params = [self._sampling(body) for body in bodies]
        outputs = self.llm.chat(chats, params, lora_request=lora, use_tqdm=False, chat_template_kwargs=kwargs)
        return [chat_reply(body, output) for body, output in zip(bodies, outputs, strict=True)]

    def _sampling(self, body: Body) -> Any:
        parameters, schema = sampling(body, self.defaults), schema_of(body)
        if schema is not None:
            parameters["structured_outputs"] = self.params.StructuredOutputsParams(json=schema)
        try:
            return self.params.SamplingParams(**parameters)
        except TypeError as error:
            raise Refused(f"a field that vLLM does not use for sampling: {error}") from None

    def _scoring(self, body: Body) -> Any:
        wanted = {name: body[name] for name in ("max_tokens", "temperature", "prompt_logprobs")}
        return self.params.SamplingParams(**wanted)

    def _tokens(self, body: Body) -> list[int]:
        if "prompt" in body:
            return self.tokenizer.encode(body["prompt"], add_special_tokens=bool(body.get("add_special_tokens", True)))
        opens = bool(body.get("add_generation_prompt", True))
        how = {"add_generation_prompt": opens, "tokenize": True, "return_dict": False}
        return list(self.tokenizer.apply_chat_template(list(body["messages"]), **how))


def prompt_logprobs(output: Any) -> list[Any]:
    """For each token of the prompt its log-probability by the token's number; None for the first."""
    positions = output.prompt_logprobs
    return [tokens and {str(id): {"logprob": token.logprob} for id, token in tokens.items()} for tokens in positions]


async def waves(queue: "asyncio.Queue[Waiting]", answer: Callable[[Sequence[Waiting]], Any]) -> None:
    """Answers what waits, again and again. An engine that fails ends the process: agentlab starts another."""
    loop, thread = asyncio.get_running_loop(), ThreadPoolExecutor(1)
    while True:
        wave = [await queue.get()]
        size = 0
        while size < len(wave):  # until no more come
            size = len(wave)
            await asyncio.sleep(LINGER)
            while not queue.empty():
                wave.append(queue.get_nowait())
        try:
            replies = await loop.run_in_executor(thread, answer, wave)
        except Exception:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        for waiting, reply in zip(wave, replies, strict=True):
            if not waiting.reply.done():  # whoever asked may have gone
                waiting.reply.set_result(reply)


def application(engine: Engine) -> Any:
    """The web application."""
    fastapi: Any = importlib.import_module("fastapi")
    responses: Any = importlib.import_module("fastapi.responses")
    app, queue = fastapi.FastAPI(), asyncio.Queue[Waiting]()
    tasks = set[asyncio.Task[None]]()

    async def post(request: Any) -> Any:
        if not tasks:
            tasks.add(asyncio.create_task(waves(queue, engine.answer)))
        body = cast("Body", json.loads(await request.body()))
        waiting = Waiting(request.url.path, body, asyncio.get_running_loop().create_future())
        await queue.put(waiting)
        reply = await waiting.reply
        if not isinstance(reply, Refused):
            return responses.JSONResponse(reply)
        code = 404 if "does not exist" in str(reply) else 400
        error = {"message": str(reply), "type": "BadRequestError", "code": code}
        return responses.JSONResponse({"error": error}, code)

    async def listed(request: Any) -> Any:
        return responses.JSONResponse({"data": [{"id": name} for name in engine.names]})

    async def version(request: Any) -> Any:
        return responses.JSONResponse({"version": engine.version})

    async def health(request: Any) -> Any:
        return responses.Response()

    for path in ("/v1/chat/completions", SCORING, "/tokenize"):
        app.add_route(path, post, methods=["POST"])
    for path, get in {"/v1/models": listed, "/version": version, "/health": health}.items():
        app.add_route(path, get, methods=["GET"])
    return app


def main(argv: list[str]) -> None:
    parsing: Any = importlib.import_module("vllm.utils.argparse_utils")
    arg_utils: Any = importlib.import_module("vllm.engine.arg_utils")
    parser = arg_utils.EngineArgs.add_cli_args(parsing.FlexibleArgumentParser())
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--lora-modules", nargs="*", default=())
    options = parser.parse_args(argv)
    adapters = {adapter["name"]: adapter["path"] for adapter in map(json.loads, options.lora_modules)}
    engine = Engine(arg_utils.EngineArgs.from_cli_args(options), adapters)
    uvicorn: Any = importlib.import_module("uvicorn")
    uvicorn.run(application(engine), host=options.host, port=options.port, log_level="warning")


if __name__ == "__main__":
    sys.path.pop(0)  # this folder, of no module that vLLM imports
    main(sys.argv[1:])
