"""The lexical embedding as a sentence-transformers module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sentence_transformers.base.modules import InputModule

from dedupe.spelling import DIMENSIONS, Spelling

if TYPE_CHECKING:
    import torch


class LexicalEmbedding(InputModule):
    """A sentence-transformers module that embeds record texts by their spelling.

    Parameters
    ----------
    spelling
        What makes the vectors; see :mod:`dedupe.spelling`.

    Examples
    --------
    >>> texts = ["name: ada lovelace", "name: lovelace, ada", "name: alan turing"]
    >>> from sentence_transformers import SentenceTransformer
    >>> model = SentenceTransformer(modules=[LexicalEmbedding(Spelling.fitted(texts))])
    >>> model.encode(texts).shape
    (3, 512)
    """

    def __init__(self, spelling: Spelling) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # not typed there
        self.spelling = spelling

    def preprocess(  # type: ignore[override]  # other modules also read images and sounds
        self, inputs: list[str], prompt: str | None = None, **kwargs: Any
    ) -> dict[str, torch.Tensor]:
        """Return the vectors already: hashing is all of the work, and torch has no part in it.

        Returns
        -------
        dict
            ``lexical``: (n, 512) float32 tensor, rows of length 1.
        """
        import torch

        return {"lexical": torch.from_numpy(self.spelling.embed(inputs))}

    def forward(self, features: dict[str, torch.Tensor], **kwargs: Any) -> dict[str, torch.Tensor]:
        """Hand the vectors on under the name that sentence-transformers expects."""
        features["sentence_embedding"] = features["lexical"]
        return features

    def get_embedding_dimension(self) -> int:
        """Return the number of dimensions of a vector."""
        return DIMENSIONS

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Refuse: the weights belong to one file and are made from it in a moment."""
        raise NotImplementedError("a lexical embedding is fitted to a file, not saved")
