"""All options: their names, defaults and checks.

The command line, TOML files and the Python API all end in one :class:`Config`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from dedupe.errors import OptionError, did_you_mean

BUNDLED = "bundled"
"""Name of the models that ship with the package."""

DATABASES = ("sqlite", "duckdb")
"""Output formats that hold all tables in one file."""

FORMATS = ("csv", "parquet", "jsonl", "xlsx", "ipc", *DATABASES)
"""Output formats."""

ROW_ORDERS = ("input", "cluster")
"""Orders of the rows of ``clusters``: as in the input, or the rows of a cluster together."""

LINK_MODES = ("many-to-many", "many-to-one", "one-to-one")
"""Which links between tables are kept: all, the best of each left record, the best assignment."""

EFFORTS = ("fast", "balanced", "thorough")
"""How many pairs the cross-encoder judges: none, the doubtful ones within a budget, all."""

KINDS = (
    "name", "given-name", "family-name", "name-suffix", "creator", "code", "number", "price",
    "date", "street", "house-number", "place", "postcode", "phone", "e-mail", "url", "free-text",
    "category", "other",
)  # fmt: skip
"""What a column may hold, which decides how its values are compared."""

PRESETS: Mapping[str, Mapping[str, float]] = {
    "cautious": {"threshold": 0.8, "review_from": 0.2},
    "balanced": {"threshold": 0.5, "review_from": 0.1},
    "eager": {"threshold": 0.3, "review_from": 0.05},
}
"""Named values of ``threshold`` and ``review_from``."""

RULES = ("must_agree", "must_differ", "exact")
"""Options that name columns whose values decide pairs, whatever the models say."""

EXPORT_OPTIONS = (
    "threshold",
    "review_from",
    "preset",
    "target_precision",
    "target_recall",
    "recalibrate",
    "large_cluster",
    "max_cluster",
    "max_merged_share",
    *RULES,
    "link",
    "prefer",
    "merge",
    "source_column",
    "format",
    "sort",
    "pair_values",
    "value_sources",
    "safe_csv",
)
"""Options that need nothing to be computed again."""

LIMITS = ("max_cluster", "max_merged_share")
"""Options that a result must not exceed."""

TARGETS = ("target_precision", "target_recall")
"""Options that choose the threshold by its estimated effect."""


@dataclass(frozen=True)
class Config:
    """Options of a run. Their values are checked when a Config is made.

    Parameters
    ----------
    fields
        Columns to compare. Empty: chosen from the data.
    ignore
        Columns to leave out of the comparison.
    id
        Column with a unique value per record. ``None``: the ids are row numbers from 0.
    kind
        Column to what it holds, one of :data:`KINDS`, instead of what its values look like.
    ignore_value
        Values that are compared as empty: ``VALUE``, or ``COLUMN=VALUE`` for one column. A value
        with an ``=`` in it is written ``=VALUE``.
    must_agree
        Columns in which the records of a cluster do not have two different values.
    must_differ
        Columns in which two records of a cluster do not have the same value.
    exact
        Columns of which the same value makes records a match; see
        :mod:`dedupe.resolution.rules`.
    threshold
        Probability from which a pair is merged; in [0, 1].
    review_from
        Probability from which a pair below ``threshold`` is doubtful; in [0, threshold].
    target_precision, target_recall
        Choose the threshold: the lowest with this estimated precision, or the highest with this
        estimated recall; see :mod:`dedupe.evaluation.threshold`. At most one of the two; in (0, 1].
    recalibrate
        Adjust the probabilities of undecided pairs to the decisions, if that predicts held-out
        decisions better; see :mod:`dedupe.scoring.recalibration`.
    self_training
        Refine doubtful pairs by what the clear pairs of a large file tell; see
        :mod:`dedupe.scoring.comparison.file_regression`.
    candidates_per_record
        Average number of candidate pairs per record; in (0, 1000].
    radius
        Minimum cosine similarity of a candidate pair; in [-1, 1]. ``None``: chosen so that the file
        has about ``candidates_per_record``.
    large_cluster
        Clusters with more records than this are listed in the summary.
    max_cluster, max_merged_share
        Most records of a cluster, and largest share of the rows that are merged into others. A
        result beyond one of them is not written. ``None``: no limit.
    link
        Which links between tables are kept: one of :data:`LINK_MODES`. Empty: the tables are
        stacked and deduplicated.
    within_tables
        When linking, compare the records of each table with one another as well.
    map
        When linking, column of the first table to column of the other tables, for names that are
        not matched automatically. An empty name keeps the column unmatched.
    prefer
        When linking, name of the table whose values come first in merged rows.
    merge
        Survivorship rule by column name. Other columns use ``most-complete``.
    source_column
        Column with the source of each row, for the rule ``prefer``.
    format
        Output format: one of :data:`FORMATS`.
    sort
        Order of the rows of ``clusters``: one of :data:`ROW_ORDERS`.
    pair_values
        Add the values of both records to ``pairs``.
    value_sources
        Add to ``merged`` the id of the record that each value is from.
    safe_csv
        Prefix values that a spreadsheet would run as a formula with an apostrophe.
    encoding, delimiter
        Encoding and delimiter of text input. ``None``: detected.
    rename_duplicates
        Number columns of text input that have the same name (``phone``, ``phone_2``).
    header
        Whether text and sheets of workbooks have a header line; without one, the columns are
        ``c1``, ``c2`` … ``None``: they have one, and a doubt about it is noted.
    header_row
        Line of text, or row of a sheet, that is the header, from 1; what is above is left out.
        ``None``: the first.
    skip_rows
        Lines of text, or rows of a sheet, to leave out at the beginning.
    sheet
        Name of the sheet of a workbook. ``None``: the first.
    max_unpacked
        Most gigabytes that a compressed input may have in memory. ``None``: see
        :func:`~dedupe.io.formats.compression.unpacked_limit`.
    query
        SELECT statement that reads the input from a database.
    bi_encoder, cross_encoder
        ``"bundled"``, or the name or folder of a sentence-transformers model of that kind.
    bi_encoder_prompt
        Text that `bi_encoder` reads before each record. ``None``: the model's own.
    hybrid
        Search with the bundled bi-encoder beside `bi_encoder`.
    effort
        How many pairs the cross-encoder judges: one of :data:`EFFORTS`. With ``"balanced"``, the
        most doubtful ones, up to a number that depends on the number of records; with ``"fast"``,
        none; with ``"thorough"``, all.
    cross_encoder_pairs
        Maximum number of pairs that the cross-encoder judges with ``"balanced"``. ``None``: see
        :func:`~dedupe.scoring.cascade.cross_encoder_budget`.
    device
        Device of the models: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"mps"`` …
    seed
        Seed of all random choices.

    Raises
    ------
    OptionError
        If a value has the wrong type or is out of range, or if two options contradict each other.
    """

    fields: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    id: str | None = None
    kind: Mapping[str, str] = field(default_factory=dict)
    ignore_value: tuple[str, ...] = ()
    must_agree: tuple[str, ...] = ()
    must_differ: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    threshold: float = 0.5
    review_from: float = 0.1
    target_precision: float | None = None
    target_recall: float | None = None
    recalibrate: bool = True
    self_training: bool = True
    candidates_per_record: float = 5.0
    radius: float | None = None
    large_cluster: int = 20
    max_cluster: int | None = None
    max_merged_share: float | None = None
    link: str = ""
    within_tables: bool = False
    map: Mapping[str, str] = field(default_factory=dict)
    prefer: str | None = None
    merge: Mapping[str, str] = field(default_factory=dict)
    source_column: str = "source"
    format: str = "csv"
    sort: str = "input"
    pair_values: bool = False
    value_sources: bool = False
    safe_csv: bool = False
    encoding: str | None = None
    delimiter: str | None = None
    rename_duplicates: bool = False
    header: bool | None = None
    header_row: int | None = None
    skip_rows: int = 0
    sheet: str | None = None
    max_unpacked: float | None = None
    query: str | None = None
    bi_encoder: str = BUNDLED
    cross_encoder: str = BUNDLED
    bi_encoder_prompt: str | None = None
    hybrid: bool = False
    effort: str = "balanced"
    cross_encoder_pairs: int | None = None
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("fields", "ignore", *RULES, "ignore_value"):
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        _check_types(self)
        kinds = {column: _kind(column, kind) for column, kind in self.kind.items()}
        object.__setattr__(self, "kind", kinds)
        for name, (is_valid, advice) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not is_valid(value):
                raise OptionError(f"{name} is {value!r}: {advice}")
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices and (value or name != "link"):
                raise OptionError(
                    f"unknown {name} {value!r}: use one of {', '.join(choices)}"
                    f"{did_you_mean(str(value), choices)}"
                )
        for message in _conflicts(self):
            raise OptionError(message)

    def with_options(self, **options: Any) -> Config:
        """Return a copy with some options replaced.

        Parameters
        ----------
        **options
            New values. Those that are ``None`` are ignored. ``preset`` stands for the thresholds of
            a preset; thresholds given explicitly take precedence. A threshold replaces a target
            that was set before, and the other way round.

        Raises
        ------
        OptionError
            If an option is unknown or its value is wrong.

        Examples
        --------
        >>> config = Config().with_options(preset="cautious", effort="fast")
        >>> config.threshold, config.review_from
        (0.8, 0.2)
        """
        given = {name: value for name, value in options.items() if value is not None}
        preset = given.pop("preset", None)
        if preset is not None:
            if preset not in PRESETS:
                raise OptionError(
                    f"unknown preset {preset!r}: use one of {', '.join(PRESETS)}"
                    f"{did_you_mean(str(preset), PRESETS)}"
                )
            given = {**PRESETS[preset], **given}
        known = [f.name for f in fields(self)]
        for name in given:
            if name not in known:
                raise OptionError(
                    f"unknown option {name!r}: the options are {', '.join(known)}"
                    f"{did_you_mean(name, known)}"
                )
        has_target = any(name in given for name in TARGETS)
        if "threshold" in given and has_target:
            raise OptionError("a target chooses the threshold: give one of the two")
        if "threshold" in given or has_target:
            given = {**dict.fromkeys(TARGETS), **given}
        # A threshold below the band of doubtful pairs lowers the band with it.
        if isinstance(given.get("threshold"), int | float) and "review_from" not in given:
            given["review_from"] = min(self.review_from, given["threshold"])
        return replace(self, **given)

    def with_export_options_of(self, stored: Config, given: Mapping[str, Any]) -> Config:
        """Return a copy with the export options of another configuration, and those given.

        Parameters
        ----------
        stored
            Gives the :data:`EXPORT_OPTIONS`; those of links only if both configurations link alike.
        given
            Options as for :meth:`with_options`; the export options among them take precedence.
        """
        linked = bool(self.link and stored.link) and self.within_tables == stored.within_tables
        kept = {
            field.name: getattr(stored, field.name)
            for field in fields(self)
            if field.name in EXPORT_OPTIONS and (linked or field.name not in ("link", "prefer"))
        }
        own = {name: value for name, value in given.items() if name in EXPORT_OPTIONS}
        return replace(self, **kept).with_options(**own)

    def as_dict(self) -> dict[str, Any]:
        """Convert to plain JSON types, in the order of the fields."""
        values = asdict(self)
        for name, value in values.items():
            if isinstance(value, tuple):
                values[name] = list(value)
            elif isinstance(value, Mapping):
                values[name] = dict(value)
        return values


_RANGES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "threshold": (lambda value: 0 <= value <= 1, "give a number from 0 to 1"),
    "review_from": (lambda value: 0 <= value <= 1, "give a number from 0 to 1"),
    "target_precision": (lambda value: 0 < value <= 1, "give a number above 0 and up to 1"),
    "target_recall": (lambda value: 0 < value <= 1, "give a number above 0 and up to 1"),
    "candidates_per_record": (
        lambda value: 0 < value <= 1000,
        "give a number above 0 and up to 1000",
    ),
    "radius": (lambda value: -1 <= value <= 1, "a cosine similarity is from -1 to 1"),
    "cross_encoder_pairs": (lambda value: value >= 0, "give 0 or more"),
    "large_cluster": (lambda value: value >= 2, "give 2 or more"),
    "max_cluster": (lambda value: value >= 1, "give 1 or more"),
    "max_merged_share": (lambda value: 0 <= value <= 1, "give a number from 0 to 1"),
    "seed": (lambda value: value >= 0, "give 0 or more"),
    "delimiter": (
        lambda value: len(value) == 1 and value not in '\r\n\x00"',
        "give one character, but no quote and no line break",
    ),
    "header_row": (lambda value: value >= 1, "give 1 or more"),
    "skip_rows": (lambda value: value >= 0, "give 0 or more"),
    "max_unpacked": (lambda value: 0 < value < float("inf"), "give a number of GB above 0"),
}
"""Test of each limited option, and what the error message advises. ``None`` always passes."""

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "link": LINK_MODES,
    "format": FORMATS,
    "effort": EFFORTS,
    "sort": ROW_ORDERS,
}
"""Allowed values of options that are a choice; ``link`` may be empty."""


def _conflicts(config: Config) -> Iterator[str]:
    """Yield an error message for each group of options that contradict each other."""
    if config.review_from > config.threshold:
        yield (
            f"review_from ({config.review_from}) is above threshold ({config.threshold}): "
            "doubtful pairs lie below the threshold"
        )
    if config.target_precision is not None and config.target_recall is not None:
        yield "target_precision and target_recall both choose the threshold: give one"
    for name in ("within_tables", "map", "prefer"):
        if getattr(config, name) and not config.link:
            yield f"{name} is for linking tables: use dedupe link"
    if config.within_tables and config.link != "many-to-many":
        yield f"within_tables needs many-to-many links: {config.link} links are between tables"
    if config.header_row is not None and (config.header is False or config.skip_rows):
        other = "skip_rows" if config.skip_rows else "no header"
        yield f"header_row and {other} contradict each other: give one"
    if config.bi_encoder == BUNDLED and (config.hybrid or config.bi_encoder_prompt):
        name = "hybrid" if config.hybrid else "bi_encoder_prompt"
        yield f"{name} is for a bi-encoder of your own: name it with bi_encoder"
    for column in sorted(set(config.fields) & set(config.ignore)):
        yield f"column {column!r} is both in fields and in ignore: choose one"
    for name in ("must_agree", "exact"):
        for column in sorted(set(config.must_differ) & set(getattr(config, name))):
            yield f"column {column!r} is both in must_differ and in {name}: choose one"


def _texts(option: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(item, str) for item in value):
        of = "values" if option == "ignore_value" else "column names"
        raise OptionError(f"{option} is {value!r}: give a list of {of}")
    return tuple(dict.fromkeys(value)) if option in RULES else tuple(value)


def _kind(column: str, given: Any) -> str:
    """Return the name of a kind; signs between words, and capitals, do not count."""
    if not isinstance(given, str):
        raise OptionError(f"kind of column {column!r} is {given!r}: give its name")
    letters = {kind.replace("-", ""): kind for kind in KINDS}
    if (found := letters.get(re.sub("[^a-z]", "", given.lower()))) is None:
        raise OptionError(
            f"unknown kind {given!r} of column {column!r}: use one of {', '.join(KINDS)}"
            f"{did_you_mean(given, KINDS)}"
        )
    return found


_TYPES: Mapping[str, tuple[type, ...]] = {
    "float": (int, float),
    "float | None": (int, float, type(None)),
    "int": (int,),
    "int | None": (int, type(None)),
    "str": (str,),
    "str | None": (str, type(None)),
    "bool": (bool,),
    "bool | None": (bool, type(None)),
    "Mapping[str, str]": (Mapping,),
}
"""Allowed types of a field by its annotation. Fields of column names are checked on their own."""


def _check_types(config: Config) -> None:
    for item in fields(config):
        allowed = _TYPES.get(str(item.type))
        value = getattr(config, item.name)
        # A bool is an int in Python, but not a number here.
        if allowed and (
            not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed)
        ):
            raise OptionError(f"{item.name} is {value!r}: give a {str(item.type).split()[0]}")
    mappings = (("merge rule", config.merge, "its name"), ("map", config.map, "a column name"))
    for name, mapping, what in mappings:
        for column, value in mapping.items():
            if not isinstance(value, str):
                raise OptionError(f"{name} of column {column!r} is {value!r}: give {what}")
