"""Key files: which character each output of a recognizer stands for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.text import first_few, shown
from pytest_quant.spec.whole_file import whole_file

Blank = Literal["first", "last"]
BLANK_CHARACTER = " "


@dataclass(frozen=True)
class Alphabet:
    """The characters of a net's outputs, in their order, and where the CTC blank is."""

    keys: tuple[str, ...]
    """Without the CTC blank; the blank character, if it was added, is the last."""
    blank: Blank
    source: str
    """Where the keys come from, for messages."""

    @property
    def outputs(self) -> int:
        """How many outputs a net must have for these keys."""
        return len(self.keys) + 1

    @property
    def blank_index(self) -> int:
        """The output that stands for no character."""
        return 0 if self.blank == "first" else len(self.keys)

    def text(self, indexes: list[int]) -> str:
        """The text of some outputs, none of which is the blank."""
        shift = 1 if self.blank == "first" else 0
        return "".join(self.keys[index - shift] for index in indexes)

    def unwritable(self, text: str) -> str:
        """The characters of a text that no output stands for, each once, in its order.

        >>> Alphabet(("a", "b"), "first", "keys.txt").unwritable("aébé")
        'é'
        """
        known = frozenset("".join(self.keys))
        return "".join(dict.fromkeys(char for char in text if char not in known))


def read_keys(path: Path, blank: Blank, add_blank_character: bool) -> Alphabet:
    """Read a key file: one key per line, in the order of the outputs, in UTF-8 with or without byte order mark.

    Nothing is stripped from a line but its end: a key may be a blank. Lines end at line feeds only, since a key may be
    another separator of Unicode; the last line needs no end.

    Raises:
        ConfigError: The file cannot be read, holds no keys or an empty line, or names a key twice.

    """
    try:
        content = whole_file(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{shown(path)} is not text in UTF-8 (byte {error.start}); expected one key per line"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{shown(path)} cannot be read: {error.strerror}; expected a file with one key per line"
        ) from None
    keys = [line.removesuffix("\r") for line in content.split("\n")]
    if keys and not keys[-1]:
        keys.pop()
    empty = [number for number, key in enumerate(keys, start=1) if not key]
    if empty or not keys:
        where = f", line {empty[0]}" if empty else ""
        raise ConfigError(
            f"{shown(path)}{where}: found no key; expected one per line (a blank is one, an empty line not)"
        )
    if add_blank_character:
        keys.append(BLANK_CHARACTER)
    double = [key for key, times in Counter(keys).items() if times > 1]
    if double:
        hint = ": add_blank_character adds a second one" if add_blank_character and BLANK_CHARACTER in double else ""
        raise ConfigError(f"{shown(path)}: {first_few(list(map(repr, double)))} stands in it more than once{hint}")
    return Alphabet(tuple(keys), blank, shown(path))
