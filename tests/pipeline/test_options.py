"""The typed keyword arguments are the fields of the configuration, with their types."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

import dedupe
from dedupe.config import (
    EFFORTS,
    EXPORT_OPTIONS,
    FORMATS,
    LIMITS,
    LINK_MODES,
    PRESETS,
    ROW_ORDERS,
    Config,
)
from dedupe.pipeline import options
from dedupe.pipeline.incremental.add import READING_OPTIONS


def names(kind: type) -> set[str]:
    return set(get_type_hints(kind))


def test_every_option_has_a_keyword_argument() -> None:
    assert names(options.Options) == {field.name for field in fields(Config)} | {"preset"}
    assert names(options.ExportOptions) == set(EXPORT_OPTIONS)
    assert names(options.AdditionOptions) == {*READING_OPTIONS, *LIMITS}


def test_a_keyword_argument_has_the_type_of_its_option() -> None:
    of_config, given = get_type_hints(Config), get_type_hints(options.Options)
    plain: dict[Any, Any] = {Sequence[str]: tuple[str, ...], Mapping[str, str]: Mapping[str, str]}
    for name, kind in of_config.items():
        (one,) = (arg for arg in get_args(given[name]) if arg is not type(None))
        taken = str if get_origin(one) is Literal else plain.get(one, one)
        assert taken in (kind, *get_args(kind)), name


@pytest.mark.parametrize(
    ("kind", "choices"),
    [
        (options.Preset, PRESETS),
        (options.LinkMode, LINK_MODES),
        (options.Format, FORMATS),
        (options.RowOrder, ROW_ORDERS),
        (options.Effort, EFFORTS),
    ],
)
def test_choices_are_those_of_the_configuration(kind: Any, choices: Sequence[str]) -> None:
    assert get_args(kind) == tuple(choices)


def test_no_public_function_takes_keyword_arguments_of_any_type() -> None:
    for name in dedupe.__all__:
        found = getattr(dedupe, name)
        if inspect.isfunction(found):
            for parameter in inspect.signature(found).parameters.values():
                if parameter.kind is parameter.VAR_KEYWORD:
                    assert "Unpack[" in str(parameter.annotation), name
