"""Every knob of a run, its default and its check, in one place.

The command line, a TOML file and the Python API all end in one :class:`Config`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from dedupe.errors import OptionError

BUNDLED = "bundled"
"""Name of the model that ships with the package."""

DATABASES = ("sqlite", "duckdb")
"""Formats of one file that holds all tables."""

FORMATS = ("csv", "parquet", "jsonl", "xlsx", "ipc", *DATABASES)
"""What results can be written as."""

LINK_MODES = ("many", "best", "one")
"""Which links between tables may be kept."""

PRESETS: Mapping[str, Mapping[str, float]] = {
    "cautious": {"threshold": 0.8, "review_from": 0.2},
    "balanced": {"threshold": 0.5, "review_from": 0.1},
    "eager": {"threshold": 0.3, "review_from": 0.05},
}
"""Pairs of thresholds under a name, for those who would rather not choose numbers."""


ADAPTED_UP_TO = 50_000
"""Records up to which probabilities are adapted to a file unless the configuration says otherwise:
above, a distilled that learnt from this very file decides nearly all pairs already."""


@dataclass(frozen=True)
class Config:
    """What a run is asked to do. Values are checked when a Config is made.

    Parameters
    ----------
    fields
        Columns that say who or what a record is. Empty: chosen from the data.
    ignore
        Columns that must not be looked at, whatever they hold.
    id
        Column with one unique value a record. ``None``: row numbers from 0 are the ids.
    threshold
        Pairs with at least this probability are merged; in [0, 1].
    review_from
        Pairs from this probability up to ``threshold`` are the doubtful ones; in [0, threshold].
    target_precision, target_recall
        Instead of a threshold: the lowest that reaches this precision, or the highest that reaches
        this recall, as :mod:`dedupe.evaluation.threshold` estimates them. One of the two, above 0
        and up to 1.
    correct
        Probabilities of undecided pairs follow the decisions made so far, where that predicts
        decisions held back better; see :mod:`dedupe.scoring.recalibration`.
    adapt
        Probabilities follow what the sure pairs of this very file have in common, without any
        decision; see :mod:`dedupe.scoring.recalibration`. ``None``: with ``correct``, in files of
        up to
        :data:`ADAPTED_UP_TO` records.
    candidates_per_record
        How many candidate pairs a record the search may bring, on average.
    radius
        Cosine similarity from which two records are a candidate pair. ``None``: chosen from the
        file by ``candidates_per_record``.
    large_cluster
        Clusters of more records than this are named in the summary.
    link
        For linking tables: which links are kept, one of :data:`LINK_MODES` (``"many"``: all;
        ``"best"``: the best of each left record; ``"one"``: one to one). Empty: the tables are
        deduplicated as one.
    within
        When linking, look for pairs within one table too.
    map
        When linking, column of the first table to column of the others, where names differ and
        are not matched by themselves; an empty name keeps a column apart.
    prefer
        When linking, name of the table whose values come first in merged rows.
    merge
        Survivorship rule by column name; the others use ``most-complete``.
    format
        What results are written as: one of :data:`FORMATS`.
    safe_csv
        Put an apostrophe before values that a spreadsheet would run as a formula.
    encoding, delimiter
        Of text input. ``None``: detected.
    query
        SELECT statement that makes the input, where that is a database.
    bi_encoder, cross_encoder
        ``"bundled"``, or the name or folder of any sentence-transformers model of that kind.
    agreement
        Where candidates are many, a distilled of the cross-encoder decides the clear ones: those
        on which it keeps this share of the matches and makes no more than the rest of it wrong
        ones. In [0.9, 1]; 1 leaves every pair to the cross-encoder.
    cross_encoder_pairs
        How many pairs beyond the samples the cross-encoder may judge next to a distilled.
    device
        Where models run: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"mps"`` …
    seed
        Start of every random choice.

    Raises
    ------
    OptionError
        If a value is outside what is said above.
    """

    fields: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    id: str | None = None
    threshold: float = 0.5
    review_from: float = 0.1
    target_precision: float | None = None
    target_recall: float | None = None
    correct: bool = True
    adapt: bool | None = None
    candidates_per_record: float = 5.0
    radius: float | None = None
    large_cluster: int = 20
    link: str = ""
    within: bool = False
    map: Mapping[str, str] = field(default_factory=dict)
    prefer: str | None = None
    merge: Mapping[str, str] = field(default_factory=dict)
    format: str = "csv"
    safe_csv: bool = False
    encoding: str | None = None
    delimiter: str | None = None
    query: str | None = None
    bi_encoder: str = BUNDLED
    cross_encoder: str = BUNDLED
    agreement: float = 0.995
    cross_encoder_pairs: int = 10_000
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", _names("fields", self.fields))
        object.__setattr__(self, "ignore", _names("ignore", self.ignore))
        _check_types(self)
        for name in ("threshold", "review_from"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"{name} is {getattr(self, name)}: give a number from 0 to 1")
        if self.review_from > self.threshold:
            raise OptionError(
                f"review_from ({self.review_from}) is above threshold ({self.threshold}): "
                "the band of doubtful pairs lies below the threshold"
            )
        for name in ("target_precision", "target_recall"):
            target = getattr(self, name)
            if target is not None and not 0 < target <= 1:
                raise OptionError(f"{name} is {target}: give a number above 0 and up to 1")
        if self.target_precision is not None and self.target_recall is not None:
            raise OptionError(
                "target_precision and target_recall both choose the threshold: give one"
            )
        if not 0 < self.candidates_per_record <= 1000:
            raise OptionError(
                f"candidates_per_record is {self.candidates_per_record}: "
                "give a number above 0 and up to 1000"
            )
        if self.radius is not None and not -1 <= self.radius <= 1:
            raise OptionError(f"radius is {self.radius}: a cosine similarity is from -1 to 1")
        if not 0.9 <= self.agreement <= 1:
            raise OptionError(f"agreement is {self.agreement}: give a number from 0.9 to 1")
        if self.cross_encoder_pairs < 0:
            raise OptionError(f"cross_encoder_pairs is {self.cross_encoder_pairs}: give 0 or more")
        if self.large_cluster < 2:
            raise OptionError(f"large_cluster is {self.large_cluster}: give 2 or more")
        if self.link and self.link not in LINK_MODES:
            raise OptionError(f"unknown link {self.link!r}: use one of {', '.join(LINK_MODES)}")
        for name in ("within", "map", "prefer"):
            if getattr(self, name) and not self.link:
                raise OptionError(f"{name} is for linking tables: use dedupe link")
        if self.within and self.link != "many":
            raise OptionError("pairs within one table do not go with one-to-one or best links")
        if self.format not in FORMATS:
            raise OptionError(f"unknown format {self.format!r}: use one of {', '.join(FORMATS)}")
        if self.seed < 0:
            raise OptionError(f"seed is {self.seed}: give 0 or more")
        if both := sorted(set(self.fields) & set(self.ignore)):
            raise OptionError(f"column {both[0]!r} is both in fields and in ignore: choose one")
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise OptionError(f"delimiter is {self.delimiter!r}: give one character")

    def with_options(self, **options: Any) -> Config:
        """Return a copy with `options` replaced; those that are ``None`` are left as they are.

        ``preset`` stands for the thresholds it names; thresholds given beside it win.

        Raises
        ------
        OptionError
            If an option is unknown or its value is wrong.
        """
        given = {name: value for name, value in options.items() if value is not None}
        preset = given.pop("preset", None)
        if preset is not None:
            if preset not in PRESETS:
                raise OptionError(f"unknown preset {preset!r}: use one of {', '.join(PRESETS)}")
            given = {**PRESETS[preset], **given}
        known = [f.name for f in fields(self)]
        for name in given:
            if name not in known:
                raise OptionError(f"unknown option {name!r}: the options are {', '.join(known)}")
        # A threshold that is given wins over a goal from before, and a goal over that threshold.
        goals = ("target_precision", "target_recall")
        if "threshold" in given and any(name in given for name in goals):
            raise OptionError("a target chooses the threshold: give one of the two")
        if "threshold" in given or any(name in given for name in goals):
            given = {**dict.fromkeys(goals), **given}
        # A threshold lowered below the default band takes the band with it.
        if isinstance(given.get("threshold"), int | float) and "review_from" not in given:
            given["review_from"] = min(self.review_from, given["threshold"])
        return replace(self, **given)

    def as_dict(self) -> dict[str, Any]:
        """Return the values as plain JSON types, in the order of the fields."""
        return {**asdict(self), "merge": dict(self.merge), "map": dict(self.map)}


def read_config(path: Path) -> dict[str, Any]:
    """Read options from a TOML file whose keys are the names of :class:`Config`'s fields.

    Returns
    -------
    dict
        To be passed to :meth:`Config.with_options`.

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
            )
    return options


def _names(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(item, str) for item in value):
        raise OptionError(f"{name} is {value!r}: give a list of column names")
    return tuple(value)


def _check_types(config: Config) -> None:
    kinds: dict[str, tuple[type, ...]] = {
        "float": (int, float),
        "float | None": (int, float, type(None)),
        "int": (int,),
        "str": (str,),
        "str | None": (str, type(None)),
        "bool": (bool,),
        "bool | None": (bool, type(None)),
        "Mapping[str, str]": (Mapping,),
    }
    for item in fields(config):
        expected = kinds.get(str(item.type))
        value = getattr(config, item.name)
        if expected and (
            not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected)
        ):
            raise OptionError(f"{item.name} is {value!r}: give a {str(item.type).split()[0]}")
    for column, rule in config.merge.items():
        if not isinstance(rule, str):
            raise OptionError(f"merge rule of column {column!r} is {rule!r}: give its name")
    for column, other in config.map.items():
        if not isinstance(other, str):
            raise OptionError(f"map of column {column!r} is {other!r}: give a column name")
