"""Every option is checked where it is set."""

from __future__ import annotations

from pathlib import Path

import pytest

from dedupe.config import PRESETS, Config
from dedupe.errors import OptionError
from dedupe.io.config_file import read_config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 1.5}, "from 0 to 1"),
        ({"threshold": "high"}, "threshold is 'high'"),
        ({"threshold": True}, "threshold is True"),
        ({"review_from": 0.9}, "above threshold"),
        ({"candidates_per_record": 0}, "above 0"),
        ({"radius": 2}, "cosine similarity"),
        ({"effort": "quick"}, "unknown effort 'quick': use one of fast, balanced, thorough"),
        ({"effort": ""}, "unknown effort ''"),
        ({"cross_encoder_pairs": -1}, "0 or more"),
        ({"large_cluster": 1}, "2 or more"),
        ({"max_cluster": 0}, "1 or more"),
        ({"max_merged_share": 1.1}, "from 0 to 1"),
        ({"format": "pdf"}, "unknown format 'pdf'"),
        ({"seed": -1}, "0 or more"),
        ({"fields": ("a",), "ignore": ("a",)}, "both in fields and in ignore"),
        ({"fields": "a"}, "list of column names"),
        ({"delimiter": "ab"}, "one character"),
        ({"merge": {"a": 1}}, "merge rule of column 'a'"),
        ({"map": {"a": 1}, "link": "one-to-one"}, "map of column 'a'"),
        ({"link": "one"}, "unknown link 'one': use one of many-to-many, many-to-one, one-to-one"),
        ({"within_tables": True}, "within_tables is for linking tables"),
        ({"link": "many-to-one", "within_tables": True}, "needs many-to-many links"),
        ({"preset": "bold"}, "unknown preset"),
        ({"treshold": 0.5}, "unknown option 'treshold'"),
    ],
)
def test_a_wrong_value_is_one_clear_line(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message) as raised:
        Config().with_options(**options)
    assert "\n" not in str(raised.value)


def test_limits_are_part_of_the_ranges() -> None:
    Config(threshold=1, review_from=0, target_recall=1, radius=-1, large_cluster=2)
    Config(threshold=0, review_from=0, candidates_per_record=1000, cross_encoder_pairs=0, radius=1)
    Config(max_cluster=1, max_merged_share=0)
    Config(link="many-to-many", within_tables=True, map={"a": ""}, prefer="a")


def test_options_that_are_none_change_nothing() -> None:
    assert Config().with_options(threshold=None, merge=None) == Config()


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_sets_both_thresholds_and_explicit_ones_take_precedence(preset: str) -> None:
    config = Config().with_options(preset=preset)
    assert config.threshold == PRESETS[preset]["threshold"]
    assert Config().with_options(preset=preset, review_from=0.01).review_from == 0.01


def test_a_threshold_below_the_doubtful_band_lowers_the_band() -> None:
    config = Config().with_options(threshold=0.05)
    assert (config.review_from, config.threshold) == (0.05, 0.05)


def test_a_file_and_the_options_give_the_same_configuration(tmp_path: Path) -> None:
    path = tmp_path / "o.toml"
    path.write_text('threshold = 0.7\nignore = ["a"]\nbi-encoder = "x"\n[merge]\nb = "longest"\n')
    config = Config().with_options(**read_config(path))
    assert config == Config(threshold=0.7, ignore=("a",), bi_encoder="x", merge={"b": "longest"})
    assert Config(**config.as_dict()) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [("threshold = ", "not a TOML file"), ("nothing = 1", "unknown option 'nothing'")],
)
def test_a_wrong_file_is_one_clear_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "o.toml").write_text(text)
    with pytest.raises(OptionError, match=message):
        read_config(tmp_path / "o.toml")
    with pytest.raises(OptionError, match="cannot read the configuration"):
        read_config(tmp_path / "none.toml")


def test_a_target_and_a_threshold_replace_each_other() -> None:
    base = Config().with_options(target_precision=0.9)
    assert base.target_precision == 0.9
    assert base.with_options(threshold=0.7).target_precision is None
    assert base.with_options(target_recall=0.8).target_precision is None
    for wrong in (
        {"target_precision": 0.9, "target_recall": 0.9},
        {"target_precision": 0.9, "threshold": 0.5},
        {"target_recall": 0},
        {"target_recall": 1.5},
    ):
        with pytest.raises(OptionError):
            Config().with_options(**wrong)
