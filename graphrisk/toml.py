"""TOML that people write, read into a model that checks it; each way it can be wrong is told in one sentence."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from graphrisk.errors import GraphriskError, SettingsError

Model = TypeVar("Model")


def read_toml(
    what: str,
    path: Path,
    model: Callable[[dict[str, Any]], Model],
    advice: str,
    raises: type[GraphriskError] = SettingsError,
) -> Model:
    """What ``model`` makes of the TOML file ``path``. ``what`` is what people call such a file.

    Raises ``raises`` with a sentence that names the file, the key, what is wrong with it, and, where the model did not
    take a key, the ``advice``.
    """
    try:
        return model(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise raises(f"The {what} {path} cannot be read: {error.strerror}; check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise raises(f"The {what} {path} is not valid TOML: {error}; mend that line.") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise raises(f"The {what} {path} is wrong at {key}: {first['msg']}; {advice}.") from error
