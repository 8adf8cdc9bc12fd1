"""Replies as real servers send them, through `agentlab.run`: what becomes of the rollout, the call and the verdict."""

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import agentlab
from agentlab.analysis.incoherence.length import length
from agentlab.analysis.summary import summarize
from agentlab.errors import AnalysisError, ScenarioError
from agentlab.runs.frames import Run
from bench import replies as large_replies
from tests.support import replies
from tests.support.loopback import Answer, Loopback, Script
from tests.support.replies import always, but, call, judged, refusal, reply
from tests.support.scenarios import chain, match, measured, rubric, scenario

pytestmark = pytest.mark.usefixtures("workdir")

TASKS = {"t": {"prompt": "What is 6 * 7?", "target": "42"}}
NUMBER = {"right": match("number")}
LOOK = """
from agentlab.tools import tool

@tool
async def look(scene) -> str:
    \"\"\"Looks.\"\"\"
    return "found"
"""


def written(
    url: str, *, default: Mapping[str, Any] | None = None, agent: Mapping[str, Any] | None = None, **more: Any
) -> Path:
    """A scenario of one agent and one number, with these models behind `url`."""
    model = {"base_url": url, "tries": 2, "timeout": 60}
    models = {"default": {"name": "openai/m", **model, **(default or {})}, "judge": {"name": "openai/judge", **model}}
    organization = chain(["solo"])
    organization["agents"]["solo"] |= agent or {}
    parts = {
        "tasks": TASKS,
        "organization": organization,
        "judges": NUMBER,
        "measures": {"x": measured("right")},
        **more,
    }
    Path("s.yaml").write_text(scenario("s", models=models, **parts), encoding="utf-8")
    return Path("s.yaml")


def play(path: Path | str, out: str = "run", concurrency: int = 16) -> Run:
    return asyncio.run(agentlab.run(path, out, concurrency=concurrency))


def ran(script: Script, **parts: Any) -> tuple[Run, list[dict[str, Any]]]:
    """The run, and the bodies that the server was sent."""
    with Loopback(script) as server:
        run = play(written(server.url, **parts), "run")
        return run, [json.loads(one.body) for one in server.seen]


LONGER = r"fatal: the reply of 127\.0\.0\.1 is longer than [28] MB .* raise max_reply_mb"
MOVED = "transient: HTTP 302: the server redirects to http://127.0.0.1:9/login; agentlab does not follow redirects"
TOO_LONG = "The decoder prompt (length 8206) is longer than the maximum model length of 8192."
PAGE = b"\n<!DOCTYPE html><html><head><title>Log\x1b[2J in &amp; pay</title></head><body>Flagged content</body></html>"
HTML = {"content-type": "text/html"}
ELSEWHERE = [
    ("bomb", Answer(raw=gzip.compress(bytes(30_000_000)), headers={"content-encoding": "gzip"}), LONGER, 1),
    ("long", reply("x" * 8_000_000), LONGER, 1),
    ("no gzip", Answer(raw=b"{}", headers={"content-encoding": "gzip"}), "transient: ", 2),
    ("portal", Answer(status=302, raw=b"", headers={"location": "http://127.0.0.1:9/login"}), MOVED, 2),
    ("moved", Answer(status=308, raw=b"", headers={"location": "/v2/chat"}), "fatal: HTTP 308: .* to /v2/chat; .*", 1),
    ("page", Answer(raw=PAGE, headers=HTML), r"transient: .* HTML page \(title 'Log␛\[2J in & pay'\), .* base_url", 2),
    ("page as JSON", Answer(raw=PAGE), r"transient: .* HTML page \(title 'Log␛\[2J in & pay'\), .* base_url", 2),
    ("page, refused", Answer(status=403, raw=PAGE, headers=HTML), "fatal: HTTP 403: .* HTML page .* check base_url", 1),
    ("page, busy", Answer(status=502, raw=PAGE, headers=HTML), "transient: HTTP 502: .* HTML page .*, not JSON$", 2),
    ("text", Answer(raw=b"Busy.", headers={"content-type": "text/plain"}), "transient: unreadable .* JSON: Busy.", 2),
    ("deep", Answer(raw=b"[" * 100_000), "transient: unreadable reply", 2),
    ("digits", Answer(raw=b'{"choices": ' + b"1" * 10_000 + b"}"), "transient: unreadable reply", 2),
    ("headers", Answer(headers={f"x-{i}": "y" * 100 for i in range(2000)}), "transient: connection failed", 2),
]
STATUSES = [
    ("abort", always(reply("The answ", "abort")), "infrastructure", "transient: .*'abort'", 2),
    ("error", always(reply("The answ", "error")), "infrastructure", "transient: .*'error'", 2),
    ("no stop reason", always(reply("The answ", None)), "infrastructure", "transient: .*None", 2),  # pyright: ignore
    (
        "unpaid",
        always(but(choices=None, error={"message": "Insufficient credits", "code": 402})),
        "infrastructure",
        "fatal: .*Insufficient credits",
        1,
    ),
    (
        "cut thought",
        always(reply("<think>6 * 7 = 42, but let me check whether", "length")),
        "incomplete",
        "truncated: ",
        1,
    ),
    (
        "filtered",
        always(refusal(400, "The response was filtered.", "content_filter")),
        "declined",
        "The response was filtered",
        1,
    ),
    (
        "flagged",
        always(refusal(400, "Invalid prompt: your prompt was flagged.", "invalid_prompt")),
        "declined",
        "flagged",
        1,
    ),
    (
        "filtered in a reply",
        always(but(choices=None, error={"message": "Blocked by the content filter", "code": 400})),
        "declined",
        "content filter",
        1,
    ),
    *[(name, always(answer), "infrastructure", error, asked) for name, answer, error, asked in ELSEWHERE],
    ("too long", always(refusal(400, TOO_LONG)), "limit", "too_long: ", 1),
    (
        "too long in a reply",
        always(but(choices=None, error={"message": "context_length_exceeded"})),
        "limit",
        "too_long: ",
        1,
    ),
]


