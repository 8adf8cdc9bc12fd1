"""A server of tools as a process: python mcp_server.py HOW, where HOW is what is odd about it."""

import json
import os
import sys
import time

HOW = sys.argv[1] if len(sys.argv) > 1 else "fine"
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
count = 0


def tool(name: str, description: str) -> dict[str, object]:
    return {"name": name, "description": description, "inputSchema": TEXT}


def say(message: dict[str, object]) -> None:
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def answer(method: str, parameters: dict[str, object]) -> dict[str, object]:
    global count
    if method == "initialize":
        return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "notes"}}
    if method == "tools/list":
        if "cursor" not in parameters:
            return {"tools": [tool("shout", os.environ.get("SHOUT", "Says it loudly."))], "nextCursor": "2"}
        return {"tools": [tool("shout" if HOW == "twice" else "count", "Counts its calls.")]}
    count += 1
    told = str(parameters["arguments"]["text"])  # type: ignore[index]
    if told == "die":
        print("no more", file=sys.stderr, flush=True)
        raise SystemExit(3)
    if told == "sleep":
        time.sleep(30)
    if told == "nonsense":
        print("Here you are!", flush=True)
    if told == "flood":
        while True:
            say({"method": "notifications/message", "params": {}})
    if told == "huge":
        print("x" * 5_000_000, flush=True)
    if told == "fail":
        return {"content": [{"type": "text", "text": "It is too loud."}], "isError": True}
    if told == "picture":
        return {"content": [{"type": "image", "mimeType": "image/png", "data": "AA=="}]}
    said = told.upper() if parameters["name"] == "shout" else str(count)
    secret = os.environ.get("NOT_NAMED", "")
    return {"content": [{"type": "text", "text": said + secret}]}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message and "method" in message:
        say({"method": "ping", "id": 7})
        say({"id": message["id"], "result": answer(message["method"], message.get("params", {}))})
