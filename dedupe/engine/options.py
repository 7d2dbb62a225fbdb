"""The option ``engine``, and what the engine ray does not support."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dedupe.config import BUNDLED, RULES, TARGETS, Config
from dedupe.errors import OptionError

LOCAL, RAY = "local", "ray"
"""Names of the engines; a cluster can also be named by its address."""


def check_engine(engine: str) -> bool:
    """Check the name of an engine; tell whether it is a cluster.

    Raises
    ------
    OptionError
        If it is neither a name nor an address.
    """
    if engine in (LOCAL, RAY):
        return engine == RAY
    if ":" not in engine:
        raise OptionError(
            f"unknown engine {engine!r}: use local, ray, or the address of a Ray cluster "
            "(ray://host:port)"
        )
    return True


def check_options(config: Config, given: Mapping[str, Any]) -> None:
    """Refuse the options that a distributed run does not support.

    Raises
    ------
    OptionError
        If one is set.
    """
    if given.get("format", "parquet") != "parquet":
        raise OptionError("the engine ray writes Parquet only: leave --format out")
    wrong = [name for name in (*RULES, *TARGETS) if getattr(config, name)]
    wrong += [
        name for name in ("link", "pair_values", "safe_csv", "query") if getattr(config, name)
    ]
    wrong += ["sort"] if config.sort != "input" else []
    wrong += ["bi_encoder"] if config.bi_encoder != BUNDLED else []
    if wrong:
        raise OptionError(
            f"the engine ray does not support {', '.join(wrong)}: leave "
            f"{'it' if len(wrong) == 1 else 'them'} out, or use --engine local"
        )