@pytest.mark.parametrize(
    ("script", "status", "error", "asked"), [case[1:] for case in STATUSES], ids=[c[0] for c in STATUSES]
)
def test_a_reply_that_is_none_has_its_status(script: Script, status: str, error: str, asked: int) -> None:
    run, bodies = ran(script)
    assert list(run.rollouts["status"]) == [status]
    assert run.rollouts["error"].str.contains(error).all()
    assert run.rollouts["output"].isna().all()
    assert len(bodies) == asked
    assert not (run.scores["outcome"] == "scored").any()


def test_a_redirect_takes_the_key_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", "planted-Zq8kT1vNw3")
    with Loopback() as other:
        away = Answer(status=307, raw=b"", headers={"location": f"{other.url}/chat/completions"})
        run, _ = ran(always(away), default={"api_key_env": "PLANTED_KEY", "tries": 1})
        assert other.seen == []
    assert run.rollouts["error"].str.contains(f"redirects to {other.url}/chat/completions", regex=False).all()


def test_a_reply_that_never_ends_is_given_up() -> None:
    run, _ = ran(always(Answer(act="drip")), default={"tries": 1, "timeout": 0.3})
    assert run.rollouts["error"].str.contains("no answer within 0.3 s").all()


def test_a_bound_may_be_raised_and_is_no_part_of_the_model() -> None:
    with Loopback(always(reply("42" + " " * 2_000_000))) as server:
        assert list(play(written(server.url, default={"max_reply_mb": 2})).rollouts["status"]) == ["infrastructure"]
        again = play(written(server.url, default={"max_reply_mb": 3}))
    assert list(again.rollouts["status"]) == ["delivered"]


def test_many_bombs_at_once_take_little_memory() -> None:
    bomb = Answer(raw=gzip.compress(bytes(60_000_000), 1), headers={"content-encoding": "gzip"})
    with Loopback(always(bomb)) as server:
        path = written(server.url, draws=12, default={"max_reply_mb": 2})
        tracemalloc.start()
        try:
            run, peak = play(path), tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert run.rollouts["error"].str.contains("longer than 2 MB").sum() == 12
    assert peak < 60_000_000


ANSWERS = [
    (
        "parts",
        always(
            reply([{"type": "thinking", "thinking": [{"type": "text", "text": "6*7"}]}, {"type": "text", "text": "42"}])
        ),
        "6*7",
    ),
    ("inline", always(reply("<think>6*7</think>\n\n42")), "6*7"),
    ("opened by a template", always(reply("6*7\n</think>\n\n42")), "6*7"),
    ("in two fields", always(reply("<think>*7</think>42", reasoning="6")), "6\n\n*7"),
    ("beside", always(reply("42", reasoning_content="6*7")), "6*7"),
    ("newer length", replies.newer_length, None),
    ("stopped by TGI", always(reply("42", "eos_token")), None),
    ("stopped by Gemini", always(reply("42", "STOP")), None),
]


