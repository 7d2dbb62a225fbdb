"""Configurations as TOML files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import tomli_w

from dedupe.config import Config
from dedupe.errors import OptionError, did_you_mean
from dedupe.io.atomic import write_bytes_atomically

_HEAD = "# The configuration of a run: dedupe run INPUT --config FILE does the same again.\n\n"


def read_config(path: Path) -> dict[str, Any]:
    """Read options from a TOML file whose keys are the names of :class:`Config`'s fields.

    Returns
    -------
    dict
        Options for :meth:`Config.with_options`.

    Raises
    ------
    OptionError
        If the file cannot be read, is not TOML, or names an unknown option.
    """
    try:
        options = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionError(f"cannot read the configuration {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"{path} is not a TOML file: {error}") from error
    known = [*(f.name for f in fields(Config)), "preset"]
    options = {name.replace("-", "_"): value for name, value in options.items()}
    for name in options:
        if name not in known:
            raise OptionError(
                f"{path}: unknown option {name!r}; the options are {', '.join(known)}"
                f"{did_you_mean(name, known)}"
            )
    return options


def write_config(path: Path, config: Config, always: Mapping[str, Any]) -> None:
    """Write the options that are not the defaults, as :func:`read_config` reads them.

    Parameters
    ----------
    path
        The file; it is replaced.
    config
        The configuration.
    always
        Options to write whatever the configuration says; ``None`` leaves an option out.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    default = Config().as_dict()
    options = {**config.as_dict(), **always}
    written = {
        name: value
        for name, value in options.items()
        if value is not None and (name in always or value != default[name])
    }
    # In TOML, tables come last.
    ordered = dict(sorted(written.items(), key=lambda item: isinstance(item[1], Mapping)))
    write_bytes_atomically(path, (_HEAD + tomli_w.dumps(ordered)).encode())
