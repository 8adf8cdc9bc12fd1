"""The text of a file: UTF-8, of bounded size, without control characters."""

import re
from pathlib import Path

from agentlab.errors import Place

MAX_BYTES = 2_000_000
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
"""What YAML does not allow in a stream, and a byte order mark."""


class Unreadable(Exception):
    """A file that is no text, with the place where that shows."""

    def __init__(self, place: Place, wrong: str, right: str) -> None:
        self.place, self.wrong, self.right = place, wrong, right
        super().__init__(wrong)


def text_of(path: Path, shown: str) -> str:
    """The text, with line ends as newlines; raises `Unreadable`. Only JSONL may be large."""
    start = Place(shown, 1, 1)
    try:
        if path.stat().st_size > MAX_BYTES and path.suffix != ".jsonl":
            right = "keep it small: put many tasks in a JSONL file, one per line, and write `tasks: !file NAME.jsonl`"
            raise Unreadable(start, f"the file is over {MAX_BYTES // 1_000_000} MB", right)
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        wrong = f"the file cannot be read: {error.strerror}"
        raise Unreadable(start, wrong, "give the path of a readable file") from error
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8", "replace")
        raise Unreadable(position(shown, before), "this is not UTF-8", "save the file as UTF-8") from error
    if match := CONTROL.search(text):
        raise Unreadable(position(shown, text[: match.start()]), control(match[0]), "remove it")
    return text


def position(shown: str, before: str) -> Place:
    """The place that follows the text `before` in a file."""
    return Place(shown, before.count("\n") + 1, len(before) - before.rfind("\n"))


def control(character: str) -> str:
    """A control character in a message."""
    return f"control character U+{ord(character):04X}"