@pytest.mark.parametrize(("script", "thought"), [case[1:] for case in ANSWERS], ids=[case[0] for case in ANSWERS])
def test_an_answer_is_read_apart_from_the_thought(script: Script, thought: str | None) -> None:
    run, _ = ran(script, default={"max_tokens": 500})
    assert list(run.rollouts["output"]) == ["42"]
    assert list(run.measures["x"]) == [1.0]
    assert run.calls["reasoning"].iloc[0] == thought or thought is None


def test_a_thought_reaches_nobody() -> None:
    agents = {"lead": {"system": "LEAD"}, "analyst": {"system": "ANALYST"}}
    mail = {"kind": "mail", "start": ["lead"], "contacts": {"lead": ["analyst"], "analyst": ["lead"]}}
    organization = {"agents": agents, "protocol": mail, "rounds": 4, "closing": {"ask": "The number.", "agent": "lead"}}
    with Loopback(replies.gossip) as server:
        models = {"default": {"name": "openai/m", "base_url": server.url}}
        text = scenario("s", models=models, tasks=TASKS, organization=organization, judges=NUMBER)
        Path("s.yaml").write_text(text, encoding="utf-8")
        run = play("s.yaml", "run")
        assert not any("13" in json.dumps(json.loads(one.body)["messages"]) for one in server.seen)
    assert list(run.rollouts["output"]) == ["42"]
    assert not run.messages["content"].str.contains("13").any()
    assert not run.calls["text"].str.contains("13").any()
    assert run.calls["reasoning"].str.contains("13").sum() == 2


@pytest.mark.parametrize("name", ["sim/replies", "replay/first"])
def test_a_simulated_and_a_replayed_model_think_apart_too(name: str) -> None:
    options = {"replies": {"*": {"<think>The secret.</think>42": 1.0}}}
    parts: dict[str, Any] = {"tasks": TASKS, "judges": NUMBER, "seed": 1}
    first = scenario("s", models={"default": {"name": "sim/replies", "options": options}}, **parts)
    Path("s.yaml").write_text(first, encoding="utf-8")
    run = play("s.yaml", "runs/first")
    if name.startswith("replay"):
        Path("r.yaml").write_text(scenario("s", models={"default": {"name": name}}, **parts), encoding="utf-8")
        run = play("r.yaml", "runs/again")
    assert list(run.rollouts["output"]) == ["42"]
    assert list(run.calls["reasoning"]) == ["The secret."]


@pytest.mark.parametrize(
    ("text", "stop", "output"), [("6 * 7 = 42, but", "length", None), ("6*7</think>42", "stop", "42")]
)
def test_a_template_may_open_the_thought(text: str, stop: str, output: str | None) -> None:
    run, _ = ran(always(reply(text, stop)), default={"capabilities": {"opens_thought": True}})
    assert list(run.rollouts["output"].dropna()) == ([] if output is None else [output])
    assert run.calls["reasoning"].str.contains(r"6 ?\* ?7").all()


# Judges

QUALITY = {"judges": {"q": rubric("q", top=5)}, "measures": {"x": measured("q")}}
DRAFT = '<think>Perhaps <verdict criterion="q"><reason>r</reason><score>2</score></verdict>, no'
FENCED = '```json\n{"q": {"reason": "r", "score": 4}}\n```'
VERDICTS = [
    ("cut thought", judged(reply(DRAFT, "length")), "text", "truncated", None),
    (
        "thought",
        judged(reply(f'{DRAFT}</think><verdict criterion="q"><reason>r</reason><score>4</score></verdict>')),
        "text",
        "scored",
        4.0,
    ),
    ("fenced", judged(reply(FENCED)), "structured", "scored", 4.0),
    ("filtered", judged(refusal(400, "The response was filtered.", "content_filter")), "text", "refused", None),
    ("aborted", judged(reply(DRAFT, "abort")), "text", "error", None),
]


