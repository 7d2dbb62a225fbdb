"""The bundled cross-encoder on CPUs: ONNX Runtime with 8-bit weights, without torch.

``graph.onnx``, written by :mod:`dedupe.training.export_graph`, holds no weights. They are read from
``model.safetensors`` and quantised when the model is loaded, so that models fine-tuned from the
bundled one run on the same graph.

Weights have one scale per output channel. The input of each product has one scale per token,
computed at run time. All pairs of a batch have the same number of tokens. So the logit of a pair
does not depend on the other pairs of its batch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dedupe.models.loading import MODELS, cannot_load, cpu_count
from dedupe.progress import Progress, silent

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

BUNDLED_FOLDER = MODELS / "cross-encoder"
GRAPH = BUNDLED_FOLDER / "graph.onnx"
WEIGHTS = "model.safetensors"
LAYERS, HEADS, HIDDEN, INTERMEDIATE = 6, 12, 384, 1536
"""Sizes of the network in :data:`GRAPH`."""
WORDS, POSITIONS = 30_522, 512
"""Rows of its embedding tables."""
GELU_OFFSET = 0.17
"""Added to the output of GELU, which is above -0.17, so that it is quantised without a sign."""

BATCH_TOKENS = 256
"""Most tokens in a batch of more than one pair: their activations stay in the cache of a core."""
BATCHES = 128
"""Batches between two reports of progress."""
_TEXTS = 4_096
_SAME = (
    "model_type", "architectures", "hidden_size", "intermediate_size", "num_hidden_layers",
    "num_attention_heads", "hidden_act", "layer_norm_eps", "max_position_embeddings",
    "type_vocab_size", "vocab_size", "pad_token_id",
)  # fmt: skip
_SAME_TOKENIZER = ("added_tokens", "normalizer", "pre_tokenizer", "post_processor", "model")

_ONNX_TYPES = {"float32": 1, "int8": 3, "float16": 10}

Weights = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class OnnxCrossEncoder:
    """A cross-encoder with the architecture of the bundled one, for CPUs.

    Parameters
    ----------
    tokenizer
        Without truncation and padding.
    session
        :data:`GRAPH` with the weights of the model.
    max_tokens
        Longest input, in word pieces per pair.
    reads_marks
        Whether the model was trained on texts with marks.
    threads
        Batches that are computed at the same time.
    """

    tokenizer: Tokenizer
    session: InferenceSession
    max_tokens: int
    reads_marks: bool
    threads: int

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Tokens of the tokenizer."""
        return frozenset(self.tokenizer.get_vocab())

    def logits(
        self, pairs: Sequence[tuple[str, str]], progress: Progress = silent
    ) -> NDArray[np.float32]:
        """Compute the logit of each pair of prepared texts, (m,) float32.

        Each distinct text is tokenised once. The longest pairs come first.
        """
        logits = np.empty(len(pairs), dtype=np.float32)
        inputs = PairInputs.of(self.tokenizer, pairs, self.max_tokens)
        batches = equal_length_batches(inputs.lengths, BATCH_TOKENS)

        def run(batch: NDArray[np.int64]) -> NDArray[np.float32]:
            ids, types = inputs.batch(batch)
            (found,) = self.session.run(["logits"], {"ids": ids, "types": types})
            return found  # type: ignore[no-any-return]

        done = 0
        with ThreadPoolExecutor(self.threads) as pool:
            for at in range(0, len(batches), BATCHES):
                part = batches[at : at + BATCHES]
                for batch, found in zip(part, pool.map(run, part), strict=True):
                    logits[batch] = found
                    done += len(batch)
                progress(done, len(pairs))
        return logits


