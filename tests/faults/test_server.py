"""A model server that misbehaves: the run ends, the rows say what happened, and the same command repairs it."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentlab
from agentlab.models import retry
from agentlab.runs.frames import load
from agentlab.seeds import stream
from tests.support.command import Commands
from tests.support.loopback import Answer, Body, Loopback, completion, healthy
from tests.support.rig import assert_equal, tables, write

pytestmark = pytest.mark.usefixtures("workdir")

BODY: Body = {"model": "m", "messages": []}
GOOD = completion("4", "id", BODY)


def but(**changes: Any) -> bytes:
    """A reply with some fields changed."""
    return json.dumps(GOOD | changes).encode()


def said(**changes: Any) -> bytes:
    """A reply whose message has some fields changed."""
    choice = GOOD["choices"][0]
    return but(choices=[choice | {"message": choice["message"] | changes}])


UNREADABLE = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{}",
    b"<html><body>Bad gateway</body></html>",
    b'{"choices": [',
    b"\xff\xfe\x00",
    b"[" * 100_000,
    but(choices=[]),
    but(choices=None),
    but(choices="none"),
    but(choices=[{}]),
    but(choices=[{"message": None}]),
    said(content=[{"type": "image_url"}]),
    said(content=12),
    said(content=[1, 2]),
    said(tool_calls=[{"type": "function"}]),
    said(tool_calls="all"),
]
ODD = [
    but(usage={"prompt_tokens": True, "completion_tokens": [1]}),
    but(usage={"prompt_tokens": None, "completion_tokens": None}),
    but(usage={"prompt_tokens": 10**40, "completion_tokens": 4}),
    but(usage={"prompt_tokens": -3, "completion_tokens": 4}),
    but(usage={"prompt_tokens": 3.5, "completion_tokens": 4}),
    but(usage={"prompt_tokens": "3", "completion_tokens": "4"}),
    but(usage="many"),
    but(usage=None),
    said(content=["a", "b"]),
    but(model=None),
    but(model=5),
    but(model="\ud800"),
    but(id=None),
    but(id=["a"]),
    but(id="\udfff"),
    said(content="\ud83d"),
    said(content=None),
    said(content="\x00\x1b[2J"),
    said(reasoning_content="\ud800 thinking"),
    said(reasoning_content={"deep": 1}),
    but(more="\ud800"),
    said(refusal="\ud800 no"),
    said(tool_calls=[{"id": "\ud800", "type": "function", "function": {"name": "\ud800", "arguments": "\ud800"}}]),
]
"""Replies that hold an answer, though not as it should be."""
ONE = [
    ("draws: 2\njudges", "draws: {}\njudges"),
    ("    firm: {}\n", ""),
    ('  rent: {prompt: "Three rooms cost 5 each. What is the rent?", target: 15}\n', ""),
]
"""Only the agent that works alone, on one task."""


def numbered(raws: list[bytes]) -> Callable[[Body, int], Answer]:
    """One of `raws` for each body of an agent, in the order in which they come."""
    given: dict[str, bytes] = {}

    def script(body: Body, before: int) -> Answer:
        if body["model"] != "tiny":
            return healthy(body, before)
        key = json.dumps(body)
        given.setdefault(key, raws[len(given) % len(raws)])
        return Answer(raw=given[key])

    return script


def test_an_unreadable_reply_is_an_error_in_its_own_row_and_is_repaired(commands: Commands) -> None:
    with Loopback(numbered(UNREADABLE)) as server:
        scenario = write(server, *[(old, new.format(len(UNREADABLE))) for old, new in ONE])
        ended = commands.agentlab("run", scenario, "--out", "run")
        assert ended.code == 1, ended.err
        assert "Traceback" not in ended.said
        run = load("run")
        assert set(run.rollouts["status"]) == {"infrastructure"}
        assert run.calls["error"].dropna().str.match("(transient|fatal): .").all()
        assert len(run.rollouts) == len(UNREADABLE)
        assert run.rollouts["error"].str.len().between(10, 700).all()
        server.script = healthy
        assert commands.agentlab("run", scenario, "--out", "run").code == 0
        assert set(load("run").rollouts["status"]) == {"delivered"}


def test_a_reply_with_odd_fields_is_kept_and_harms_no_other(commands: Commands) -> None:
    with Loopback(numbered(ODD)) as server:
        scenario = write(server, *[(old, new.format(len(ODD))) for old, new in ONE])
        ended = commands.agentlab("run", scenario, "--out", "run")
        assert "Traceback" not in ended.said
        assert "cannot write" not in ended.err
        assert ended.code in (0, 1)
        run = load("run")
        assert len(run.rollouts) == len(ODD)
        assert set(run.rollouts["status"]) <= {"delivered", "incomplete", "declined", "infrastructure"}
        server.script = healthy
        assert commands.agentlab("run", scenario, "--out", "run").code == 0


FAULTS = [
    Answer(status=429, headers={"retry-after": "0"}, raw=b'{"error": {"message": "slow down"}}'),
    Answer(status=500, raw=b"oops"),
    Answer(status=503, raw=b'{"error": {"message": "overloaded"}}'),
    Answer(act="close"),
    Answer(raw=b"garbage"),
    Answer(raw=b'{"id": ', headers={"content-length": "999"}),
]
SAYS = ("HTTP 429", "HTTP 500", "HTTP 503", "no answer within", "timed out", "connection failed", "unreadable reply")


def third(body: Body, before: int) -> Answer:
    """Fails, always alike, for a third of the bodies."""
    fault = stream("fault", body)
    return FAULTS[fault // 3 % len(FAULTS)] if fault % 3 == 0 else healthy(body, before)


TWICE = ("tries: 1", "tries: 2")


def test_a_third_of_the_calls_fails_and_only_those_are_made_again(commands: Commands) -> None:
    with Loopback(third) as server:
        scenario = write(server, TWICE, ("draws: 2\njudges", "draws: 8\njudges"))
        ended = commands.agentlab("run", scenario, "--out", "run")
        assert ended.code == 1
        assert "the same command retries them" in ended.err
        assert "Traceback" not in ended.said
        run = load("run")
        errors = run.calls["error"].dropna()
        assert errors.str.contains("|".join(SAYS)).all()
        assert {says for says in SAYS if errors.str.contains(says).any()} >= {"HTTP 429", "HTTP 500", "HTTP 503"}
        failed = run.rollouts[run.rollouts["status"] == "infrastructure"]
        assert 0 < len(failed) < len(run.rollouts)
        assert failed["error"].str.contains("|".join(SAYS)).all()
        wrong = run.scores[run.scores["outcome"] == "error"]
        assert len(wrong)
        assert wrong["value"].isna().all()
        assert wrong["reason"].str.contains("|".join(SAYS)).all()
        assert not run.scores["rollout"].isin(failed["rollout"]).any()

        paid = {one.body for one in server.seen if one.healthy}
        before = len(server.seen)
        server.script = healthy
        again = commands.agentlab("run", scenario, "--out", "run")
        assert again.code == 0, again.said
        assert not [one for one in server.seen[before:] if one.body in paid]
        after = tables("run")
        assert "infrastructure" not in set(after["rollouts"]["status"])
        assert "error" not in set(after["scores"]["outcome"])
        good = after["calls"][after["calls"]["error"].isna()]
        assert not good.duplicated(["rollout", "round", "actor", "k"]).any()
        repaired = set(failed["rollout"])
        assert (after["rollouts"].set_index("rollout").loc[list(repaired), "attempt"] == 2).all()
        assert len(server.seen) == len(after["calls"]) + len(errors)  # two tries of each call that failed
        seen = len(server.seen)
        assert commands.agentlab("run", scenario, "--out", "run").code == 0
        assert len(server.seen) == seen


def test_a_call_that_is_never_answered_fails_its_rollout_and_is_made_again(commands: Commands) -> None:
    """Nothing is said of the other rollouts: on a busy machine a healthy reply may also take more than a second."""

    def silent(body: Body, before: int) -> Answer:
        alone = any("You do it all." in entry["content"] for entry in body["messages"])
        return Answer(act="hang") if alone else healthy(body, before)

    with Loopback(silent) as server:
        ended = commands.agentlab("run", write(server, ("timeout: 600", "timeout: 1")), "--out", "run")
        assert ended.code == 1, ended.said
        assert "Traceback" not in ended.said
        alone = load("run").rollouts.query("team == 'solo'")
        assert set(alone["status"]) == {"infrastructure"}
        assert alone["error"].str.contains("no answer within 1 s|timed out").all()
        server.script = healthy
        assert commands.agentlab("run", write(server), "--out", "run").code == 0
        assert set(load("run").rollouts["status"]) <= {"delivered", "incomplete"}


def test_what_a_second_try_mends_shows_in_the_number_of_tries_alone(commands: Commands) -> None:
    with Loopback(lambda body, before: healthy(body, before) if before else third(body, before)) as server:
        scenario = write(server, TWICE)
        assert commands.agentlab("run", scenario, "--out", "run").code == 0
        assert len(server.seen) > len(server.distinct)
        server.script = healthy
        assert commands.agentlab("run", scenario, "--out", "whole").code == 0
        tried, whole = tables("run"), tables("whole")
        assert tried["calls"].pop("tries").sum() > whole["calls"].pop("tries").sum() == len(whole["calls"])
        assert_equal(tried, whole)


def test_what_waits_is_told_while_it_waits(commands: Commands) -> None:
    """The server is busy until the command has said so."""
    busy = True

    def script(body: Body, before: int) -> Answer:
        if busy:
            told = json.dumps({"error": {"message": "Overloaded, come back later"}}).encode()
            return Answer(status=429, raw=told, headers={"retry-after": "1"})
        return healthy(body, before)

    with Loopback(script) as server:
        scenario = write(server, *[(old, new.format(1)) for old, new in ONE], ("tries: 1", "tries: 20"))
        running = commands.start("run", scenario, "--out", "run")
        for _ in range(1200):
            if running.err.exists() and "Overloaded" in running.err.read_text():
                break
            time.sleep(0.05)
        busy = False
        ended = running.end()
    assert ended.code == 0, ended.said
    assert re.search(
        r"\d calls? to openai/\w+ will be retried, the first in \d s, for about [^:]+: rate_limit: HTTP 429", ended.err
    )
    assert load("run").calls["tries"].max() > 1


def test_a_run_that_reached_no_model_ends_with_that_error_alone(commands: Commands) -> None:
    with Loopback() as server:
        scenario = write(server, ("tries: 1", "tries: 2"))
    ended = commands.agentlab("run", scenario, "--out", "run")
    assert ended.code == 1
    assert ended.out == ""
    assert (
        "No model could be reached, so nothing was judged:\nopenai/tiny: transient: connection failed to " in ended.err
    )
    assert f"{server.url.removesuffix('/v1')} (is it running, and is base_url right?): ConnectError" in ended.err
    assert load("run").calls["tries"].unique().tolist() == [2]


def test_a_server_that_never_answered_is_reported_once_while_it_is_retried(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)
    with Loopback() as server:
        scenario = write(server, ("tries: 1", "tries: 4"))
    asyncio.run(agentlab.run(scenario, "run"))
    (record,) = [record for record in caplog.records if "has not answered any call yet" in record.getMessage()]
    assert f"{server.url.removesuffix('/v1')} (is it running, and is base_url right?)" in record.getMessage()
    assert "each call is retried until it has failed 4 times" in record.getMessage()
    assert load("run").calls["tries"].unique().tolist() == [4]


def test_a_server_that_answered_before_it_failed_is_retried_without_a_report(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)
    answered = False

    def script(body: Body, before: int) -> Answer:
        nonlocal answered
        if answered:
            return Answer(status=503, raw=b"{}")
        answered = True
        return healthy(body, before)

    with Loopback(script) as server:
        asyncio.run(agentlab.run(write(server, ("tries: 1", "tries: 4")), "run", concurrency=1))
    assert load("run").calls["tries"].max() == 4
    assert "has not answered" not in caplog.text


def test_a_prompt_that_is_too_long_is_told_and_not_sent_again(commands: Commands) -> None:
    told = json.dumps({"error": {"message": "maximum context length is 10 tokens"}}).encode()

    def short(body: Body, before: int) -> Answer:
        long = body["model"] == "tiny" and len(body["messages"]) > 2
        return Answer(status=400, raw=told) if long else healthy(body, before)

    with Loopback(short) as server:
        scenario = write(server, ("draws: 2\njudges", "draws: 6\njudges"))
        assert commands.agentlab("run", scenario, "--out", "run").code == 0
        rollouts = load("run").rollouts
        stopped = rollouts[rollouts["status"] == "limit"]
        assert 0 < len(stopped) < len(rollouts)
        assert stopped["error"].str.contains("maximum context length").all()
        seen, before = len(server.seen), tables("run")
        assert commands.agentlab("run", scenario, "--out", "run").code == 0
        assert len(server.seen) == seen == len(server.distinct)
        assert_equal(tables("run"), before)


KEY = "planted-Zq8kT1vNw3"


def echoing(body: Body, before: int) -> Answer:
    """Replies of every sort that carry the request's key, which a careless proxy sends back."""
    echo = f"Authorization: Bearer {KEY} was refused; key={KEY}; {{'Authorization': 'Bearer {KEY}'}}"
    told = json.dumps({"error": {"message": echo, "type": KEY, "code": f"x-{KEY}"}}).encode()
    return [
        Answer(status=401, raw=told),
        Answer(status=500, raw=echo.encode()),
        Answer(status=400, raw=json.dumps({"detail": echo}).encode()),
        Answer(status=429, raw=json.dumps([echo]).encode()),
        Answer(status=200, raw=echo.encode()),
        Answer(status=200, raw=but(choices=echo)),
        Answer(status=200, raw=but(usage={"prompt_tokens": echo, "completion_tokens": KEY})),
        Answer(status=307, headers={"location": f"http://127.0.0.1:9/{KEY}"}),
        Answer(act="close"),
        healthy(body, before),
    ][stream("echo", body) % 10]


