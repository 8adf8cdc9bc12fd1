"""A program that takes vLLM's command line and speaks its API, in a process of its own, and misbehaves when told to.

`install(folder, ...)` writes what AGENTLAB_VLLM_PYTHON is to name. What the program was started with is in
`starts.jsonl` of that folder, one line for each start; `asked.jsonl` has the bodies that it was asked.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BEHAVIOR = "behavior.json"


def install(folder: Path, **behavior: Any) -> Path:
    """`dies_at`: ends itself at this request of each life, counted from 1; `lives`: how many lives that happens in;
    `refuses`: prints this and ends instead of serving; `silent`: never serves; `exact`: whether a reply is the same
    beside others; `lora`: what it says to a request to load an adapter."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / BEHAVIOR).write_text(json.dumps(behavior))
    program = folder / "python"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -SE "{__file__}" "{folder}" "$@"\n')
    program.chmod(0o755)
    return program


def starts(folder: Path) -> list[Mapping[str, Any]]:
    """Each with its `pid` and its `argv`."""
    return _lines(folder / "starts.jsonl")


def asked(folder: Path) -> list[Mapping[str, Any]]:
    """The bodies of chat requests, those of probes left out."""
    return [one for one in _lines(folder / "asked.jsonl") if "Tell me about" not in one["messages"][-1]["content"]]


def _lines(path: Path) -> list[Mapping[str, Any]]:
    return [json.loads(text) for text in path.read_text().splitlines()] if path.exists() else []


class Server(ThreadingHTTPServer):
    """For as many connections at once as a batch has requests."""

    request_queue_size = 256


class Program:
    """One life."""

    def __init__(self, folder: Path, argv: list[str]) -> None:
        self.folder, self.behavior = folder, json.loads((folder / BEHAVIOR).read_text())
        parser = argparse.ArgumentParser()
        parser.add_argument("--port", type=int)
        parser.add_argument("--served-model-name")
        parser.add_argument("--lora-modules", nargs="*", default=())
        self.told, _ = parser.parse_known_args(argv)
        self.life = len(starts(folder)) + 1
        self.write("starts.jsonl", {"pid": os.getpid(), "argv": argv, "keys": sorted(os.environ)})
        self.lock, self.seen, self.flying = threading.Lock(), 0, 0
        self.names = [self.told.served_model_name, *(json.loads(one)["name"] for one in self.told.lora_modules)]

    def write(self, name: str, value: Any) -> None:
        with (self.folder / name).open("a") as file:
            file.write(json.dumps(value) + "\n")

    def run(self) -> None:
        print(f"INFO life {self.life} of the fake server", flush=True)
        if self.behavior.get("refuses"):
            print(self.behavior["refuses"], flush=True)
            sys.exit(3)
        while self.behavior.get("silent"):
            time.sleep(60)
        program = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.send({"/health": {}, "/version": {"version": "0.0.fake"}}.get(self.path, program.models()))

            def do_POST(self) -> None:
                self.send(*program.answer(self.path, json.loads(self.rfile.read(int(self.headers["content-length"])))))

            def send(self, body: Any, status: int = 200) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        Server(("127.0.0.1", self.told.port), Handler).serve_forever()

    def models(self) -> dict[str, Any]:
        return {"data": [{"id": name} for name in self.names]}

    def answer(self, path: str, body: dict[str, Any]) -> tuple[dict[str, Any], int]:
        if path == "/v1/load_lora_adapter":
            told = self.behavior.get("lora")
            self.names += [] if told else [body["lora_name"]]
            return ({"message": told}, 400) if told else ({}, 200)
        if body["model"] not in self.names:
            return {"message": f"The model `{body['model']}` does not exist."}, 404
        with self.lock:
            self.write("asked.jsonl", body)
            self.seen, self.flying = self.seen + 1, self.flying + 1
            if self.seen == self.behavior.get("dies_at") and self.life <= self.behavior.get("lives", 1):
                print("CUDA error: an illegal memory access was encountered", flush=True)
                os._exit(11)
        time.sleep(0.002)
        beside = 0 if self.behavior.get("exact", True) else self.flying
        with self.lock:
            self.flying -= 1
        token: Any = {"token": "yes", "logprob": -0.5 - beside / 1e6, "bytes": None, "top_logprobs": []}
        choice: dict[str, Any] = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "yes"},
        }
        choice["logprobs"] = {"content": [token]} if body.get("logprobs") else None
        usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
        id = f"chatcmpl-{self.life}-{self.seen}"
        found = {"id": id, "object": "chat.completion", "created": 0, "model": body["model"], "choices": [choice]}
        return {**found, "usage": usage}, 200


if __name__ == "__main__":
    Program(Path(sys.argv[1]), sys.argv[2:]).run()
