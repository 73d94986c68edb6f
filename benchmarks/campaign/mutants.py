"""Small changes to files, as damage and hurried editing make them."""

from __future__ import annotations

from benchmarks.campaign.chance import Chance

NUMBERS = ("0", "-1", "1", "2", "3", "7", "255", "65536", "2147483647", "-233", "99999999999999999999", "9" * 5000)
NUMBERS_THAT_ARE_NONE = ("²", "٣", "1e999", "nan", "-inf", "0x7f", "1_000", "", "1.5", "½", "+", "e")
TEXTS = ("\x00", "\x1b[31m", "\ufeff", "\r\n", "\u2028", "\x85", '"', "=", ",", "[", "{", "&a", "*a", "!!x", "#", "\t")


def mutated_text(text: str, chance: Chance) -> str:
    """A text with one to three small changes."""
    for _ in range(1 + chance.randrange(3)):
        text = chance.choice(_TEXT_CHANGES)(text, chance)
    return text


def mutated_bytes(data: bytes, chance: Chance) -> bytes:
    """Bytes with one to three small changes."""
    for _ in range(1 + chance.randrange(3)):
        data = chance.choice(_BYTE_CHANGES)(data, chance)
    return data


def _other_word(text: str, chance: Chance) -> str:
    """A word replaced by a number, by what is none, or by another word of the text."""
    words = text.split(" ")
    at = chance.randrange(len(words))
    pool = chance.choice((NUMBERS, NUMBERS_THAT_ARE_NONE, TEXTS, tuple(words)))
    head, equals, _ = words[at].rpartition("=")
    words[at] = f"{head}{equals}{chance.choice(pool)}" if equals else chance.choice(pool)
    return " ".join(words)


def _other_number(text: str, chance: Chance) -> str:
    """A run of digits replaced."""
    places = [at for at, letter in enumerate(text) if letter.isdigit()]
    if not places:
        return text
    start = end = chance.choice(places)
    while start > 0 and text[start - 1].isdigit():
        start -= 1
    while end < len(text) and text[end].isdigit():
        end += 1
    return text[:start] + chance.choice(NUMBERS + NUMBERS_THAT_ARE_NONE) + text[end:]


def _lines_changed(text: str, chance: Chance) -> str:
    """A line lost, twice, cut, or in another's place."""
    lines = text.split("\n")
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(4):
        case 0:
            del lines[at]
        case 1:
            lines.insert(other, lines[at])
        case 2:
            lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
        case _:
            lines[at], lines[other] = lines[other], lines[at]
    return "\n".join(lines)


def _inserted(text: str, chance: Chance) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(TEXTS + NUMBERS_THAT_ARE_NONE) + text[at:]


def _cut(text: str, chance: Chance) -> str:
    return text[: chance.randrange(len(text) + 1)]


def _nested(text: str, chance: Chance) -> str:
    """Brackets without end."""
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice("[{(") * 100_000 + text[at:]


def _flipped(data: bytes, chance: Chance) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _overwritten(data: bytes, chance: Chance) -> bytes:
    at, length = chance.randrange(len(data) + 1), chance.choice((1, 4, 16, 64))
    filling = chance.choice((b"\0" * length, b"\xff" * length, chance.randbytes(length)))
    return data[:at] + filling + data[at + length :]


def _shortened(data: bytes, chance: Chance) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _lengthened(data: bytes, chance: Chance) -> bytes:
    return data + chance.randbytes(chance.choice((1, 4, 100)))


_TEXT_CHANGES = (_other_word, _other_number, _other_number, _lines_changed, _inserted, _cut, _nested)
_BYTE_CHANGES = (_flipped, _overwritten, _shortened, _lengthened)
