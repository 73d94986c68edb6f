"""What can go wrong, as the user is told.

Every message names what was found, where (file, model, key), what is expected and what to do.
A `QuantError` is the user's to mend; anything else is a bug in the plugin or in the user's own code.
"""

from __future__ import annotations

_LONGEST_LINE = 4000
"""Of a message, in characters: files may hold a name of megabytes, and messages quote what they find."""


class QuantError(Exception):
    """Base of everything that the plugin raises on purpose; its text is complete as it stands."""

    def __str__(self) -> str:
        """The text; of a line that is too long to read its beginning and its end."""
        text = super().__str__()
        return text if len(text) <= _LONGEST_LINE else "\n".join(map(_readable, text.split("\n")))


def _readable(line: str) -> str:
    if len(line) <= _LONGEST_LINE:
        return line
    half = _LONGEST_LINE // 2 - 30  # so that a message that quotes this one leaves it as it is
    return f"{line[:half]} [{len(line) - 2 * half} characters left out] {line[-half:]}"


class ZooError(QuantError):
    """A zoo file that cannot be read as a whole."""


class ConfigError(QuantError):
    """A model entry, a marker or an option value that cannot be used."""


class MissingFileError(ConfigError):
    """A file that a model entry names and that is not there."""


class ModelFileError(QuantError):
    """A ``.param``, ``.bin`` or table file that is missing, damaged or of another model."""


class DatasetMissingError(QuantError):
    """The dataset is not on this machine: cases are skipped, or fail under ``--quant-strict``."""


class DatasetError(QuantError):
    """The dataset is there, but a sample of it is missing, unreadable, duplicate or unlabelled."""


class RunnerError(QuantError):
    """A network was given, or gave, something that is not usable."""


class OverdueError(RunnerError):
    """A sample took longer than the limit of the run."""


class StorageError(QuantError):
    """What a run writes for itself (locks, built files) cannot be written or read."""


class BaselineMissingError(QuantError):
    """There is no baseline to compare with: cases are skipped, or fail under ``--quant-strict``."""


class PartError(QuantError):
    """A part of an evaluation decides nothing: the case is skipped."""


class InternalError(QuantError):
    """Something that the project should have said in words; its text holds the traceback."""


class QuantWarning(UserWarning):
    """Something that is legitimate and probably not meant."""


def in_words(error: OSError | QuantError) -> str:
    """One of the system's, or of ours, as the user is told."""
    return told(error) if isinstance(error, OSError) else str(error)


def told(error: OSError, path: object = None) -> str:
    """An error of the operating system in words: the path, where it or the caller knows one, and the reason.

    >>> told(OSError(28, "No space left on device"), "cache/a.shard")
    'cache/a.shard: No space left on device'
    """
    where = error.filename if error.filename is not None else path
    reason = error.strerror or str(error) or type(error).__name__
    return reason if where is None else f"{where}: {reason}"
