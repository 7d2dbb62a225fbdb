"""Matching: which records of a workspace are those that come. Nothing in the workspace changes.

::

    record ──text──▶ vector, rare features ──stored index──▶ nearest texts
        ──comparison model, cross-encoder──▶ probabilities ──▶ ids and clusters
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.index import NO_SLOT, Index, assign_slots
from dedupe.blocking.lookup import Lookup
from dedupe.errors import InputError
from dedupe.io.sources import Frame, to_polars
from dedupe.records.records import frame_texts, without_ignored_values
from dedupe.records.value_text import as_texts
from dedupe.resolution.rules import Rules, rule_roles, rule_values
from dedupe.scoring.cascade import DOUBTFUL, cross_encoder_budget
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.model import CANDIDATE_FEATURES
from dedupe.scoring.comparison.record_table import record_table
from dedupe.scoring.comparison.values.roles import given_roles
from dedupe.scoring.cross_encoder.encoder import load_cross_encoder
from dedupe.scoring.logistic import sigmoid
from dedupe.scoring.pairs import SAME_FROM, Rows, identical_pairs
from dedupe.scoring.score import held_out_scores, judge
from dedupe.workspace.folder import Workspace
from dedupe.workspace.folder import open_workspace as _open_workspace
from dedupe.workspace.state import records_with_clusters
from dedupe.workspace.stored import (
    INDEX_LOST,
    STATISTICS_LOST,
    check_models,
    index_slots,
    load_statistics,
    scoring_facts,
    search_facts,
    stored_config,
    warn_of_loss,
)

if TYPE_CHECKING:
    from dedupe.scoring.cross_encoder.encoder import PairModel


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
NEAREST = 8
"""Nearest texts that are scored for each new one."""


@dataclass(frozen=True, eq=False)
class _Found:
    """m pairs of a new record and a row of the workspace."""

    record: NDArray[np.int64]
    row: NDArray[np.int64]
    probability: NDArray[np.float32]
    similarity: NDArray[np.float32]

    def at(self, pairs: NDArray[np.int64]) -> _Found:
        """Take pairs by number."""
        return _Found(
            self.record[pairs], self.row[pairs], self.probability[pairs], self.similarity[pairs]
        )

    def and_then(self, others: _Found) -> _Found:
        """Add other pairs."""
        return _Found(
            np.concatenate([self.record, others.record]),
            np.concatenate([self.row, others.row]),
            np.concatenate([self.probability, others.probability]),
            np.concatenate([self.similarity, others.similarity]),
        )


class Matcher:
    """The records of a workspace, ready to be matched against.

    Parameters
    ----------
    workspace
        Folder of the workspace. Its index is opened, or built in memory if it is missing or
        damaged, of which a warning is logged. Pairs are scored as in its last run: by the
        comparison model with the statistics of its file, and doubtful ones by the cross-encoder,
        which is loaded when it is first needed. Probabilities are not recalibrated as those of the
        workspace's pairs may be: that takes all pairs of both records.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete, damaged, or made with other models.
    """

    def __init__(self, workspace: str | Path) -> None:
        opened = _open_workspace(workspace)
        self.config = stored_config(opened)
        check_models(opened, self.config)
        table, self.cluster_ids = records_with_clusters(opened)
        records = table.records
        self.ids, self.texts = records.ids, records.texts
        self.fields = [role.name for role in records.fields if role.used]
        search = search_facts(opened)
        slot, stored = index_slots(table, search)
        index = Index.load(opened.cache, stored, self.config)
        if index is None:
            warn_of_loss(opened, INDEX_LOST)
            firsts, identical = identical_pairs(records.texts)
            slot = assign_slots(records.texts, firsts, identical)
            distinct = records.texts.gather(firsts).to_list()
            index = Index.build(distinct, self.config).quantized()
        # Rows in the order of their texts, so that rows of one text are adjacent.
        self._rows = np.argsort(slot, kind="stable")
        self._rows = self._rows[: int((slot != NO_SLOT).sum())]
        self._starts = np.searchsorted(slot[self._rows], np.arange(len(index.vectors) + 1))
        there = np.diff(self._starts) > 0
        texts = self._texts_by_slot(there) if index.has_views else []
        self._nearest = Lookup(index, texts, there)
        statistics = load_statistics(opened, scoring_facts(opened))
        if statistics is None:
            warn_of_loss(opened, STATISTICS_LOST)
        given = given_roles(records.compared_columns, self.config.kind)
        self._statistics = statistics or record_table(self.texts, given=given).statistics
        self._roles = rule_roles(records, self.config, self._statistics)
        self._rule_values = rule_values(records.frame, self.config, self._roles)
        self._exact = {name: _by_value(self._rule_values[name]) for name in self.config.exact}

    def _texts_by_slot(self, there: NDArray[np.bool_]) -> list[str]:
        """Return the text at each place of the index, ``""`` where no record has it any more."""
        texts = np.full(len(there), "", dtype=object)
        texts[there] = self.texts[self._rows[self._starts[:-1][there]]].to_numpy()
        return list(texts)

    def match(
        self, frame: Frame, *, limit: int = 5, min_probability: float | None = None
    ) -> pl.DataFrame:
        """Find the records of the workspace that match each row of `frame`.

        Parameters
        ----------
        frame
            m new records with columns named as in the workspace; some may be missing. A polars,
            pandas or pyarrow table. Many records are faster together, and each gets what it would
            get alone.
        limit
            Maximum number of matches per record.
        min_probability
            Minimum probability of a match. ``None``: the threshold of the workspace.

        Returns
        -------
        DataFrame
            Schema :data:`MATCHES`: row number in `frame`, id and cluster of the matching record,
            probability and similarity; the most probable first.

        Raises
        ------
        InputError
            If `frame` is no table, or has none of the columns that the workspace compares.
        ModelError
            If a model cannot be loaded.

        Examples
        --------
        >>> matcher = dedupe.Matcher("contacts.dedupe")
        >>> asked = pl.read_csv("contacts.csv", infer_schema=False).drop("id")[:1]
        >>> matcher.match(asked)["id"].to_list()
        ['1']
        """
        frame = to_polars(frame)
        known = [name for name in self.fields if name in frame.columns]
        if not known:
            raise InputError(
                f"the new records have none of the compared columns: {', '.join(self.fields)}"
            )
        if min_probability is None:
            min_probability = self.config.threshold
        # The labels of a record text depend on all columns, so all of the workspace are used.
        text = without_ignored_values(as_texts(frame[known]), self.config)
        if len(known) < len(self.fields):
            text = text.with_columns(
                pl.lit("").alias(name) for name in self.fields if name not in known
            )
        texts = frame_texts(text[self.fields]).to_list()
        new, slots, similarity = self._nearest.nearest(texts, NEAREST)
        first = self._rows[self._starts[slots]]
        others = _values(self.texts, first)
        probability = self._probabilities(texts, others, new, similarity)
        # Records with the same text match alike.
        count = self._starts[slots + 1] - self._starts[slots]
        rows = np.concatenate(
            [np.empty(0, np.int64)]
            + [self._rows[self._starts[slot] : self._starts[slot + 1]] for slot in slots]
        )
        found = _Found(
            np.repeat(new, count), rows, np.repeat(probability, count), np.repeat(similarity, count)
        )
        if self._roles:
            found = self._ruled(found, frame)
        kept = np.flatnonzero(found.probability >= min_probability)
        found = found.at(kept)
        order = (found.row, -found.similarity, -found.probability, found.record)
        found = found.at(np.lexsort(order))
        place = np.arange(len(kept)) - np.searchsorted(found.record, found.record)
        found = found.at(np.flatnonzero(place < limit))
        columns: tuple[Any, ...] = (
            found.record.astype(np.uint32),
            _values(self.ids, found.row),
            _values(self.cluster_ids, found.row),
            found.probability,
            found.similarity,
        )
        return pl.DataFrame(
            [
                pl.Series(name, values, dtype=dtype)
                for (name, dtype), values in zip(MATCHES.items(), columns, strict=True)
            ]
        )

    def _ruled(self, found: _Found, frame: pl.DataFrame) -> _Found:
        """Apply the rules of the workspace: drop forbidden matches, and add those of exact columns.

        Matches of exact columns have probability 1; those that the search did not find have a
        similarity of 0.
        """
        there = as_texts(frame.select(name for name in self._roles if name in frame.columns))
        new = rule_values(
            pl.DataFrame(
                [
                    there[name] if name in there.columns
                    else pl.Series(name, [""], dtype=pl.String).new_from_index(0, frame.height)
                    for name in self._roles
                ]
            ),
            self.config,
            self._roles,
        )  # fmt: skip
        rules, *ends = self._rules_between(found.record, found.row, new)
        certain = np.where(rules.join(*ends), np.float32(1), found.probability)
        found = replace(found, probability=certain).at(np.flatnonzero(~rules.forbid(*ends)))
        more = [_same_values(new[name], *rows) for name, rows in self._exact.items()]
        if not more:
            return found
        known = pl.DataFrame({"record": found.record, "row": found.row})
        pairs = pl.concat(more).unique().join(known, on=["record", "row"], how="anti")
        record, row = (column.to_numpy() for column in pairs.sort("record", "row").get_columns())
        rules, *ends = self._rules_between(record, row, new)
        one, none = np.ones(len(row), dtype=np.float32), np.zeros(len(row), dtype=np.float32)
        added = _Found(record, row, one, none).at(np.flatnonzero(~rules.forbid(*ends)))
        return found.and_then(added)

    def _rules_between(
        self, record: NDArray[np.int64], row: NDArray[np.int64], new: pl.DataFrame
    ) -> tuple[Rules, Rows, Rows]:
        """Make the rules about pairs of a new record and a row of the workspace.

        Only the values of these pairs are looked at, however many records the workspace has.

        Parameters
        ----------
        record, row
            (m,) numbers of both.
        new
            Values of the new records in the columns of rules.

        Returns
        -------
        rules
            Rules about 2 m records: the one of each pair, then the other.
        left, right
            (m,) the two records of each pair.
        """
        left = np.arange(len(row), dtype=np.uint32)
        rules = Rules.of_values(pl.concat([self._rule_values[row], new[record]]), self.config)
        return rules, left, left + np.uint32(len(row))

    @cached_property
    def _model(self) -> tuple[PairModel, dict[str, float]]:
        name = self.config.cross_encoder
        return load_cross_encoder(self.config), held_out_scores(name)

    def _probabilities(
        self,
        texts: list[str],
        others: list[str],
        new: NDArray[np.int64],
        similarity: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Return the probability that the texts `new` match the `others`, as a run scores them."""
        if not len(new):
            return np.empty(0, dtype=np.float32)
        both = pl.Series("text", [*texts, *others], dtype=pl.String)
        left = new.astype(np.uint32)
        same = np.array([texts[at] == other for at, other in zip(new, others, strict=True)])
        # As in a run, a record of the same text stands for a group of identical records.
        right = np.where(same, left, len(texts) + np.arange(len(new))).astype(np.uint32)
        comparison = Comparison(both, left, right, similarity, self._statistics, asked=left)
        log_odds = comparison.log_odds()
        # These are few pairs: unless the budget is nothing, all doubtful ones are judged.
        budget = cross_encoder_budget(len(self.texts), self.config)
        doubt = np.inf if np.isinf(budget) else DOUBTFUL if budget else 0.0
        doubtful = np.flatnonzero((np.abs(log_odds) < doubt) & ~same)
        features = comparison.features(CANDIDATE_FEATURES, doubtful)
        # One record after the other: a cross-encoder scores a text by those beside it, if little.
        ends_of_query = np.flatnonzero(np.diff(new[doubtful])) + 1
        for places in np.split(np.arange(len(doubtful)), ends_of_query):
            if len(places):
                model, held_out = self._model
                pairs = doubtful[places]
                ends = left[pairs], right[pairs]
                log_odds[pairs] = judge(
                    model, both, *ends, log_odds[pairs], features[places], held_out
                )
        probability: NDArray[np.float32] = sigmoid(log_odds)
        probability[same & (probability >= SAME_FROM)] = 1.0
        return probability


