"""Exported trees predict what the scikit-learn model predicts, or the export is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn

from dedupe.errors import ModelError
from dedupe.scoring.boosted_trees import NODE_FIELDS, BoostedTrees, export_trees
from dedupe.scoring.cascade import _fit, _predict
from dedupe.scoring.logistic import logit


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    vectors = np.random.default_rng(1).integers(0, 256, (3_000, 6)).astype(np.uint8)  # 255: missing
    vectors[:, 4] = 255
    return vectors


@pytest.fixture(scope="module")
def model(vectors: np.ndarray) -> Any:
    probability = (1 / (1 + np.exp(-(vectors[:1_000, 0] / 30.0 - 4)))).astype(np.float32)
    return _fit(vectors[:1_000], probability, seed=0)


def test_exported_trees_predict_what_the_model_predicts(model: Any, vectors: np.ndarray) -> None:
    trees = export_trees(model, vectors[:1_000])
    np.testing.assert_allclose(trees.predict(vectors), _predict(model, vectors), atol=1e-6)
    assert trees.predict(vectors).dtype == np.float32
    assert len(trees.predict(vectors[:0])) == 0


def test_trees_restored_from_their_arrays_predict_the_same(model: Any, vectors: np.ndarray) -> None:
    trees = export_trees(model, vectors)
    restored = BoostedTrees(**trees.to_arrays())
    np.testing.assert_array_equal(restored.predict(vectors), trees.predict(vectors))


def test_a_shift_is_added_to_all_log_odds(model: Any, vectors: np.ndarray) -> None:
    trees = export_trees(model, vectors)
    shifted = trees.shifted(-1.0)
    np.testing.assert_allclose(shifted.log_odds(vectors), trees.log_odds(vectors) - 1)
    assert (shifted.predict(vectors) < trees.predict(vectors)).all()
    difference = logit(trees.predict(vectors), 30) - logit(shifted.predict(vectors), 30)
    np.testing.assert_allclose(difference, 1, atol=1e-4)


class Predictor:
    def __init__(self, nodes: np.ndarray) -> None:
        self.nodes = nodes


class Model:
    """A model that stores its trees as some other version of scikit-learn may."""

    def __init__(self, model: Any) -> None:
        self._predictors = [[Predictor(trees[0].nodes.copy())] for trees in model._predictors]
        self._baseline_prediction = model._baseline_prediction
        self.predict = model.predict


def refusal(model: Any, vectors: np.ndarray) -> str:
    with pytest.raises(ModelError) as raised:
        export_trees(model, vectors)
    message = str(raised.value)
    assert f"scikit-learn {sklearn.__version__}" in message
    assert "scikit-learn>=1.5,<2" in message
    return message


@pytest.mark.parametrize("attribute", ["_predictors", "_baseline_prediction"])
def test_a_model_without_a_private_attribute_is_refused(
    model: Any, vectors: np.ndarray, attribute: str
) -> None:
    other = Model(model)
    delattr(other, attribute)
    assert attribute in refusal(other, vectors)


@pytest.mark.parametrize("field", NODE_FIELDS)
def test_nodes_without_a_field_are_refused(model: Any, vectors: np.ndarray, field: str) -> None:
    other = Model(model)
    for (predictor,) in other._predictors:
        names = [name for name in predictor.nodes.dtype.names or () if name != field]
        predictor.nodes = predictor.nodes[names]
    assert f"no field {field}" in refusal(other, vectors)


def test_a_categorical_split_is_refused(model: Any, vectors: np.ndarray) -> None:
    other = Model(model)
    other._predictors[0][0].nodes["is_categorical"][0] = True
    assert "categorical" in refusal(other, vectors)


def test_trees_that_predict_other_values_than_the_model_are_refused(
    model: Any, vectors: np.ndarray
) -> None:
    other = Model(model)
    other._baseline_prediction = other._baseline_prediction + 1e-3
    assert "other values" in refusal(other, vectors)
