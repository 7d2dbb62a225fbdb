"""Write the graph of the bundled cross-encoder: ``python -m dedupe.training.export_graph``.

The graph holds no weights: :mod:`dedupe.scoring.cross_encoder.onnx_encoder` gives them to it. It
differs from an exported network in two ways. Each product quantises its input by token. The last
layer computes the first token only, since no other is read. Needs the extra ``train``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedupe.errors import ModelError, needs_extra
from dedupe.scoring.cross_encoder.onnx_encoder import (
    BUNDLED_FOLDER,
    GELU_OFFSET,
    GRAPH,
    HEADS,
    HIDDEN,
    LAYERS,
    WEIGHTS,
    graph_weights,
)

OPSET, IR_VERSION = 18, 9
"""Versions of the operators and of the format: ONNX Runtime 1.17 reads them."""
FUSED = "com.microsoft"
"""Domain of the operators that only ONNX Runtime has."""
EPSILON = 1e-12
"""Of layer normalisation."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the graph of the bundled cross-encoder."""
    from safetensors.numpy import load_file

    parser = argparse.ArgumentParser(
        prog="python -m dedupe.training.export_graph", description=main.__doc__
    )
    parser.add_argument("--out", type=Path, default=GRAPH)
    options = parser.parse_args(arguments)
    weights = graph_weights(load_file(BUNDLED_FOLDER / WEIGHTS))
    options.out.write_bytes(graph_bytes(weights))


def graph_bytes(weights: Mapping[str, NDArray[Any]]) -> bytes:
    """Build the graph for weights of these names, shapes and types, in the format of ONNX.

    The inputs ``ids`` and ``types`` are (pairs, tokens) int32 without padding, the output
    ``logits`` is (pairs,) float32.

    Raises
    ------
    ModelError
        If the package ``onnx`` is missing.
    """
    with needs_extra("train", "writing the graph", ModelError):
        from onnx import TensorProto, helper
    graph = _Graph()
    _add_network(graph)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT32, ["pairs", "tokens"])
        for name in ("ids", "types")
    ]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["pairs"])
    outside = [_outside(name, array) for name, array in weights.items()]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "cross-encoder", inputs, [output], [*graph.constants.values(), *outside]
        ),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)],
        ir_version=IR_VERSION,
        producer_name="dedupe",
    )
    return bytes(model.SerializeToString(deterministic=True))


