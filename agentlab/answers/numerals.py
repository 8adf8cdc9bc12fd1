"""Numbers in text: every common way to write one, and what it is worth. Every scan is linear."""

import math
import re
import unicodedata
from dataclasses import dataclass

_DASHES = "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"
"""Hyphens, figure and en dash, minus signs. The em dash is punctuation."""
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_SIGNS = {
    **dict.fromkeys(map(ord, _DASHES), "-"),
    0x066C: ",",
    0x066B: ".",
    **dict.fromkeys((0x2019, 0x02BC, 0xFF07), "'"),
    **dict.fromkeys((0x00AD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x061C, 0x2060, 0x2061, 0x2062, 0xFEFF), ""),
}


class _Plain(dict[int, str]):
    """For `str.translate`: digits of every script as ASCII, blanks as blanks, dashes as `-`, wide letters as narrow."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if code in _SIGNS:
            plain = _SIGNS[code]
        elif (digit := unicodedata.decimal(char, None)) is not None:
            plain = str(digit)
        elif unicodedata.category(char) == "Zs":
            plain = " "
        elif char in _VULGAR:
            plain = f" {_VULGAR[char]}"
        else:
            wide = unicodedata.normalize("NFKC", char)
            plain = wide if len(wide) == 1 and unicodedata.decomposition(char)[:6] in ("<wide>", "<font>") else char
        self[code] = plain
        return plain


_VULGAR = {
    char: unicodedata.normalize("NFKC", char).replace("\u2044", "/")
    for char in map(chr, (0xBC, 0xBD, 0xBE, *range(0x2150, 0x215F)))
}
_PLAIN = _Plain()
_LONGEST = 60
_NUMBER = re.compile(
    r"""
    (?P<sign>
        (?<![\w)\]}%.])[-+] | (?<==)\ ?-\ (?=[0-9.]) | (?<!\w)[Nn]egative[ ] |
        (?:(?<=[:=(]\ )|(?<=is\ )|^[\s*_$]{0,4})[Mm]inus[ ]
    )?
    (?:\\?[$€£¥₹]\ ?)?
    (?:
        (?:(?P<whole>(?<![0-9])[0-9]{1,9})\ {0,2})?
        (?: \\[dt]?frac\ ?\{\ ?(?P<over>-?[0-9]{1,15}(?:\.[0-9]{1,15})?)\ ?\}\ ?\{\ ?(?P<under>[0-9]{1,15})\ ?\}
          | (?<![0-9/.,])(?P<n>[0-9]{1,15})/(?P<d>[0-9]{1,15})(?![0-9/]|[.,][0-9])
        )
      | (?P<digits>
          [1-9][0-9]{0,2}(?P<comma>,(?:\\!)?|\{,\})[0-9]{3}(?:(?P=comma)[0-9]{3}){0,6}(?![0-9])(?:\.[0-9]++)?
        | [1-9][0-9]{0,2}(?P<space>[ '_~]|\\[,;:!\ ])[0-9]{3}(?:(?P=space)[0-9]{3}){0,6}(?![0-9])(?:[.,][0-9]++)?
        | [1-9][0-9]?(?:,[0-9]{2}){1,6},[0-9]{3}(?![0-9])(?:\.[0-9]++)?
        | (?P<points>[1-9][0-9]{0,2}(?:\.[0-9]{3}){1,6}(?:(?<=[.][0-9]{3}[.][0-9]{3})(?![0-9,])|,[0-9]++))
        | (?<![0-9],)(?P<decimal>
            0,[0-9]++ | [0-9]++,(?:[0-9]{1,2}|(?!(?:19|20)[0-9]{2}(?![0-9]))[0-9]{4,15})
          )(?![0-9]|,[0-9])
        | [0-9]++(?:\.[0-9]++)?
        | \.[0-9]++
        )
        (?:
            [eE](?P<e>[-+]?[0-9]{1,3})(?![0-9])
          | (?:\ ?(?:×|x|\*|·|\\times|\\cdot)\ ?(?P<ten>10))?(?:\ ?\^\ ?\{?|\*\*)(?P<power>[-+]?[0-9]{1,3})\}?(?![0-9])
          | (?:\ ?(?:×|x|\*|·|\\times|\\cdot)\ ?(?P<tenth>10))?(?P<raised>[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})
        )?
    )
    (?![0-9])
    """,
    re.VERBOSE,
)
_GROUPING = re.compile(r"\{,\}|,\\!|\\[,;:! ]|[ '_~,]")


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text."""

    text: str
    """In plain notation, whatever its spelling: `9500`, `-3`, `0.75`."""
    start: int
    end: int

    @property
    def value(self) -> float:
        """What it is worth."""
        return float(self.text)


def plain(text: str) -> str:
    """`text` with digits, blanks, dashes and wide letters of every script as ASCII has them; invisible signs go."""
    text = text.replace("\r\n", "\n")
    return text if text.isascii() else text.translate(_PLAIN)


def numbers(text: str) -> list[Number]:
    """The numbers in a `plain` text, in order.

    Thousands stand apart by a comma, a blank, an apostrophe, `_` or LaTeX's `{,}` and `\\,`; fractions, powers and
    `3 × 10^8` are worked out. `9.500` has a decimal point, `9,500` thousands; `3,5` and `0,500` have a decimal comma,
    and `1.234.567` and `1.234,50` thousands with stops. A minus after a letter or digit is a hyphen. Percent signs and
    units change nothing.
    """
    numerals = list[Number]()
    for match in _NUMBER.finditer(text):
        if match.end() - match.start() <= _LONGEST and (written := _written(match)) is not None:
            numerals.append(Number(written, match.start(), match.end()))
    return numerals


def _written(match: re.Match[str]) -> str | None:
    """Plain notation; None for a fraction of nothing, and beyond floats."""
    negative = "-" if (match["sign"] or "").strip(" *_$\n")[:1] in ("-", "N", "n", "M", "m") else ""
    try:
        if (over := match["over"] or match["n"]) is not None:
            return _finite(negative, float(match["whole"] or 0) + float(over) / float(match["under"] or match["d"]))
        digits = _digits(match)
        if (exponent := match["e"]) is not None:
            return _finite(negative, float(f"{digits}e{exponent}"))
        power = match["power"] or (match["raised"] or "").translate(_SUPERSCRIPT)
        if not power:
            return f"{negative}{digits}" if math.isfinite(float(digits)) else None
        tens = match["ten"] or match["tenth"]
        return _finite(negative, float(f"{digits}e{int(power)}") if tens else float(digits) ** int(power))
    except (OverflowError, ZeroDivisionError):
        return None


def _digits(match: re.Match[str]) -> str:
    """Without what keeps thousands apart, and with a decimal point."""
    digits = match["digits"]
    if match["points"]:
        return digits.replace(".", "").replace(",", ".")
    if match["decimal"]:
        return digits.replace(",", ".")
    if match["space"]:
        body, comma, decimals = digits.rpartition(",")
        whole, digits = (body, f".{decimals}") if comma and match["space"] != "\\," else (digits, "")
        return _GROUPING.sub("", whole) + digits
    return _GROUPING.sub("", digits)


def _finite(negative: str, value: float) -> str | None:
    if not math.isfinite(value):
        return None
    return f"{negative}{int(value) if value.is_integer() and value < 1e15 else value!r}"
