"""Matches of new records in a workspace, one at a time or many: nothing is changed in it.

::

    record ──text──▶ vector, rare features ──kept index──▶ texts most like it
        ──distilled, cross-encoder──▶ probabilities ──▶ ids and clusters
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.bi_encoder import embed
from dedupe.blocking.index import NO_SLOT, first_slots, index_in_memory, open_index
from dedupe.blocking.retrieve import Nearest
from dedupe.blocking.tfidf import HashedTfidf
from dedupe.errors import InputError
from dedupe.io.sources import Frame, as_polars
from dedupe.records import as_texts, frame_texts
from dedupe.scoring.boosted_trees import BoostedTrees
from dedupe.scoring.cross_encoder import load_cross_encoder, score_texts, spelled
from dedupe.scoring.pairs import identical_pairs
from dedupe.scoring.score import distilled_scores
from dedupe.workspace.folder import Workspace
from dedupe.workspace.folder import open_workspace as _open_workspace
from dedupe.workspace.state import (
    check_models,
    kept_config,
    kept_slots,
    load_distilled,
    named_records,
    search_facts_of,
)

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


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
"""Nearest texts that are judged for each new one."""


class Matcher:
    """The records of a workspace, ready to be matched against.

    Parameters
    ----------
    workspace
        Its folder. Its index is opened, or made in memory where it is missing or damaged. Pairs are
        judged as its last run scored them: by its distilled, and those in between by the
        cross-encoder, which is loaded when it is first asked. They are not corrected as the pairs
        of its clusters may be: that takes all pairs of both records, and nothing of it is kept.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete, damaged, or made by other models.
    """

    def __init__(self, workspace: str | Path) -> None:
        opened = _open_workspace(workspace)
        self.config = kept_config(opened)
        check_models(opened, self.config)
        table, self.cluster_ids = named_records(opened)
        records = table.records
        self.ids, self.texts = records.ids, records.texts
        self.fields = [use.name for use in records.fields if use.used]
        searched = search_facts_of(opened)
        index = open_index(opened, searched.get("stored") or {}, self.config)
        slot = kept_slots(table, searched)
        if index is None:
            firsts, identical = identical_pairs(records.texts)
            slot = first_slots(records.texts, firsts, identical)
            index = index_in_memory(records.texts.gather(firsts).to_list(), self.config)
        # Rows in the order of their texts: those of one text lie side by side.
        self._rows = np.argsort(slot, kind="stable")
        self._rows = self._rows[: int((slot != NO_SLOT).sum())]
        self._starts = np.searchsorted(slot[self._rows], np.arange(len(index.stored.vectors) + 1))
        self._encoder = index.encoder
        self._nearest = Nearest(index.stored, np.diff(self._starts) > 0)
        self._judged, arrays = load_distilled(opened)
        self._student = None if arrays is None else BoostedTrees(**arrays)

    def match(self, frame: Frame, *, most: int = 5, least: float | None = None) -> pl.DataFrame:
        """Return the records of the workspace that each row of `frame` may be.

        Parameters
        ----------
        frame
            m new records with columns named as in the workspace; some may be missing. A polars,
            pandas or pyarrow table.
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
            If no column of `frame` is one that the workspace compares, or it is no table.
        ModelError
            If a model cannot be loaded.
        """
        frame = as_polars(frame)
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
        new, slots, similarity = self._near(texts)
        first = self._rows[self._starts[slots]]
        chance = self._chances(texts, self.texts.gather(first).to_list(), new, similarity)
        # Records of one text match as one.
        count = self._starts[slots + 1] - self._starts[slots]
        rows = np.concatenate(
            [np.empty(0, np.int64)]
            + [self._rows[self._starts[slot] : self._starts[slot + 1]] for slot in slots]
        )
        found = pl.DataFrame(
            {
                "record": np.repeat(new, count),
                "id": self.ids.gather(rows),
                "cluster_id": self.cluster_ids.gather(rows),
                "probability": np.repeat(chance, count),
                "similarity": np.repeat(similarity, count),
                "row": rows,
            }
        ).filter(pl.col("probability") >= least)
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

    @cached_property
    def _model(self) -> CrossEncoder:
        return load_cross_encoder(self.config)

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        return frozenset(self._model.tokenizer.get_vocab())

    def _chances(
        self,
        texts: list[str],
        others: list[str],
        new: NDArray[np.int64],
        similarity: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Return the probability that the texts `new` are what the `others` are, as a run would."""
        doubtful = np.arange(len(new))
        chance = np.zeros(len(new), dtype=np.float32)
        if self._student is not None and len(new):
            pairs = pl.DataFrame(
                {"left": new, "right": len(texts) + doubtful, "similarity": similarity}
            )
            both = pl.Series([*texts, *others], dtype=pl.String)
            chance = distilled_scores(self._student, self._judged["layout"], pairs, both)
            low, high = self._judged["low"], self._judged["high"]
            doubtful = np.flatnonzero((chance > low) & (chance < high))
        if len(doubtful):
            own = spelled([texts[i] for i in new[doubtful]], self._vocabulary)
            theirs = spelled([others[i] for i in doubtful], self._vocabulary)
            chance[doubtful] = score_texts(self._model, own, theirs)
        return chance

    def _near(
        self, texts: list[str]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Return numbers of new texts, places of texts most like each, and their cosines."""
        vectors = embed(self._encoder, texts)
        rare = None
        if isinstance(self._encoder, HashedTfidf) and self._nearest.by_features:
            rare = self._encoder.rare_features(texts, lone=True)
        found = [
            self._nearest.search(vectors[i], None if rare is None else rare[[i]], LOOKED_AT)
            if text
            else (np.empty(0, np.int64), np.empty(0, np.float32))
            for i, text in enumerate(texts)
        ]
        new = np.repeat(np.arange(len(texts)), [len(slots) for slots, _ in found])
        slots = np.concatenate([np.empty(0, np.int64), *(slots for slots, _ in found)])
        cosine = np.concatenate([np.empty(0, np.float32), *(cosine for _, cosine in found)])
        return new, slots, cosine


class OpenedWorkspace(Workspace):
    """A workspace that records can be matched in."""

    @cached_property
    def matcher(self) -> Matcher:
        """What matches records; see :class:`Matcher`, whose errors it raises."""
        return Matcher(self.path)

    def match(self, frame: Frame, *, most: int = 5, least: float | None = None) -> pl.DataFrame:
        """Return the records that each row of `frame` may be; see :meth:`Matcher.match`.

        The first call loads the models.

        Examples
        --------
        >>> people = dedupe.open_workspace("people.dedupe")                 # doctest: +SKIP
        >>> people.match(pl.DataFrame({"name": ["J. Smith"]}))              # doctest: +SKIP
        """
        return self.matcher.match(frame, most=most, least=least)


def open_workspace(path: str | Path) -> OpenedWorkspace:
    """Return the workspace in a folder.

    Raises
    ------
    WorkspaceError
        If there is none.
    """
    return OpenedWorkspace(_open_workspace(path).path)
