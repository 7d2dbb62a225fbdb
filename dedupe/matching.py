"""Matches of new records in a workspace, one at a time or many: nothing is changed in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from dedupe.encoders import embed, load_bi_encoder, load_cross_encoder
from dedupe.errors import InputError
from dedupe.kept import clustered
from dedupe.records import as_texts, frame_texts
from dedupe.scoring import prepare_texts, score_texts
from dedupe.search import Nearest
from dedupe.workspace import open_workspace

MATCHES = pl.Schema(
    {
        "record": pl.UInt32(),
        "id": pl.String(),
        "cluster_id": pl.String(),
        "probability": pl.Float32(),
        "similarity": pl.Float32(),
    }
)
"""Schema of :meth:`Matcher.match`."""

LOOKED_AT = 8
"""Nearest records that the cross-encoder judges for each new one."""


class Matcher:
    """The records of a workspace, ready to be matched against.

    Parameters
    ----------
    workspace
        Its folder. The models of its last run are loaded, its records embedded.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    ModelError
        If a model cannot be loaded.
    """

    def __init__(self, workspace: str | Path) -> None:
        state = clustered(open_workspace(workspace))
        self.config = state.config
        self.ids = state.records.ids
        self.cluster_ids = state.resolved.cluster_id
        self.fields = [use.name for use in state.records.fields if use.used]
        self.texts = state.records.texts
        self.encoder = load_bi_encoder(self.config, self.texts.to_list())
        self.nearest = Nearest(embed(self.encoder, self.texts.to_list()))
        self.model = load_cross_encoder(self.config)

    def match(
        self, frame: pl.DataFrame, *, most: int = 5, least: float | None = None
    ) -> pl.DataFrame:
        """Return the records of the workspace that each row of `frame` may be.

        Parameters
        ----------
        frame
            m new records with columns named as in the workspace; some may be missing.
        most
            Matches of one record at most.
        least
            Probability of a match at least; the workspace's threshold where ``None``.

        Returns
        -------
        DataFrame
            Schema :data:`MATCHES`: row number in `frame`, id and cluster of the record matched,
            probability and similarity; the most probable first.

        Raises
        ------
        InputError
            If no column of `frame` is one that the workspace compares.
        """
        known = [name for name in self.fields if name in frame.columns]
        if not known:
            raise InputError(
                f"the new records have none of the columns compared: {', '.join(self.fields)}"
            )
        least = self.config.threshold if least is None else least
        # Labels depend on all names together: those of the workspace are given to the new rows.
        text = as_texts(frame.select(known)).with_columns(
            pl.lit("").alias(name) for name in self.fields if name not in known
        )
        texts = frame_texts(text.select(self.fields)).to_list()
        rows, similarity = self.nearest.search(embed(self.encoder, texts), LOOKED_AT)
        new = np.repeat(np.arange(len(texts)), rows.shape[1])
        old = rows.ravel()
        left = prepare_texts(self.model, texts)
        right = prepare_texts(self.model, self.texts.gather(old).to_list())
        chance = score_texts(self.model, [left[i] for i in new], right)
        found = pl.DataFrame(
            {
                "record": new,
                "id": self.ids.gather(old),
                "cluster_id": self.cluster_ids.gather(old),
                "probability": chance,
                "similarity": similarity.ravel(),
                "row": old,
            }
        ).filter((pl.col("probability") >= least) & pl.Series([bool(texts[i]) for i in new]))
        return (
            found.sort(
                "record",
                "probability",
                "similarity",
                "row",
                descending=[False, True, True, False],
            )
            .filter(pl.int_range(pl.len()).over("record") < most)
            .drop("row")
            .cast(MATCHES)
        )