def test_a_key_is_in_no_file_and_in_no_output(commands: Commands) -> None:
    named = ("timeout: 600", "api_key_env: PLANTED, timeout: 600")
    with Loopback(echoing) as server:
        scenario = write(server, named, ("draws: 2\njudges", "draws: 8\njudges"))
        missing = commands.agentlab("run", scenario, "--out", "run")
        assert missing.code == 2
        assert "set the environment variable PLANTED" in missing.err
        heard = [commands.agentlab("run", scenario, "--out", "run", env={"PLANTED": KEY}).said for _ in range(2)]
        assert {one.headers["authorization"] for one in server.seen} == {f"Bearer {KEY}"}
        errors = load("run").calls["error"].dropna()
        assert {status for status in ("401", "500", "400", "429") if errors.str.contains(f"HTTP {status}").any()} == {
            "401",
            "500",
            "400",
            "429",
        }
        server.script = healthy
        done = commands.agentlab("run", scenario, "--out", "run", env={"PLANTED": KEY})
        assert done.code == 0
        heard += [done.said, missing.said, commands.agentlab("show", "run").said]
        assert not [text for text in heard if KEY in text]
        files = [path for path in Path().rglob("*") if path.is_file()]
        assert len(files) >= 2
        assert not [path for path in files if KEY.encode() in path.read_bytes()]
