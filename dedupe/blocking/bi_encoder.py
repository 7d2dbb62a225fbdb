"""The bi-encoder: the bundled TF-IDF embedding, or any sentence-transformers model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dedupe.config import BUNDLED, Config
from dedupe.models.loading import cannot_load, pick_device

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from sentence_transformers import SentenceTransformer

    from dedupe.blocking.tfidf import HashedTfidf


_LABEL = re.compile(r"(?m)^[^:\n]*: ")


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


def embed(model: SentenceTransformer | HashedTfidf, texts: Sequence[str]) -> NDArray[np.float32]:
    """Embed record texts.

    Returns
    -------
    ndarray
        (n, d) float32, C order, rows of length 1 (a record with nothing in it: all zeros).
    """
    from dedupe.blocking.tfidf import HashedTfidf

    if isinstance(model, HashedTfidf):
        return model.embed(texts)
    vectors = model.encode(
        [_LABEL.sub("", text) for text in texts],
        batch_size=64,
        show_progress_bar=False,
        convert_to_numpy=True,
    ).astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / np.maximum(lengths, np.float32(1e-12)))


def fit_bi_encoder(config: Config, texts: Sequence[str]) -> SentenceTransformer | HashedTfidf:
    """Return what embeds `texts`: of the bundled bi-encoder, the part that does without torch."""
    if config.bi_encoder == BUNDLED:
        from dedupe.blocking.tfidf import HashedTfidf

        return HashedTfidf.fitted(texts)
    return load_bi_encoder(config)


def shared_features(
    model: SentenceTransformer | HashedTfidf, rare: csr_array | None
) -> csr_array | None:
    """Return rare features without those of a lone record, where there are any at all."""
    from dedupe.blocking.tfidf import HashedTfidf

    return model.shared(rare) if isinstance(model, HashedTfidf) and rare is not None else None