@pytest.mark.parametrize(
    ("script", "scoring", "outcome", "value"), [case[1:] for case in VERDICTS], ids=[c[0] for c in VERDICTS]
)
def test_a_judge_is_read_like_an_agent(script: Script, scoring: str, outcome: str, value: float | None) -> None:
    run, _ = ran(script, judges={"q": rubric("q", top=5, scoring=scoring)}, measures={"x": measured("q")})
    assert list(run.scores["outcome"]) == [outcome]
    assert list(run.scores["value"].dropna()) == ([] if value is None else [value])


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        {"content": None},
        [{"token": "4", "logprob": -0.1, "top_logprobs": None}],
        [{"token": "4", "logprob": None, "top_logprobs": []}],
    ],
)
def test_a_judge_without_log_probabilities_ends_the_run_before_its_rollouts(logprobs: Any) -> None:
    anchors = {"sums": {"task": "2 + 2?", "good": ["4", "four"], "bad": ["5"]}}
    made = json.loads(reply("4").raw or b"")
    made["choices"][0]["logprobs"] = {"content": logprobs} if isinstance(logprobs, list) else logprobs
    script = always(but(choices=made["choices"]))
    with Loopback(script) as server:
        path = written(
            server.url,
            judges={"q": rubric("q", top=5, scoring="logprobs", anchors=anchors)},
            measures={"x": measured("q")},
        )
        with pytest.raises(ScenarioError, match=r"judge 'q' scores by log-probabilities but receives none"):
            play(path, "run")
        assert {json.loads(one.body)["model"] for one in server.seen} == {"judge"}


# Dialects


def test_the_name_of_the_length_is_learned_once() -> None:
    _, bodies = ran(replies.newer_length, default={"max_tokens": 500, "concurrency": 1}, draws=4)
    assert ["max_tokens" in body for body in bodies] == [True, False, False, False, False]
    assert all("seed" in body for body in bodies)


def test_a_known_family_is_asked_by_its_own_name_of_the_length() -> None:
    _, bodies = ran(replies.newer_length, default={"name": "openai/gpt-5.2", "max_tokens": 500})
    assert [body.get("max_completion_tokens") for body in bodies] == [500]


@pytest.mark.parametrize(
    "script",
    [
        replies.then(call('{"q": "a"b"}'), replies.strict),
        replies.then(call("NaN"), replies.strict),
        replies.then(call('{"a": NaN}'), replies.strict),
    ],
)
def test_the_model_is_told_of_malformed_arguments_and_they_are_not_sent_again(script: Script) -> None:
    Path("replies_look.py").write_text(LOOK, encoding="utf-8")
    run, bodies = ran(script, agent={"tools": ["replies_look:look"]})
    assert list(run.rollouts["output"]) == ["42"]
    assert "must be a JSON object" in bodies[1]["messages"][-1]["content"]


def test_what_a_server_wants_back_in_a_tool_loop_goes_back() -> None:
    Path("replies_look.py").write_text(LOOK, encoding="utf-8")
    asked = {
        "id": "t",
        "type": "function",
        "function": {"name": "look", "arguments": "{}"},
        "extra_content": replies.SIGNED,
    }
    first = reply(None, "tool_calls", tool_calls=[asked], reasoning_content="look first")
    run, bodies = ran(replies.then(first, replies.thoughtful), agent={"tools": ["replies_look:look"]})
    assert list(run.rollouts["output"]) == ["42"]
    assert len(bodies) == 2
    assert run.calls["reasoning"].iloc[0] == "look first"


def test_a_model_without_a_system_role_says_what_to_write_and_then_works() -> None:
    run, _ = ran(replies.no_system)
    assert run.rollouts["error"].str.contains(r"capabilities: \{system: false\}").all()
    with Loopback(replies.no_system) as server:
        path = written(server.url, default={"capabilities": {"system": False}})
        run = play(path, "again")
        (body,) = (json.loads(one.body) for one in server.seen)
    assert body["messages"] == [{"role": "user", "content": "You answer.\n\nWhat is 6 * 7?"}]
    assert list(run.rollouts["output"]) == ["42"]


