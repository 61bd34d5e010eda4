"""What people are told: a language of the configuration, with the therapist's own lines in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vagalwatch.alerts import words
from vagalwatch.settings import ConfigError

if TYPE_CHECKING:
    from vagalwatch.settings import WordsSettings


def load(settings: WordsSettings) -> words.Lines:
    """Every line, by its key.

    Raises:
        ConfigError: there is no such language, or the file cannot be used.
    """
    try:
        known = words.lines(settings.language)
        if settings.file is not None:
            known = words.edited(known, settings.file.read_text(encoding="utf-8"))
    except words.WordsError as error:
        where = "words.language" if settings.file is None else settings.file
        raise ConfigError(f"{where}: {error}") from error
    except OSError as error:
        raise ConfigError(
            f"words.file {settings.file} cannot be read: {error.strerror}."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"words.file {settings.file} is not UTF-8: {error}.") from error
    return known