def _values(series: pl.Series, rows: NDArray[np.int64]) -> list[str]:
    """Take some values of many: polars takes as long to begin as Python for a hundred of them."""
    return [series[row] for row in rows.tolist()]


def _by_value(values: pl.Series) -> tuple[pl.Series, NDArray[np.int64]]:
    """Sort the values of a column; return them, and the row of each. Nulls are left out."""
    filled = values.to_frame("value").with_row_index("row").drop_nulls().sort("value", "row")
    return filled["value"], filled["row"].to_numpy().astype(np.int64)


def _same_values(new: pl.Series, values: pl.Series, rows: NDArray[np.int64]) -> pl.DataFrame:
    """Pair each new ``record`` with each ``row`` that has its value; see :func:`_by_value`."""
    filled = new.rename("value").to_frame().with_row_index("record").drop_nulls()
    begin, end = (
        values.search_sorted(filled["value"], side).to_numpy().astype(np.int64)
        for side in ("left", "right")
    )
    count = end - begin
    places = np.repeat(begin - np.cumsum(count) + count, count) + np.arange(count.sum())
    return pl.DataFrame(
        {"record": np.repeat(filled["record"].to_numpy(), count), "row": rows[places]},
        schema={"record": pl.Int64(), "row": pl.Int64()},
    )


class OpenedWorkspace(Workspace):
    """A workspace that records can be matched in."""

    @cached_property
    def matcher(self) -> Matcher:
        """The matcher of the workspace; see :class:`Matcher`, whose errors it raises."""
        return Matcher(self.path)

    def match(
        self, frame: Frame, *, limit: int = 5, min_probability: float | None = None
    ) -> pl.DataFrame:
        """Find the records that match each row of `frame`; see :meth:`Matcher.match`.

        The first call loads the models.

        Examples
        --------
        >>> contacts = dedupe.open_workspace("contacts.dedupe")
        >>> asked = pl.read_csv("contacts.csv", infer_schema=False).drop("id")[[73]]
        >>> sorted(contacts.match(asked)["id"])
        ['49', '60', '74', '9']
        """
        return self.matcher.match(frame, limit=limit, min_probability=min_probability)


def open_workspace(path: str | Path) -> OpenedWorkspace:
    """Return the workspace in a folder.

    Raises
    ------
    WorkspaceError
        If there is none.

    Examples
    --------
    >>> dedupe.open_workspace("contacts.dedupe").path.name
    'contacts.dedupe'
    """
    return OpenedWorkspace(_open_workspace(path).path)
