"""Words for the evidence of one pair, with the values that made it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from dedupe.records.records import Records, field_labels
from dedupe.records.value_text import column_text
from dedupe.scoring.comparison.record_table import RecordTable, groups_of_fields
from dedupe.scoring.comparison.scales import UNKNOWN, Bytes
from dedupe.scoring.comparison.statistics import SHARED_BY
from dedupe.scoring.comparison.values import notation
from dedupe.scoring.comparison.values.tokens import CLASS, quantities_as_written
from dedupe.scoring.comparison.values.word_data import standard_words
from dedupe.scoring.comparison.vectors import feature_names
from dedupe.scoring.explanation.evidence import (
    AGREEMENTS,
    COLUMNS,
    CONFLICTS,
    RIVALS,
    SIMILARITY,
    WORDS,
    Agreement,
    Form,
    Kind,
    agreement_of,
)

MAX_CHARACTERS = 40
"""Characters of a value that are shown."""
MAX_WORDS = 4
"""Words of a list that are shown."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, eq=False)
class PairWords:
    """Describes the evidence of one pair.

    Parameters
    ----------
    table
        The two records, prepared with the statistics of their file.
    vector
        (f,) their comparison vector.
    values
        Text of each compared column in either record; ``""`` where it has none.
    columns
        Columns of each role group, by its name.
    similarity
        Cosine of the two embeddings.
    """

    table: RecordTable
    vector: Bytes
    values: Mapping[str, tuple[str, str]]
    columns: Mapping[str, Sequence[str]]
    similarity: float

    def label(self, kind: Kind) -> str:
        """Name the columns that a kind of evidence is from, or the kind itself."""
        return " + ".join(self.columns.get(kind.name, ())) or kind.noun

    def describe(self, kind: Kind) -> str:
        """Describe the evidence of one kind by its values."""
        if kind.form is Form.WHOLE:
            return self._whole(kind)
        if kind.form is Form.TOKENS or kind.name not in self.columns:
            return self._tokens(kind)
        return self._field(kind)

    # Fields -------------------------------------------------------------------------------

    def _field(self, kind: Kind) -> str:
        names = self.columns[kind.name]
        left, right = (
            shortened(" ".join(filter(None, (self.values[name][side] for name in names))))
            for side in (0, 1)
        )
        if not (left or right):
            return "not known"
        if not (left and right):
            return f"only one record has it: {left or right}"
        agreement = AGREEMENTS[agreement_of(kind, self.vector[None])[0]]
        if agreement in (Agreement.SAME, Agreement.SHARED):
            same = left if left == right else f"{left} / {right}"
            return f"the same: {same}{self._rarity(kind)}"
        if left == right:
            return f"{left} in both, but it is set aside"
        if agreement is Agreement.UNKNOWN:
            return f"not compared: {left} / {right}"
        return f"{left} {'like' if agreement is Agreement.SIMILAR else 'against'} {right}"

    def _rarity(self, kind: Kind) -> str:
        """Tell how many other records have the value that both have."""
        group = self.table.groups.get(kind.name)
        code = -1 if group is None else int(group.codes[0])
        if group is None or code < 0:
            return ""
        rows = int(group.counts[code])
        others = max(float(group.names[code]), float(group.places[code]))
        if others >= SHARED_BY:
            return f" - shared by {rows - 2:,} other rows, so little evidence"
        if rows <= 2:
            return ", and no other row has it"
        return f", as in {rows - 2:,} other row{'s' if rows > 3 else ''}"

    # Tokens -------------------------------------------------------------------------------

    def _tokens(self, kind: Kind) -> str:
        left, right = (self._tokens_of_class(side, kind.name) for side in (0, 1))
        both = [token for token in left if token in right]
        only_left, only_right = (
            [token for token in side if token not in both] for side in (left, right)
        )
        if only_left and only_right:
            return f"{listed(only_left)} against {listed(only_right)}"
        if only_left or only_right:
            return f"only one record has it: {listed(only_left or only_right)}"
        return f"the same: {listed(both)}" if both else "not known"

    def _tokens_of_class(self, side: int, name: str) -> list[str]:
        tokens = self.table.tokens
        numbers = tokens.tokens[side][tokens.tokens[side] >= 0]
        chosen = numbers[tokens.classes[numbers] == CLASS[name]] if name in CLASS else numbers[:0]
        return [self._as_written(token) for token in tokens.names.gather(chosen).to_list()]

    def _rarest_first(self, side: int) -> dict[str, int]:
        """List the tokens of a record, the rarest first, with the records that have them."""
        tokens = self.table.tokens
        numbers = tokens.tokens[side][tokens.tokens[side] >= 0]
        numbers = numbers[np.argsort(-tokens.bits[numbers], kind="stable")]
        names = [self._as_written(token) for token in tokens.names.gather(numbers).to_list()]
        return dict(zip(names, tokens.counts[numbers].tolist(), strict=True))

    def _as_written(self, token: str) -> str:
        """Write a token as a record has it, without the class that marks it."""
        if token in self._quantities:
            return self._quantities[token]
        plain = token.partition("=")[2] or token
        return self._written.get(plain, plain)

    @cached_property
    def _quantities(self) -> dict[str, str]:
        """The numbers with a unit of both records by their token."""
        texts = [text for pair in self.values.values() for text in pair]
        return quantities_as_written(pl.Series(texts, dtype=pl.String))

    @cached_property
    def _written(self) -> dict[str, str]:
        """The words of both records by their token, where these differ."""
        words = [word for pair in self.values.values() for word in _WORD.findall(" ".join(pair))]
        lower = [word.lower() for word in dict.fromkeys(words)]
        folded = notation.fold(pl.Series(lower, dtype=pl.String)).to_list()
        standard = standard_words()
        tokens = [standard.get(token, token) for token in folded]
        return dict(reversed([*zip(tokens, lower, strict=True)]))

    # The records as a whole ---------------------------------------------------------------

    def _whole(self, kind: Kind) -> str:
        level = dict(zip(feature_names(), self.vector.tolist(), strict=True))
        if kind.name == SIMILARITY:
            return f"cosine similarity {self.similarity:.2f}"
        if kind.name == COLUMNS:
            both = [pair for pair in self.values.values() if all(pair)]
            equal = sum(left == right for left, right in both)
            return f"{equal} of {len(both)} columns that both have are equal"
        if kind.name == CONFLICTS:
            count = round(level["conflicts"] / 40)
            return f"{count} kind{'s' if count != 1 else ''} of details that both have differ"
        if kind.name == RIVALS:
            return _rivals(level)
        assert kind.name == WORDS
        words, others = self._rarest_first(0), self._rarest_first(1)
        common = {word: count for word, count in words.items() if word in others}
        parts = [_with_counts(common)] if common else ["none"]
        alone = [listed([word for word in side if word not in common]) for side in (words, others)]
        if any(alone):
            parts.append(f"not in common: {alone[0] or 'none'} / {alone[1] or 'none'}")
        return "; ".join(parts)