@dataclass
class _Graph:
    """Nodes and constants of a graph that is being built."""

    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node with one output, and return the name of it."""
        from onnx import helper

        output = output or f"{operator}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def split(self, value: str, parts: int) -> list[str]:
        """Split a value along its first axis, and drop the axis."""
        from onnx import helper

        outputs = [f"Split{len(self.nodes)}_{part}" for part in range(parts)]
        self.nodes.append(helper.make_node("Split", [value], outputs, axis=0, num_outputs=parts))
        return [self.add("Squeeze", output, self.integers(0)) for output in outputs]

    def constant(self, value: Any) -> str:
        """Add a small constant, and return its name."""
        from onnx import numpy_helper

        array = np.asarray(value)
        name = f"{array.dtype}{array.tolist()}"
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def integers(self, *values: int) -> str:
        """Add a constant of one axis: a shape, a list of axes or a position."""
        return self.constant(np.array(values, dtype=np.int64))

    def number(self, value: float) -> str:
        """Add a constant number."""
        return self.constant(np.float32(value))


def _outside(name: str, array: NDArray[Any]) -> Any:
    """Describe weights that are given to the graph when it is loaded."""
    from onnx import TensorProto, external_data_helper, helper

    tensor = TensorProto(
        name=name, dims=array.shape, data_type=helper.np_dtype_to_tensor_dtype(array.dtype)
    )
    tensor.raw_data = b""
    external_data_helper.set_external_data(tensor, location="weights")
    return tensor


def _add_network(graph: _Graph) -> None:
    """Add the embeddings, the layers and the head."""
    add = graph.add
    words = add("Cast", add("Gather", "words", "ids"), to=1)
    positions = add(
        "Slice", "positions", graph.integers(0), add("Shape", "ids", start=1), graph.integers(0)
    )
    embedded = add("Add", add("Add", words, add("Gather", "kinds", "types")), positions)
    x = _normalised(graph, embedded, "embeddings")
    x = add("Reshape", x, graph.integers(-1, HIDDEN))
    for layer in range(LAYERS):
        name = f"layer{layer}"
        attended, x = _attention(graph, x, name, last=layer == LAYERS - 1)
        y = _product(graph, _quantised(graph, attended), f"{name}.attended")
        x = _normalised(graph, add("Add", y, x), f"{name}.attended")
        y = _product(graph, _quantised(graph, x), f"{name}.wide", gelu=True)
        y = _product(graph, _quantised(graph, y, gelu=True), f"{name}.output")
        x = _normalised(graph, add("Add", y, x), f"{name}.output")
    for part in ("pooler", "head"):
        x = add("Add", add("MatMul", x, f"{part}.weight"), f"{part}.bias")
        if part == "pooler":
            x = add("Tanh", x)
    add("Reshape", x, graph.integers(-1), output="logits")


def _attention(graph: _Graph, x: str, name: str, last: bool) -> tuple[str, str]:
    """Add the attention of a layer: what it reads, and the tokens that read it.

    `x`, like both results, is (tokens of all pairs, hidden size). Of the last layer, only the first
    token of each pair reads.
    """
    add = graph.add
    pairs = add("Shape", "ids")
    found = _product(graph, _quantised(graph, x), f"{name}.attention")
    if last:
        shape = add("Concat", pairs, graph.integers(HIDDEN), axis=0)
        first = add("Slice", add("Reshape", x, shape), *(graph.integers(n) for n in (0, 1, 1)))
        x = add("Reshape", first, graph.integers(-1, HIDDEN))
        query = _product(graph, _quantised(graph, x), f"{name}.query")
        query = add("Reshape", query, graph.integers(-1, HEADS, 1, HIDDEN // HEADS))
        key, value = graph.split(_by_head(graph, found, pairs, 2), 2)
    else:
        query, key, value = graph.split(_by_head(graph, found, pairs, 3), 3)
    scores = add("FusedMatMul", query, key, domain=FUSED, transB=1, alpha=(HIDDEN // HEADS) ** -0.5)
    read = add("MatMul", add("Softmax", scores, axis=-1), value)
    read = add("Transpose", read, perm=[0, 2, 1, 3])
    return add("Reshape", read, graph.integers(-1, HIDDEN)), x


def _by_head(graph: _Graph, x: str, pairs: str, parts: int) -> str:
    """Reshape `x` to (parts, pairs, heads, tokens, size of a head)."""
    shape = graph.add("Concat", pairs, graph.integers(parts, HEADS, HIDDEN // HEADS), axis=0)
    return graph.add("Transpose", graph.add("Reshape", x, shape), perm=[2, 0, 3, 1, 4])


def _normalised(graph: _Graph, x: str, name: str) -> str:
    return graph.add(
        "LayerNormalization", x, f"{name}.scale", f"{name}.shift", axis=-1, epsilon=EPSILON
    )


def _quantised(graph: _Graph, x: str, gelu: bool = False) -> tuple[str, str, str]:
    """Quantise each row of `x` to bytes; return them, the scale of each row, and what means zero.

    The output of GELU is hardly negative: it is moved above zero and uses all values of a byte.
    """
    add = graph.add
    if gelu:
        x = magnitude = add("Add", x, graph.number(GELU_OFFSET))
    else:
        magnitude = add("Abs", x)
    largest = add("ReduceMax", magnitude, graph.integers(-1), keepdims=0)
    scale = add("Mul", largest, graph.number(1 / 255 if gelu else 1 / 127))
    zero = np.uint8(0 if gelu else 128)
    zeros = add("Expand", graph.constant(zero), add("Shape", scale))
    quantised = add("QuantizeLinear", x, scale, zeros, axis=0)
    return quantised, add("Unsqueeze", scale, graph.integers(-1)), graph.constant(zero)


def _product(graph: _Graph, quantised: tuple[str, str, str], name: str, gelu: bool = False) -> str:
    """Multiply a quantised value by weights, and add their bias; then apply GELU if wanted."""
    x, scale, zero = quantised
    product = graph.add(
        "MatMulIntegerToFloat", x, f"{name}.weight", graph.number(1), f"{name}.factor", zero,
        domain=FUSED,
    )  # fmt: skip
    product = graph.add("Mul", product, scale)
    if gelu:
        return graph.add("BiasGelu", product, f"{name}.bias", domain=FUSED)
    return graph.add("Add", product, f"{name}.bias")


if __name__ == "__main__":
    main()
