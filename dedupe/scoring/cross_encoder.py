"""The cross-encoder: the bundled one, or any sentence-transformers model with one label.

The bundled cross-encoder is a MiniLM fine-tuned on pairs of records. It reads the texts of
:mod:`dedupe.records` in the form that :func:`cross_encoder_text` gives them. The score of a pair
does not depend on the order of its records: the two texts are sorted before the model sees them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dedupe.config import BUNDLED, Config
from dedupe.errors import ModelError
from dedupe.models.loading import MODELS, cannot_load, no_bars, pick_device, pick_dtype
from dedupe.progress import Progress, silent

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


MAX_TOKENS = 192
"""Longest pair that the bundled cross-encoder reads, in word pieces."""


TEXT_BUDGET = 256
"""Characters of a record that a cross-encoder is shown; longer values are cut first."""


_DIGITS = re.compile(r"\d{5,}")


def load_cross_encoder(config: Config) -> CrossEncoder:
    """Return the cross-encoder of `config`, in bf16 where the machine computes in it.

    Raises
    ------
    ModelError
        If the model named cannot be loaded as a ``CrossEncoder`` with one label.
    """
    from sentence_transformers import CrossEncoder

    bundled = config.cross_encoder == BUNDLED
    folder = str(MODELS / "cross-encoder") if bundled else config.cross_encoder
    device = pick_device(config.device)
    local = Path(folder).is_dir()
    try:
        with no_bars() if local else nullcontext():
            model: CrossEncoder = CrossEncoder(
                folder,
                device=device,
                local_files_only=local,
                model_kwargs={"dtype": pick_dtype(device), "use_safetensors": True},
            )
    except Exception as error:
        raise cannot_load("cross-encoder", folder, error) from error
    if model.num_labels != 1:
        raise ModelError(
            f"cross-encoder {folder} gives {model.num_labels} labels a pair: one that gives a "
            "single score is needed"
        )
    model.eval()
    return model


@contextmanager
def importing_ahead() -> Iterator[None]:
    """Import what the cross-encoder needs, which takes seconds, while something else is done."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(import_module, "sentence_transformers")
        yield


def cross_encoder_text(text: str) -> str:
    r"""Return a record text as a cross-encoder reads it.

    Runs of five digits or more are written in groups of two, so that two dates or numbers that
    differ in one digit share their other tokens. A record over :data:`TEXT_BUDGET` characters has
    its longest values cut to one common length.

    Examples
    --------
    >>> cross_encoder_text("surname: smith\ndate: 19580121")
    'surname: smith\ndate: 19 58 01 21'
    """
    if len(text) > TEXT_BUDGET:
        lines = text.split("\n")
        most = _common_length([len(line) for line in lines], TEXT_BUDGET)
        text = "\n".join(line[:most] for line in lines)
    return _DIGITS.sub(_in_twos, text)


def spell_unknown(texts: Iterable[str], vocabulary: Set[str]) -> dict[int, str]:
    """Return a translation table that spells out the characters a vocabulary does not have.

    A word-piece tokenizer reads a word with an unknown character as one unknown token, which would
    make all such words equal. Spelled as its code point in groups of two digits, the character
    keeps its identity.

    Parameters
    ----------
    texts
        Texts to be read.
    vocabulary
        Tokens of the tokenizer.

    Returns
    -------
    dict
        For :meth:`str.translate`; empty when everything is known.
    """
    import unicodedata

    table: dict[int, str] = {}
    for character in set().union(*map(set, texts)):
        if character.isspace() or character in vocabulary or ord(character) < 128:
            continue
        parts = [
            part
            for part in unicodedata.normalize("NFD", character.lower())
            if unicodedata.category(part) != "Mn"
        ]
        # Word pieces inside a word carry a mark of their own; both forms must be there.
        if all(part in vocabulary and f"##{part}" in vocabulary for part in parts):
            continue
        code = str(ord(character))
        code = code.zfill(len(code) + len(code) % 2)
        pairs = " ".join(code[at : at + 2] for at in range(0, len(code), 2))
        table[ord(character)] = f" {pairs} "
    return table


def _in_twos(match: re.Match[str]) -> str:
    digits = match.group()
    return " ".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def _common_length(lengths: list[int], budget: int) -> int:
    """Return the largest cap under which the capped lengths add up to `budget` or less."""
    left = budget
    for rank, length in enumerate(sorted(lengths)):
        share = left // (len(lengths) - rank)
        if length > share:
            return max(share, 1)
        left -= length
    return max(lengths, default=0)


CHUNK = 2048
"""Pairs between two reports of progress."""


BATCH_CHARACTERS, BATCH_PAIRS = 24_000, 256
"""Most in a batch: about as many tokens as keep two cores busy without leaving the cache."""


GPU_FACTOR = 32
"""A GPU is kept busy by so many times more."""


def prepare_texts(model: CrossEncoder, texts: Sequence[str]) -> list[str]:
    """Return record texts in the form that the cross-encoder reads them."""
    return spelled(texts, frozenset(model.tokenizer.get_vocab()))


def spelled(texts: Sequence[str], vocabulary: frozenset[str]) -> list[str]:
    """Return what :func:`prepare_texts` does, for a model of this vocabulary."""
    read = [cross_encoder_text(text) for text in texts]
    table = spell_unknown(read, vocabulary)
    return [text.translate(table) for text in read] if table else read


def score_texts(
    model: CrossEncoder,
    left: Sequence[str],
    right: Sequence[str],
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Return the probability that each pair of prepared texts is one thing.

    Parameters
    ----------
    left, right
        (m,) texts as :func:`prepare_texts` makes them.

    Returns
    -------
    ndarray
        (m,) float32 in [0, 1]; the same when `left` and `right` change places.
    """
    logits = score_logits(model, left, right, progress).astype(np.float64)
    return (1 / (1 + np.exp(-np.clip(logits, -30, 30)))).astype(np.float32)


def score_logits(
    model: CrossEncoder,
    left: Sequence[str],
    right: Sequence[str],
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Return the cross-encoder's logit for each pair of prepared texts, (m,) float32."""
    import torch

    pairs = [(a, b) if a <= b else (b, a) for a, b in zip(left, right, strict=True)]
    lengths = np.array([len(a) + len(b) for a, b in pairs], dtype=np.int64)
    # Sorted by length over all pairs, batches hold no padding; the longest first, so that a lack
    # of memory shows at once and the time left is never too hopeful.
    order = np.argsort(-lengths, kind="stable")
    logits = np.empty(len(pairs), dtype=np.float32)
    times = 1 if model.device.type == "cpu" else GPU_FACTOR
    for at in range(0, len(order), times * CHUNK):
        some = order[at : at + times * CHUNK]
        fitting = BATCH_CHARACTERS // max(lengths[some[0]], 1)
        logits[some] = model.predict(
            [pairs[i] for i in some],
            batch_size=times * int(np.clip(fitting, 16, BATCH_PAIRS)),
            activation_fn=torch.nn.Identity(),
            show_progress_bar=False,
        )
        progress(min(at + times * CHUNK, len(order)), len(order))
    return logits
