"""Gradient-boosted trees as plain arrays, in a form that a file can hold and no code runs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedupe.scoring.comparison import MISSING, Bytes

TOGETHER = 512
"""Pairs that all trees look at together: what they read stays in cache."""


@dataclass(frozen=True, eq=False)
class _Walk:
    """Trees as a walk from node to node, by numbers that count through all t trees.

    ``roots`` (t,), ``levels`` of the deepest tree; of the k nodes ``feature`` (k,), what a value
    must exceed to go above (``limit``, of features from 0 to 254), whether what is missing does
    (``missing_above``), and ``next`` (2 k,): the nodes below and above, for a leaf itself.
    """

    roots: NDArray[np.int64]
    levels: int
    feature: NDArray[np.int64]
    missing_above: NDArray[np.bool_]
    limit: NDArray[np.int16]
    next: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BoostedTrees:
    """Gradient-boosted trees as plain arrays: they can be kept in a file that runs no code.

    Parameters
    ----------
    start
        (t + 1,) int64: where the nodes of each of the t trees begin.
    feature, below, above
        (k,) int32: what a node looks at, and the nodes of its tree that follow where the value is
        at most the limit, and above it; ``below`` is -1 for a leaf.
    limit
        (k,) float64.
    missing_below
        (k,) bool: a missing value goes where low ones go.
    value
        (k,) float64: what a leaf adds to the logit.
    base
        (1,) float64: logit before the first tree.
    """

    start: NDArray[np.int64]
    feature: NDArray[np.int32]
    below: NDArray[np.int32]
    above: NDArray[np.int32]
    limit: NDArray[np.float64]
    missing_below: NDArray[np.bool_]
    value: NDArray[np.float64]
    base: NDArray[np.float64]

    @classmethod
    def of(cls, model: Any, crowding: float = 0.0) -> BoostedTrees:
        """Take the trees out of a fitted ``HistGradientBoostingRegressor``.

        `crowding` is taken from every logit.
        """
        trees = [one[0].nodes for one in model._predictors]
        nodes = np.concatenate(trees)
        return cls(
            start=np.concatenate([[0], np.cumsum([len(tree) for tree in trees])]).astype(np.int64),
            feature=nodes["feature_idx"].astype(np.int32),
            below=np.where(nodes["is_leaf"], -1, nodes["left"].astype(np.int32)).astype(np.int32),
            above=nodes["right"].astype(np.int32),
            limit=nodes["num_threshold"].astype(np.float64),
            missing_below=nodes["missing_go_to_left"].astype(bool),
            value=nodes["value"].astype(np.float64),
            base=np.asarray(model._baseline_prediction, dtype=np.float64).reshape(1) - crowding,
        )

    def predict(self, features: Bytes) -> NDArray[np.float32]:
        """Return the probability of each pair, (m,) float32; `features` is (m, f)."""
        walk, width = self._walk, features.shape[1]
        column = walk.feature + np.where(walk.missing_above, width, 0)
        chance = np.empty(len(features), dtype=np.float32)
        for begin in range(0, len(features), TOGETHER):
            some = features[begin : begin + TOGETHER].astype(np.int16)
            # Every similarity twice: with what is missing below all others, and above.
            low = np.where(some == MISSING, -1, some)
            both = np.concatenate([low, np.where(some == MISSING, MISSING + 1, some)], axis=1)
            numbers = both.ravel()
            row = (np.arange(len(some)) * 2 * width)[:, None]
            # All trees at once, a level at a time; who is at a leaf stays there.
            at = np.repeat(walk.roots[None, :], len(some), axis=0)
            for _ in range(walk.levels):
                above = numbers.take(row + column.take(at)) > walk.limit.take(at)
                at = walk.next.take(2 * at + above)
            logit = self.base[0] + self.value.take(at).sum(axis=1)
            chance[begin : begin + TOGETHER] = 1 / (1 + np.exp(-logit))
        return chance

    @cached_property
    def _walk(self) -> _Walk:
        nodes = len(self.below)
        own = np.arange(nodes)
        tree = np.repeat(self.start[:-1], np.diff(self.start))
        leaf = self.below < 0
        ways = [np.where(leaf, own, tree + way) for way in (self.below, self.above)]
        at, levels = self.start[:-1], 0
        while not leaf[at].all():
            at = np.unique(np.concatenate([way[at] for way in ways]))
            levels += 1
        return _Walk(
            roots=self.start[:-1],
            levels=levels,
            feature=np.maximum(self.feature, 0).astype(np.int64),
            missing_above=~self.missing_below,
            limit=np.floor(self.limit).clip(-1, MISSING).astype(np.int16),
            next=np.stack(ways, axis=1).ravel(),
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name; :meth:`BoostedTrees` takes them again."""
        return {one.name: getattr(self, one.name) for one in fields(self)}
