"""Gradient-boosted trees as plain arrays: a file can hold them, and loading it runs no code."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedupe.errors import ModelError
from dedupe.scoring.comparison import MISSING, Bytes, as_floats
from dedupe.scoring.logistic import sigmoid

BLOCK = 512
"""Pairs that pass through all trees together; their arrays stay in cache."""
NODE_FIELDS = (
    "feature_idx",
    "is_categorical",
    "is_leaf",
    "left",
    "missing_go_to_left",
    "num_threshold",
    "right",
    "value",
)
"""Fields of scikit-learn's node arrays that :func:`export_trees` reads."""
TOLERANCE = 1e-9
"""Largest difference in log odds between exported trees and their model: only the order of
summation differs."""


@dataclass(frozen=True, eq=False)
class _Traversal:
    """Trees as arrays for a level-wise walk; nodes are numbered through all t trees.

    ``roots`` (t,); ``depth`` of the deepest tree; for each of k nodes the ``feature`` (k,), the
    ``limit`` (k,) that a value must exceed to go right, and ``missing_right`` (k,); ``children``
    (2 k,) holds the left and the right child of each node, and a leaf is its own child.
    """

    roots: NDArray[np.int64]
    depth: int
    feature: NDArray[np.int64]
    missing_right: NDArray[np.bool_]
    limit: NDArray[np.int16]
    children: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BoostedTrees:
    """Gradient-boosted trees that predict log odds from comparison vectors.

    Parameters
    ----------
    start
        (t + 1,) int64: first node of each of the t trees.
    feature
        (k,) int32: feature that a node splits on.
    below, above
        (k,) int32: children of a node, numbered within its tree, for values up to the limit and
        above it; ``below`` is -1 for a leaf.
    limit
        (k,) float64.
    missing_below
        (k,) bool: missing values go to the child ``below``.
    value
        (k,) float64: log odds that a leaf adds.
    base
        (1,) float64: log odds before the first tree.
    """

    start: NDArray[np.int64]
    feature: NDArray[np.int32]
    below: NDArray[np.int32]
    above: NDArray[np.int32]
    limit: NDArray[np.float64]
    missing_below: NDArray[np.bool_]
    value: NDArray[np.float64]
    base: NDArray[np.float64]

    def predict(self, vectors: Bytes) -> NDArray[np.float32]:
        """Predict the match probability of each pair, (m,) float32, from (m, f) vectors."""
        return sigmoid(self.log_odds(vectors)).astype(np.float32)

    def log_odds(self, vectors: Bytes) -> NDArray[np.float64]:
        """Predict the log odds of each pair, (m,) float64, from (m, f) vectors."""
        log_odds = np.empty(len(vectors), dtype=np.float64)
        for at in range(0, len(vectors), BLOCK):
            block = slice(at, at + BLOCK)
            log_odds[block] = self._log_odds(vectors[block])
        return log_odds

    def shifted(self, shift: float) -> BoostedTrees:
        """Return the same trees with `shift` added to all log odds."""
        return BoostedTrees(**{**self.to_arrays(), "base": self.base + shift})

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, as the constructor takes them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _log_odds(self, vectors: Bytes) -> NDArray[np.float64]:
        trees, width = self._traversal, vectors.shape[1]
        column = trees.feature + np.where(trees.missing_right, width, 0)
        values = vectors.astype(np.int16)
        # Each feature twice: with missing values below all others, and above all others.
        low = np.where(values == MISSING, -1, values)
        high = np.where(values == MISSING, MISSING + 1, values)
        flat = np.concatenate([low, high], axis=1).ravel()
        row = (np.arange(len(values)) * 2 * width)[:, None]
        # All trees descend together, one level at a time; a leaf is its own child.
        node = np.repeat(trees.roots[None, :], len(values), axis=0)
        for _ in range(trees.depth):
            right = flat.take(row + column.take(node)) > trees.limit.take(node)
            node = trees.children.take(2 * node + right)
        log_odds: NDArray[np.float64] = self.base[0] + self.value.take(node).sum(axis=1)
        return log_odds

    @cached_property
    def _traversal(self) -> _Traversal:
        own = np.arange(len(self.below))
        first = np.repeat(self.start[:-1], np.diff(self.start))
        leaf = self.below < 0
        children = [np.where(leaf, own, first + child) for child in (self.below, self.above)]
        node, depth = self.start[:-1], 0
        while not leaf[node].all():
            node = np.unique(np.concatenate([child[node] for child in children]))
            depth += 1
        return _Traversal(
            roots=self.start[:-1],
            depth=depth,
            feature=np.maximum(self.feature, 0).astype(np.int64),
            missing_right=~self.missing_below,
            limit=np.floor(self.limit).clip(-1, MISSING).astype(np.int16),
            children=np.stack(children, axis=1).ravel(),
        )


def export_trees(model: Any, vectors: Bytes) -> BoostedTrees:
    """Export the trees of a fitted scikit-learn ``HistGradientBoostingRegressor``.

    scikit-learn has no public access to the trees, so private attributes are read. What they hold
    is checked: the exported trees must predict what the model predicts.

    Parameters
    ----------
    model
        Fitted to log odds of pairs.
    vectors
        (m, f) comparison vectors, such as those that the model was fitted to.

    Raises
    ------
    ModelError
        If the installed scikit-learn stores trees in another way.
    """
    try:
        trees = [predictors[0].nodes for predictors in model._predictors]
        baseline = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(1)
        nodes = np.concatenate(trees)
        missing = [name for name in NODE_FIELDS if name not in (nodes.dtype.names or ())]
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise _cannot_export(str(error)) from error
    if missing:
        raise _cannot_export(f"nodes have no field {', '.join(missing)}")
    if nodes["is_categorical"].any():
        raise _cannot_export("a split is categorical")
    exported = BoostedTrees(
        start=np.concatenate([[0], np.cumsum([len(tree) for tree in trees])]).astype(np.int64),
        feature=nodes["feature_idx"].astype(np.int32),
        below=np.where(nodes["is_leaf"], -1, nodes["left"].astype(np.int32)).astype(np.int32),
        above=nodes["right"].astype(np.int32),
        limit=nodes["num_threshold"].astype(np.float64),
        missing_below=nodes["missing_go_to_left"].astype(bool),
        value=nodes["value"].astype(np.float64),
        base=baseline,
    )
    difference = np.abs(exported.log_odds(vectors) - model.predict(as_floats(vectors)))
    if not (difference <= TOLERANCE).all():
        raise _cannot_export("the exported trees predict other values than the model")
    return exported


def _cannot_export(reason: str) -> ModelError:
    installed = version("scikit-learn")
    return ModelError(
        f"cannot read the trees of scikit-learn {installed} ({reason}): install a version that "
        "dedupe was tested with, scikit-learn>=1.5,<2"
    )