def load_onnx_cross_encoder(folder: Path) -> OnnxCrossEncoder:
    """Load a model that :func:`runs_on_graph`.

    Raises
    ------
    ModelError
        If a file is missing or damaged.
    """
    from onnxruntime import InferenceSession
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        reads_marks = bool(config.get("reads_marks", False))
        weights = graph_weights(load_file(folder / WEIGHTS))
        session = InferenceSession(
            str(GRAPH), _session_options(weights), providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise cannot_load("cross-encoder", str(folder), error) from error
    max_tokens = min(int(settings.get("model_max_length", POSITIONS)), POSITIONS)
    return OnnxCrossEncoder(tokenizer, session, max_tokens, reads_marks, thread_count())


def runs_on_graph(folder: Path) -> bool:
    """Tell whether a folder holds a model with the architecture and tokenizer of the bundled one.

    The answer is no as well if a file of it cannot be read.
    """
    if folder.resolve() == BUNDLED_FOLDER.resolve():
        return True
    if not (folder / WEIGHTS).is_file():
        return False
    try:
        for name, keys in (("config.json", _SAME), ("tokenizer.json", _SAME_TOKENIZER)):
            one, other = (
                json.loads((place / name).read_text(encoding="utf-8"))
                for place in (folder, BUNDLED_FOLDER)
            )
            if any(one.get(key) != other.get(key) for key in keys):
                return False
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        modules = folder / "modules.json"
        return (
            len(config.get("id2label") or "12") == 1
            and config.get("position_embedding_type", "absolute") == "absolute"
            and (not modules.exists() or len(json.loads(modules.read_text("utf-8"))) == 1)
        )
    except (OSError, ValueError, AttributeError, TypeError):
        return False


def thread_count() -> int:
    """Count the threads to compute with: ``OMP_NUM_THREADS``, or one per CPU core."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return int(wanted) if wanted.isdecimal() and int(wanted) else cpu_count()


def _session_options(weights: Weights) -> Any:
    from onnxruntime import GraphOptimizationLevel, OrtValue, SessionOptions

    options = SessionOptions()
    # Batches are computed side by side, each in one thread: nothing waits for anything.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Batches have many shapes. A plan of memory for each of them would be kept for ever.
    options.enable_mem_pattern = False
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_BASIC
    values = [
        OrtValue.ortvalue_from_numpy_with_onnx_type(array, _ONNX_TYPES[array.dtype.name])
        for array in weights.values()
    ]
    options.add_external_initializers(list(weights), values)
    return options


# Weights ------------------------------------------------------------------------------------------


def graph_weights(tensors: Mapping[str, NDArray[Any]]) -> Weights:
    """Convert the tensors of ``model.safetensors`` to the weights of :data:`GRAPH`.

    Parameters
    ----------
    tensors
        Weights of a ``BertForSequenceClassification`` by name, in half or single precision.

    Returns
    -------
    dict
        C-contiguous arrays by name: the word embeddings in float16; for each product a ``.weight``
        (inputs, outputs) in int8 with a ``.factor`` per output and a ``.bias``; the rest in
        float32.

    Raises
    ------
    ValueError
        If a tensor is missing or has another shape.
    """

    def tensor(name: str, *shape: int) -> NDArray[Any]:
        found = tensors.get(name)
        if found is None or found.shape != shape:
            raise ValueError(f"{WEIGHTS} has no tensor {name} of shape {shape}")
        return found

    def single(name: str, *shape: int) -> NDArray[np.float32]:
        return tensor(name, *shape).astype(np.float32)

    weights: Weights = {}

    def normalisation(to: str, name: str) -> None:
        weights[f"{to}.scale"] = single(f"{name}.weight", HIDDEN)
        weights[f"{to}.shift"] = single(f"{name}.bias", HIDDEN)

    def product(
        to: str, names: Sequence[str], inputs: int, outputs: int, offset: float = 0
    ) -> None:
        matrix = np.concatenate([single(f"{n}.weight", outputs, inputs).T for n in names], axis=1)
        bias = np.concatenate([single(f"{n}.bias", outputs) for n in names])
        quantised, factor = quantise(matrix)
        moved = offset * factor * quantised.sum(axis=0)
        weights[f"{to}.weight"], weights[f"{to}.factor"] = quantised, factor
        weights[f"{to}.bias"] = (bias - moved).astype(np.float32)

    embeddings = "bert.embeddings."
    words = tensor(f"{embeddings}word_embeddings.weight", WORDS, HIDDEN)
    weights["words"] = words.astype(np.float16)
    weights["positions"] = single(f"{embeddings}position_embeddings.weight", POSITIONS, HIDDEN)
    weights["kinds"] = single(f"{embeddings}token_type_embeddings.weight", 2, HIDDEN)
    normalisation("embeddings", f"{embeddings}LayerNorm")
    for layer in range(LAYERS):
        to, name = f"layer{layer}", f"bert.encoder.layer.{layer}"
        query, *others = (f"{name}.attention.self.{part}" for part in ("query", "key", "value"))
        if layer < LAYERS - 1:
            product(f"{to}.attention", [query, *others], HIDDEN, HIDDEN)
        else:
            # Only the first token is read after the last layer: others need no query.
            product(f"{to}.query", [query], HIDDEN, HIDDEN)
            product(f"{to}.attention", others, HIDDEN, HIDDEN)
        product(f"{to}.attended", [f"{name}.attention.output.dense"], HIDDEN, HIDDEN)
        normalisation(f"{to}.attended", f"{name}.attention.output.LayerNorm")
        product(f"{to}.wide", [f"{name}.intermediate.dense"], HIDDEN, INTERMEDIATE)
        product(f"{to}.output", [f"{name}.output.dense"], INTERMEDIATE, HIDDEN, GELU_OFFSET)
        normalisation(f"{to}.output", f"{name}.output.LayerNorm")
    for to, name, outputs in (("pooler", "bert.pooler.dense", HIDDEN), ("head", "classifier", 1)):
        weights[f"{to}.weight"] = single(f"{name}.weight", outputs, HIDDEN).T
        weights[f"{to}.bias"] = single(f"{name}.bias", outputs)
    return {name: np.ascontiguousarray(array) for name, array in weights.items()}


def quantise(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Quantise a matrix to eight bits with one scale per column.

    CPUs without VNNI instructions multiply pairs of adjacent rows by inputs of up to 255 and add
    both products in 16 bits. The scale of a column is chosen so that no such sum exceeds them.

    Returns
    -------
    quantised, factor
        ``quantised * factor`` is close to `matrix`.
    """
    positive, negative = np.maximum(matrix, 0), np.maximum(-matrix, 0)
    largest = np.maximum(
        (positive[0::2] + positive[1::2]).max(axis=0), (negative[0::2] + negative[1::2]).max(axis=0)
    )
    factor = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    return np.rint(matrix / factor).astype(np.int8), factor


# Inputs -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PairInputs:
    """Token ids of pairs of texts: those of each distinct text, and how many of them a pair has.

    Parameters
    ----------
    ids, starts
        Token ids of all distinct texts in one array, without special tokens; where each begins.
    sides, side_lengths
        (m, 2) numbers of the texts of each pair, and of the tokens that it has of them.
    first, separator
        Ids of the tokens before and after a text.
    """

    ids: NDArray[np.uint16]
    starts: NDArray[np.int64]
    sides: NDArray[np.int64]
    side_lengths: NDArray[np.int64]
    first: int
    separator: int

    @staticmethod
    def of(tokenizer: Tokenizer, pairs: Sequence[tuple[str, str]], max_tokens: int) -> PairInputs:
        """Tokenise each distinct text once, and shorten pairs of more than `max_tokens` tokens."""
        numbers: dict[str, int] = {}
        sides = np.array(
            [[numbers.setdefault(text, len(numbers)) for text in pair] for pair in pairs],
            dtype=np.int64,
        ).reshape(-1, 2)
        ids, starts = _token_ids(tokenizer.encode_batch_fast, list(numbers))
        side_lengths = shortened_lengths(np.diff(starts)[sides], max_tokens - 3)
        special = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
        first, separator = (-1 if token is None else token for token in special)
        return PairInputs(ids, starts, sides, side_lengths, first, separator)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(m,) tokens of each pair, with the three special ones."""
        return np.asarray(self.side_lengths.sum(axis=1) + 3)

    def batch(self, pairs: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the token ids and token types of pairs of one length."""
        length = int(self.side_lengths[pairs[0]].sum()) + 3
        ids = np.full((len(pairs), length), self.separator, dtype=np.int32)
        types = np.zeros_like(ids)
        ids[:, 0] = self.first
        for row, (left, right), (ours, theirs) in zip(
            range(len(pairs)), self.starts[self.sides[pairs]], self.side_lengths[pairs], strict=True
        ):
            ids[row, 1 : 1 + ours] = self.ids[left : left + ours]
            ids[row, 2 + ours : 2 + ours + theirs] = self.ids[right : right + theirs]
            types[row, 2 + ours :] = 1
        return ids, types


def _token_ids(
    encode: Callable[..., Any], texts: Sequence[str]
) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Return the token ids of all texts in one array, and where each begins and the last ends."""
    parts = [np.empty(0, dtype=np.uint16)]
    counts = [0]
    for at in range(0, len(texts), _TEXTS):
        found = [one.ids for one in encode(texts[at : at + _TEXTS], add_special_tokens=False)]
        counts += map(len, found)
        parts.append(np.array([i for ids in found for i in ids], dtype=np.uint16))
    return np.concatenate(parts), np.cumsum(counts)


def shortened_lengths(lengths: NDArray[np.int64], budget: int) -> NDArray[np.int64]:
    """Shorten the longer text of each pair until both have `budget` tokens, as ``longest_first``.

    Parameters
    ----------
    lengths
        (m, 2) tokens of both texts.
    budget
        Most tokens of both together.

    Returns
    -------
    ndarray
        (m, 2) tokens that remain; of an odd budget, the longer text gets one more.
    """
    shorter = np.minimum(lengths.min(axis=1), budget // 2)
    longer = np.minimum(lengths.max(axis=1), budget - shorter)
    swapped = lengths[:, 0] > lengths[:, 1]
    short = np.stack([shorter, longer], axis=1)
    short[swapped] = short[swapped, ::-1]
    return np.where(lengths.sum(axis=1, keepdims=True) > budget, short, lengths)


def equal_length_batches(lengths: NDArray[np.int64], tokens: int) -> list[NDArray[np.int64]]:
    """Split pairs into batches of one length and at most `tokens` tokens, the longest first."""
    order = np.argsort(-lengths, kind="stable")
    batches: list[NDArray[np.int64]] = []
    for group in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1):
        if len(group):
            size = max(tokens // int(lengths[group[0]]), 1)
            batches += [group[at : at + size] for at in range(0, len(group), size)]
    return batches
