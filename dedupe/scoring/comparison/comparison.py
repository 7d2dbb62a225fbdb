"""The comparison of candidate pairs: prepared records, neighbours, vectors and log odds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.progress import Progress, silent
from dedupe.scoring.cascade import DOUBTFUL
from dedupe.scoring.comparison.model import load_comparison_model, take_features
from dedupe.scoring.comparison.record_table import RecordTable, record_table
from dedupe.scoring.comparison.scales import Bytes, Rows
from dedupe.scoring.comparison.statistics import FileStatistics
from dedupe.scoring.comparison.values.roles import Role
from dedupe.scoring.comparison.vectors import Neighbours, comparison_vectors, neighbourhood

BLOCK = 1 << 18
"""Pairs that are compared between two reports of progress; their vectors are not kept."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Pairs of records to compare.

    Parameters
    ----------
    texts
        (n,) record texts.
    left, right
        (m,) row numbers; a record paired with itself stands for a group of identical records.
    similarity
        (m,) cosine of the two embeddings.
    statistics
        Statistics of the file that the records belong to. ``None``: the records are the file.
    given
        Roles that the user gave fields, by label; they matter without `statistics`.
    around
        (m, 5) how each pair compares with the others of its records, where the pairs are part of
        those of a file. ``None``: it is computed from these pairs.
    with_neighbours
        Whether the pairs are all candidates of their records, and can be compared with each other.
    asked
        (m,) number of the query that each pair is from, in ascending order: each query gets what it
        would get alone. ``None``: all pairs are from one.
    """

    texts: pl.Series
    left: Rows
    right: Rows
    similarity: NDArray[np.float32]
    statistics: FileStatistics | None = None
    with_neighbours: bool = True
    given: Mapping[str, Role] | None = None
    around: Neighbours | None = None
    asked: Rows | None = None

    @classmethod
    def of(
        cls,
        texts: pl.Series,
        pairs: pl.DataFrame,
        statistics: FileStatistics | None = None,
        given: Mapping[str, Role] | None = None,
    ) -> Comparison:
        """Prepare the comparison of pairs with ``left``, ``right`` and ``similarity``."""
        left, right, similarity = (
            pairs[name].to_numpy() for name in ("left", "right", "similarity")
        )
        return cls(texts, left, right, similarity, statistics, given=given)

    def __len__(self) -> int:
        """Return m, the number of pairs."""
        return len(self.left)

    @cached_property
    def table(self) -> RecordTable:
        """The records, prepared."""
        return record_table(self.texts, self.statistics, self.given)

    @property
    def file_statistics(self) -> FileStatistics:
        """Statistics of the file, those given or those of the records."""
        return self.statistics or self.table.statistics

    @cached_property
    def neighbours(self) -> Neighbours:
        """How each pair compares with the others of its records; NaN where that is not known."""
        if self.around is not None:
            return self.around
        around = np.full((len(self), 5), np.nan, dtype=np.float32)
        if self.with_neighbours:
            different = np.flatnonzero(self.left != self.right)
            for pairs in self._by_query(different):
                around[pairs] = neighbourhood(
                    self.left[pairs], self.right[pairs], self.similarity[pairs], len(self.texts)
                )
        return around

    def _by_query(self, pairs: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Divide pairs by the query that they are from."""
        if self.asked is None:
            return [pairs]
        return np.split(pairs, np.flatnonzero(np.diff(self.asked[pairs])) + 1)

    def vectors(self, pairs: NDArray[Any] | slice = slice(None)) -> Bytes:
        """Compute the comparison vectors of some pairs, (k, f) uint8."""
        return comparison_vectors(
            self.table,
            self.left[pairs],
            self.right[pairs],
            self.similarity[pairs],
            self.neighbours[pairs],
        )

    def features(self, names: Sequence[str], pairs: NDArray[np.int64]) -> Bytes:
        """Compute k features of m pairs by name, (m, k) uint8."""
        features = np.empty((len(pairs), len(names)), dtype=np.uint8)
        for at in range(0, len(pairs), BLOCK):
            vectors = self.vectors(pairs[at : at + BLOCK])
            features[at : at + BLOCK] = take_features(vectors, names)
        for query in self._queries_that_are_unlike_alone():
            inside = np.flatnonzero(np.isin(pairs, query))
            if len(inside):
                places = np.searchsorted(query, pairs[inside])
                features[inside] = self._alone(query).features(names, places)
        return features

    def vectors_of(self, left: Rows, right: Rows, similarity: NDArray[np.float32]) -> Bytes:
        """Compute the comparison vectors of k pairs of these records.

        Parameters
        ----------
        left, right
            (k,) row numbers.
        similarity
            (k,) cosine of the two embeddings.

        Returns
        -------
        ndarray
            (k, f) uint8; the same whether :attr:`table` was prepared or not.
        """
        n = len(self.texts)
        neighbours = np.full((len(left), 5), np.nan, dtype=np.float32)
        if len(self):
            key = self.left.astype(np.int64) * n + self.right
            order = np.argsort(key)
            pair = left.astype(np.int64) * n + right
            place = order[np.searchsorted(key, pair, sorter=order).clip(max=len(key) - 1)]
            known = key[place] == pair
            neighbours[known] = self.neighbours[place[known]]
        if "table" in self.__dict__:
            return comparison_vectors(self.table, left, right, similarity, neighbours)
        statistics = self.file_statistics
        rows, position = np.unique(np.concatenate([left, right]), return_inverse=True)
        left, right = position.reshape(2, -1).astype(np.uint32)
        table = record_table(self.texts.gather(rows), statistics)
        return comparison_vectors(table, left, right, similarity, neighbours)

    def log_odds(self, progress: Progress = silent) -> NDArray[np.float32]:
        """Predict the log odds of all pairs with the bundled comparison model, (m,) float32.

        Those of doubtful pairs are refined by the regression of the given statistics, if any.
        """
        model = load_comparison_model()
        regression = None if self.statistics is None else self.statistics.regression
        log_odds = np.empty(len(self), dtype=np.float32)
        for at in range(0, len(self), BLOCK):
            vectors = self.vectors(slice(at, at + BLOCK))
            predicted = log_odds[at : at + BLOCK]
            predicted[:] = model.log_odds(vectors)
            if regression is not None:
                different = self.left[at : at + BLOCK] != self.right[at : at + BLOCK]
                pairs = np.flatnonzero(_in_doubt(predicted) & different)
                of_pairs = np.asfortranarray(vectors[pairs])
                predicted[pairs] = regression.combine(predicted[pairs], of_pairs)
            progress(min(at + BLOCK, len(self)), len(self))
        for pairs in self._queries_that_are_unlike_alone():
            log_odds[pairs] = self._alone(pairs).log_odds()
        return log_odds

    def _queries_that_are_unlike_alone(self) -> list[NDArray[np.int64]]:
        """Return the pairs of each query whose records the records of other queries change."""
        if self.asked is None or not len(self) or self.asked[0] == self.asked[-1]:
            return []
        changed = self.table.depends_on_others
        pairs = np.flatnonzero(changed[self.left] | changed[self.right])
        if not len(pairs):
            return []
        return self._by_query(np.flatnonzero(np.isin(self.asked, self.asked[pairs])))

    def _alone(self, pairs: NDArray[np.int64]) -> Comparison:
        """Prepare the comparison of some pairs without the records of others."""
        ends = np.concatenate([self.left[pairs], self.right[pairs]])
        rows, position = np.unique(ends, return_inverse=True)
        left, right = position.reshape(2, -1).astype(np.uint32)
        return replace(
            self,
            texts=self.texts.gather(rows),
            left=left,
            right=right,
            similarity=self.similarity[pairs],
            around=None if self.around is None else self.around[pairs],
            asked=None,
        )

    def doubtful(self, log_odds: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the numbers of the pairs of two records that are in doubt."""
        return np.flatnonzero(_in_doubt(log_odds) & (self.left != self.right))


def _in_doubt(log_odds: NDArray[np.float32]) -> NDArray[np.bool_]:
    in_doubt: NDArray[np.bool_] = np.abs(log_odds) < DOUBTFUL
    return in_doubt
