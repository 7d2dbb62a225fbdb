"""Shapley values of oblivious trees: what each group of features adds to the log odds of a pair.

The explanation is *interventional* [1]_ with one reference vector: the value of a set of groups is
what the trees predict if the features in these groups are those of the pair, and all others those
of the reference. A group's Shapley value is its mean contribution over all orders in which the
groups can be taken over from the pair. The values and the prediction for the reference add up to
the prediction for the pair.

A tree of depth d is a table of 2^d values, in which a pair and the reference each have a place. So
the Shapley values of all places are computed once, exactly, from all 2^d sets of levels; explaining
a pair is then as many look-ups as it has trees and groups in them.

References
----------
.. [1] S. M. Lundberg et al., "From local explanations to global understanding with explainable AI
   for trees", Nature Machine Intelligence 2, 2020.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import factorial

import numpy as np
from numpy.typing import NDArray

from dedupe.scoring.comparison.oblivious_trees import ObliviousTrees

BLOCK = 1 << 13
"""Pairs explained together; their intermediate arrays stay in cache."""


@dataclass(frozen=True, eq=False)
class TreeExplainer:
    """Explains what oblivious trees predict.

    Parameters
    ----------
    trees
        The trees.
    reference
        (f,) uint8: the vector that pairs are explained against.
    group
        (f,) number of the group of each feature, from 0.
    """

    trees: ObliviousTrees
    reference: NDArray[np.uint8]
    group: NDArray[np.int64]

    @property
    def groups(self) -> int:
        """Number of groups."""
        return int(self.group.max()) + 1

    def contributions(self, vectors: NDArray[np.uint8]) -> tuple[float, NDArray[np.float64]]:
        """Explain predictions.

        Parameters
        ----------
        vectors
            (m, f); Fortran order is fastest.

        Returns
        -------
        start
            Log odds of the reference.
        contributions
            (m, g). The sum of a row and its start is the prediction of
            :meth:`~dedupe.scoring.comparison.oblivious_trees.ObliviousTrees.log_odds`.
        """
        contributions = np.zeros((self.groups, len(vectors)))
        for at in range(0, len(vectors), BLOCK):
            block = contributions[:, at : at + BLOCK]
            columns = list(np.asfortranarray(vectors[at : at + BLOCK]).T)
            added = np.empty(block.shape[1])
            for tables, place in zip(self._tables, self.trees.places(columns), strict=True):
                for number, table in tables:
                    np.take(table, place, out=added, mode="clip")
                    block[number] += added
        return self._start(), contributions.T

    def _start(self) -> float:
        trees = np.arange(len(self.trees.feature))
        values = self.trees.exact_value[trees, self._reference_places]
        return float(self.trees.base[0] + values.sum())

    @cached_property
    def _reference_places(self) -> NDArray[np.int64]:
        """(t,) place of the reference in each tree."""
        feature, depth = self.trees.feature, self.trees.feature.shape[1]
        above = (self.reference[feature] > self.trees.limit) & (feature >= 0)
        places: NDArray[np.int64] = above @ (1 << np.arange(depth))
        return places

    @cached_property
    def _tables(self) -> list[list[tuple[int, NDArray[np.float64]]]]:
        """Of each tree: the groups in it, and the contribution of each at every place."""
        values = self._shapley_values()
        groups = np.where(self.trees.feature >= 0, self.group[self.trees.feature], -1)
        return [
            [
                (int(number), np.ascontiguousarray(values[tree, level]))
                for level, number in enumerate(of_tree)
                if number >= 0 and number not in of_tree[:level]
            ]
            for tree, of_tree in enumerate(groups)
        ]

    def _shapley_values(self) -> NDArray[np.float64]:
        """Compute the contribution of each group to each place, (t, d, 2^d).

        A group has the contribution of all its levels at the first of them, and none at the others,
        which are players without an effect.
        """
        feature = self.trees.feature
        count, depth = feature.shape
        size = 1 << depth
        group = np.where(feature >= 0, self.group[feature], -1 - np.arange(depth))
        same = group[:, :, None] == group[:, None, :]
        first = same.argmax(axis=2) == np.arange(depth)
        # The levels that a player takes over from the pair, as a set of bits.
        takes = np.where(first, same @ (1 << np.arange(depth)), 0)
        places = np.arange(size)
        reference = self._reference_places[:, None]
        differs = places ^ reference
        trees = np.arange(count)[:, None]
        value = self.trees.exact_value

        def predicted(players: int) -> NDArray[np.float64]:
            """Predict where a set of players takes its levels from the pair, (t, 2^d)."""
            taken = np.zeros(count, dtype=np.int64)
            for player in _members(players):
                taken |= takes[:, player]
            mixed = reference ^ (differs & taken[:, None])
            found: NDArray[np.float64] = value[trees, mixed]
            return found

        values = np.zeros((count, depth, size))
        for players in range(size):
            members = list(_members(players))
            found = predicted(players)
            for player in range(depth):
                # The share of orders in which the others of the set come before the player.
                before = len(members) - (player in members)
                weight = factorial(before) * factorial(depth - 1 - before) / factorial(depth)
                values[:, player] += (weight if player in members else -weight) * found
        return values


def _members(players: int) -> Iterator[int]:
    """Yield the numbers of the bits of a set."""
    number = 0
    while players >> number:
        if players >> number & 1:
            yield number
        number += 1
