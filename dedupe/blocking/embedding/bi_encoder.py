"""The bi-encoder: the bundled TF-IDF embedding, or any sentence-transformers model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dedupe.blocking.embedding.tfidf import HashedTfidf
from dedupe.config import BUNDLED, Config
from dedupe.models.loading import cannot_load, no_bars, pick_device

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True, eq=False)
class SentenceEncoder:
    """A sentence-transformers model that embeds record texts.

    Parameters
    ----------
    model
        The model.
    prompt
        Text that it reads before each record; ``None``: its default prompt, if it has one.
    """

    model: SentenceTransformer
    prompt: str | None = None


BiEncoder: TypeAlias = SentenceEncoder | HashedTfidf
_LABEL = re.compile(r"(?m)^[^:\n]*: ")
_E5 = re.compile(r"(^|[/_-])e5([/_-]|$)", re.IGNORECASE)
_E5_PROMPT = "query: "
"""What E5 models read before both texts of a symmetric comparison, as their model cards say."""


def load_bi_encoder(config: Config) -> SentenceEncoder:
    """Load the sentence-transformers model that `config` names as its bi-encoder.

    Raises
    ------
    ModelError
        If the model cannot be loaded as a ``SentenceTransformer``.
    """
    from sentence_transformers import SentenceTransformer

    try:
        with no_bars():
            model = SentenceTransformer(
                config.bi_encoder,
                device=pick_device(config.device),
                local_files_only=Path(config.bi_encoder).is_dir(),
                model_kwargs={"use_safetensors": True},
            )
    except Exception as error:
        raise cannot_load("bi-encoder", config.bi_encoder, error) from error
    prompt = config.bi_encoder_prompt
    if prompt is None and model.default_prompt_name is None and _E5.search(config.bi_encoder):
        prompt = _E5_PROMPT
    return SentenceEncoder(model, prompt)


def fit_bi_encoder(config: Config, texts: Sequence[str]) -> BiEncoder:
    """Fit the bundled bi-encoder to `texts`, or load the one that `config` names."""
    if config.bi_encoder == BUNDLED:
        return HashedTfidf.fit(texts)
    return load_bi_encoder(config)


def embed(encoder: BiEncoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Embed record texts.

    Returns
    -------
    ndarray
        (n, d) float32, C order: unit vectors, and zeros for empty texts.
    """
    if isinstance(encoder, HashedTfidf):
        return encoder.embed(texts)
    vectors = encoder.model.encode(
        [_LABEL.sub("", text) for text in texts],
        prompt=encoder.prompt,
        batch_size=64,
        show_progress_bar=False,
        convert_to_numpy=True,
    ).astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / np.maximum(lengths, np.float32(1e-12)))


def shared_features(encoder: BiEncoder, rare: csr_array | None) -> csr_array | None:
    """Select the rare features that several records have; ``None`` if there are no features."""
    if rare is None or not isinstance(encoder, HashedTfidf):
        return None
    return encoder.without_singletons(rare)