def test_a_body_goes_with_every_request_and_is_part_of_the_model() -> None:
    extra = {"min_p": 0.05, "chat_template_kwargs": {"enable_thinking": False}}
    first, bodies = ran(always(reply("42")), default={"body": extra})
    assert {name: bodies[0][name] for name in extra} == extra
    with Loopback(always(reply("42"))) as server:
        second = play(written(server.url, default={"body": {}}), "other")
    assert first.conditions["facts"].iloc[0]["identity"] != second.conditions["facts"].iloc[0]["identity"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"body": {"temperature": 1}}, r"body\.temperature: agentlab sends 'temperature' itself; write `temperature:`"),
        ({"body": {"stream": True}}, r"body\.stream: agentlab sends 'stream' itself"),
        ({"body": 3}, r"models\.default\.body"),
        ({"name": "sim/chatter", "body": {"min_p": 0.1}, "base_url": None}, r"sim/chatter does not send requests"),
    ],
)
def test_a_body_that_cannot_be_sent_is_a_mistake(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        play(written("http://127.0.0.1:9/v1", default=changes), "run")


def test_an_agent_keeps_the_log_probabilities_that_its_model_asks_for() -> None:
    token = {
        "token": "42",
        "logprob": -0.1,
        "bytes": None,
        "top_logprobs": [{"token": "41", "logprob": -2, "bytes": None}],
    }
    made = json.loads(reply("42").raw or b"")
    made["choices"][0]["logprobs"] = {"content": [token]}
    run, bodies = ran(always(but(choices=made["choices"])), default={"logprobs": 1})
    assert (bodies[0]["logprobs"], bodies[0]["top_logprobs"]) == (True, 1)
    assert '"41"' in run.calls["logprobs"].iloc[0]


# Tokens that are unknown

UNCOUNTED = always(but(usage=None))


def test_a_reply_without_token_counts_is_kept_and_its_tokens_are_unknown() -> None:
    price = {"input": 1, "output": 2}
    run, _ = ran(UNCOUNTED, default={"price": price})
    assert list(run.rollouts["output"]) == ["42"]
    unknown = run.rollouts[["input_tokens", "output_tokens", "reasoning_tokens", "cost"]]
    assert unknown.isna().all(axis=None)
    assert list(run.rollouts["uncounted"]) == [1]
    assert run.calls["input_tokens"].isna().all()
    summary = summarize(run)
    assert (summary.arms[0].tokens, summary.arms[0].cost) == (None, None)
    assert any("without token counts" in note for note in summary.notes)


@pytest.mark.parametrize("limit", [{"tokens": 10000}, {"cost": "1 USD"}])
def test_a_limit_that_cannot_be_held_is_an_error(limit: dict[str, Any]) -> None:
    two = chain(["one"], ["two"])
    price = {"input": 1, "output": 2}
    parts: dict[str, Any] = {"default": {"price": price}, "organization": two}
    run, bodies = ran(UNCOUNTED, limits={"rollout": limit}, **parts)
    assert list(run.rollouts["status"]) == ["infrastructure"]
    assert run.rollouts["error"].str.contains("sent no token counts").all()
    assert len(bodies) == 1
    with Loopback(UNCOUNTED) as server:
        path = written(server.url, limits={"run": limit}, draws=3, **parts)
        with pytest.raises(ScenarioError, match=r"limits\.run\.\w+ cannot be enforced: .* without token counts"):
            play(path, "other", concurrency=1)


def test_a_baseline_that_is_matched_on_unknown_tokens_is_an_error() -> None:
    factors = {
        "team": {
            "pair": {},
            "alone": {"baseline": {"of": "pair", "by": "refine", "agent": "one", "match": "output_tokens"}},
        }
    }
    with Loopback(UNCOUNTED) as server:
        path = written(server.url, organization=chain(["one"], ["two"]), factors=factors)
        with pytest.raises(ScenarioError, match=r"matched on output_tokens, and openai/m sent no token counts"):
            play(path, "run")


def test_lengths_that_are_unknown_are_not_compared() -> None:
    run, _ = ran(UNCOUNTED, draws=2)
    with pytest.raises(AnalysisError, match=r"output_tokens is unknown in 2 rollouts"):
        length(run, "output_tokens")


@pytest.mark.process
def test_the_bench_of_large_replies_gives_all_of_them_on_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes between its requests and its replies, so that no two requests would be open at once."""
    monkeypatch.setattr(large_replies, "SECONDS", 0.0)
    assert large_replies.work("short", 2)["given"] == 2
    monkeypatch.setattr(large_replies, "PATIENCE", 0.0)
    document = large_replies.document

    def of_one(url: str, rollouts: int) -> Mapping[str, Any]:
        return document(url, min(rollouts, 1))

    monkeypatch.setattr(large_replies, "document", of_one)
    with pytest.raises(SystemExit, match="short: 0 of 2 replies were given, at most 1 requests were open"):
        large_replies.work("short", 2)