def pair_words(
    records: Records, table: RecordTable, rows: tuple[int, int], vector: Bytes, similarity: float
) -> PairWords:
    """Collect what describes the evidence of two records.

    Parameters
    ----------
    records
        n records.
    table
        The two records, prepared with the statistics of their file, in the order of `rows`.
    rows
        Their row numbers.
    vector
        (f,) their comparison vector.
    similarity
        Cosine of their embeddings.
    """
    names = [role.name for role in records.fields if role.used]
    values = {}
    for name in names:
        texts = column_text(records.frame[name].gather(list(rows))).to_list()
        left, right = (" ".join((text or "").split()) for text in texts)
        values[name] = left, right
    of_label: dict[str, list[str]] = {}
    for name, label in zip(names, field_labels(names), strict=True):
        of_label.setdefault(label, []).append(name)
    statistics = table.statistics
    columns: dict[str, list[str]] = {}
    for label, groups in groups_of_fields(statistics.roles, statistics.main).items():
        for group in groups:
            columns.setdefault(group, []).extend(of_label.get(label, ()))
    ordered = {group: [name for name in names if name in used] for group, used in columns.items()}
    return PairWords(table, vector, values, ordered, similarity)


def shortened(value: str) -> str:
    """Cut a long value."""
    return value if len(value) <= MAX_CHARACTERS else value[: MAX_CHARACTERS - 1] + "…"


def listed(words: Sequence[str]) -> str:
    """List the first words."""
    return ", ".join(words[:MAX_WORDS]) + (" …" if len(words) > MAX_WORDS else "")


def _with_counts(words: Mapping[str, int]) -> str:
    """List the first words, each with the number of records that have it."""
    shown = [f"{word} ({count:,} rows)" for word, count in words.items()]
    return listed(shown)


def _rivals(level: Mapping[str, int]) -> str:
    """Describe how a pair compares with the other candidates of its records."""
    if level["rivals left"] == UNKNOWN:
        return "not known"
    leads = [(level[name] - UNKNOWN) / 250 for name in ("margin left", "margin right")]
    close = [round(2 ** (level[name] / 16)) - 1 for name in ("rivals left", "rivals right")]
    rank = level["rank among candidates"] / 127
    return (
        f"cosine {leads[0]:+.2f} and {leads[1]:+.2f} against the best others of the two records, "
        f"{close[0]} and {close[1]} close ones, closer than {rank:.0%} of all candidate pairs"
    )
