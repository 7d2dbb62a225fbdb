"""The bi-encoder and the cross-encoder: the bundled ones, and any sentence-transformers model.

The bundled bi-encoder is a :class:`~dedupe.spelling.Spelling`, fitted to the rarity of words
and trigrams in the file at hand. The bundled cross-encoder is a MiniLM fine-tuned on pairs of
records; it reads the texts of :mod:`dedupe.records` in the form that :func:`cross_encoder_text`
gives them.
"""

from __future__ import annotations

import os
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

if TYPE_CHECKING:
    import torch
    from scipy.sparse import csr_array
    from sentence_transformers import CrossEncoder, SentenceTransformer

    from dedupe.spelling import Spelling

MODELS = Path(__file__).parent / "models"
"""Folder of the bundled weights, a folder a model."""

MAX_TOKENS = 192
"""Longest pair that the bundled cross-encoder reads, in word pieces."""

TEXT_BUDGET = 256
"""Characters of a record that a cross-encoder is shown; longer values are cut first."""

_LABEL = re.compile(r"(?m)^[^:\n]*: ")
_DIGITS = re.compile(r"\d{5,}")


def load_bi_encoder(config: Config) -> SentenceTransformer:
    """Return the sentence-transformers model that `config` names as its bi-encoder.

    Raises
    ------
    ModelError
        If the model named cannot be loaded as a ``SentenceTransformer``.
    """
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(
            config.bi_encoder,
            device=pick_device(config.device),
            local_files_only=Path(config.bi_encoder).is_dir(),
            model_kwargs={"use_safetensors": True},
        )
    except Exception as error:
        raise cannot_load("bi-encoder", config.bi_encoder, error) from error


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
def no_bars() -> Iterator[None]:
    """Keep transformers from drawing a bar for what takes a moment."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def pick_device(device: str) -> str:
    """Return the torch device for a ``--device`` value; ``auto`` takes a GPU when there is one.

    Raises
    ------
    ModelError
        If the device does not exist here.
    """
    import torch

    if device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"device {device!r} cannot be used here: {reason}") from error
    return device


def pick_dtype(device: str) -> torch.dtype:
    """Return bfloat16 for devices that compute in it at full speed, else float32.

    A CPU without bf16 instructions emulates them, up to a hundred times slower.
    """
    import torch

    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if device == "cpu" and cpu_has_bf16() else torch.float32


def cpu_has_bf16() -> bool:
    """Tell whether this CPU multiplies bf16 numbers in hardware (AVX512-BF16 or AMX)."""
    import torch

    features = torch.backends.cpu.get_cpu_capability()
    if "AVX512" not in features:
        return False
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and bool(
        torch.cpu._is_avx512_bf16_supported()
    )


def embed(model: SentenceTransformer | Spelling, texts: Sequence[str]) -> NDArray[np.float32]:
    """Embed record texts.

    Returns
    -------
    ndarray
        (n, d) float32, C order, rows of length 1 (a record with nothing in it: all zeros).
    """
    from dedupe.spelling import Spelling

    if isinstance(model, Spelling):
        return model.embed(texts)
    vectors = model.encode(
        [_LABEL.sub("", text) for text in texts],
        batch_size=64,
        show_progress_bar=False,
        convert_to_numpy=True,
    ).astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / np.maximum(lengths, np.float32(1e-12)))


def fit_bi_encoder(config: Config, texts: Sequence[str]) -> SentenceTransformer | Spelling:
    """Return what embeds `texts`: of the bundled bi-encoder, the part that does without torch."""
    if config.bi_encoder == BUNDLED:
        from dedupe.spelling import Spelling

        return Spelling.fitted(texts)
    return load_bi_encoder(config)


@contextmanager
def importing_ahead() -> Iterator[None]:
    """Import what the cross-encoder needs, which takes seconds, while something else is done."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(import_module, "sentence_transformers")
        yield


def shared_features(
    model: SentenceTransformer | Spelling, rare: csr_array | None
) -> csr_array | None:
    """Return rare features without those of a lone record, where there are any at all."""
    from dedupe.spelling import Spelling

    return model.shared(rare) if isinstance(model, Spelling) and rare is not None else None


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


def cannot_load(kind: str, name: str, error: Exception) -> ModelError:
    """Return what to raise where a model could not be loaded: why, and what to give instead."""
    offline = os.environ.get("HF_HUB_OFFLINE") == "1"
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    hint = " (HF_HUB_OFFLINE is set)" if offline else ""
    return ModelError(
        f"cannot load the {kind} {name!r}: {reason}{hint}; "
        "give a folder or the name of a sentence-transformers model"
    )
