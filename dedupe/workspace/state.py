"""The state of a workspace: everything that clusters and output tables follow from.

Every command that works on a finished run opens this state once::

    state = open_state(workspace)       # records, pairs, decisions, configuration
    clustered = state.cluster()         # recalibrate, then cluster; no model is needed
    outputs = clustered.outputs()       # the tables
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import polars as pl

from dedupe.config import Config
from dedupe.errors import WorkspaceError
from dedupe.records.records import Records
from dedupe.resolution.outputs import Outputs, make_outputs
from dedupe.resolution.resolve import Resolved, recalibrated_pairs, resolve
from dedupe.resolution.ruled_pairs import ruled_pairs
from dedupe.resolution.rules import rule_columns, with_rule_values
from dedupe.resolution.survivorship.merge_rules import parse_rules
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.values.roles import given_roles
from dedupe.scoring.pairs import identical_pairs, judged_identical
from dedupe.scoring.recalibration import Recalibration
from dedupe.workspace.folder import Workspace
from dedupe.workspace.keys import clusters_key
from dedupe.workspace.stored import (
    STATISTICS_LOST,
    RecordTable,
    candidates_of,
    current_choices,
    current_decisions,
    load_clusters,
    load_scored,
    load_statistics,
    load_table,
    missed_matches,
    search_facts,
    stored_config,
    warn_of_loss,
)


@dataclass(frozen=True, eq=False)
class State:
    """Everything that clusters follow from.

    Parameters
    ----------
    table
        n records, and how their input was written.
    pairs
        Every scored pair, as the models scored it, of schema
        :data:`~dedupe.scoring.pairs.PAIRS`.
    decisions, choices
        What reviewers decided and chose, in force.
    config
        The configuration.
    comparison
        Comparison of the scored pairs; nothing is computed until it is needed.
    missed
        Estimated number of matches that are not among the pairs.
    """

    table: RecordTable
    pairs: pl.DataFrame
    decisions: pl.DataFrame
    choices: pl.DataFrame
    config: Config
    comparison: Comparison
    missed: float = 0.0

    @cached_property
    def records(self) -> Records:
        """The records, with the values that rules compare if there are rules."""
        if not rule_columns(self.config):
            return self.table.records
        statistics = self.comparison.file_statistics
        return with_rule_values(self.table.records, self.config, statistics)

    def ruled(self) -> pl.DataFrame:
        """Return the pairs as the models scored them and the rules decided, not recalibrated."""
        return ruled_pairs(self.records, self.pairs, self.config)

    def recalibrated(self) -> tuple[pl.DataFrame, Recalibration | None]:
        """Return the pairs, recalibrated and under the rules, and what was fitted."""
        return recalibrated_pairs(
            self.records, self.pairs, self.decisions, self.config, self.comparison
        )

    def cluster(self) -> Clustered:
        """Recalibrate the probabilities and cluster the records."""
        pairs, recalibration = self.recalibrated()
        resolved = resolve(self.records, pairs, self.decisions, self.config, self.choices)
        return Clustered(self, pairs, recalibration, resolved)


@dataclass(frozen=True, eq=False)
class Clustered:
    """A state with its clusters.

    Parameters
    ----------
    state
        What the clusters follow from.
    pairs
        Its pairs with recalibrated probabilities.
    recalibration
        What was fitted; ``None`` if nothing was.
    resolved
        The clusters.
    """

    state: State
    pairs: pl.DataFrame
    recalibration: Recalibration | None
    resolved: Resolved

    @property
    def records(self) -> Records:
        """The records."""
        return self.state.records

    @property
    def config(self) -> Config:
        """The configuration."""
        return self.state.config

    def outputs(self) -> Outputs:
        """Make the output tables.

        Raises
        ------
        OptionError
            If a survivorship rule names an unknown rule or column.
        """
        state = self.state
        rules = parse_rules(state.config, state.records.frame.columns)
        outputs = make_outputs(
            state.records, self.pairs, self.resolved, rules, state.config, state.table.linked
        )
        return replace(outputs, dialect=state.table.dialect)


def all_pairs(records: Records, scored: pl.DataFrame) -> pl.DataFrame:
    """Return the candidate pairs among the scored ones and the pairs of identical records."""
    _, identical = identical_pairs(records.texts)
    judged = judged_identical(identical, scored)
    return pl.concat([judged, candidates_of(scored)]).sort("left", "right")


def open_state(workspace: Workspace) -> State:
    """Open the state of a finished run.

    Raises
    ------
    WorkspaceError
        If the workspace is incomplete or damaged.
    """
    keys = workspace.facts().get("keys", {})
    table = load_table(workspace, keys.get("table", ""))
    scored = load_scored(workspace, keys.get("scored", ""))
    if table is None or scored is None:
        raise unfinished(workspace)
    config, search = stored_config(workspace), search_facts(workspace)
    statistics = load_statistics(workspace, scored[1])
    if statistics is None and "statistics_key" in scored[1]:
        warn_of_loss(workspace, STATISTICS_LOST)
    given = given_roles(table.records.compared_columns, config.kind)
    return State(
        table=table,
        pairs=all_pairs(table.records, scored[0]),
        decisions=current_decisions(workspace),
        choices=current_choices(workspace),
        config=config,
        comparison=Comparison.of(table.records.texts, scored[0], statistics, given),
        missed=missed_matches(scored[0], search, config.threshold) if search else 0.0,
    )


def records_with_clusters(workspace: Workspace) -> tuple[RecordTable, pl.Series]:
    """Return the records of a workspace and the id of each record's cluster.

    Raises
    ------
    WorkspaceError
        If the workspace is incomplete or damaged.
    """
    keys: dict[str, Any] = workspace.facts().get("keys", {})
    table = load_table(workspace, keys.get("table", ""))
    if table is not None:
        reviewed = current_decisions(workspace), current_choices(workspace)
        key = clusters_key(keys["scored"], *reviewed, stored_config(workspace))
        clusters = load_clusters(workspace, keys["table"], key)
        if clusters is not None:
            return table, clusters["cluster_id"]
    clustered = open_state(workspace).cluster()
    return clustered.state.table, clustered.resolved.rows["cluster_id"]


def unfinished(workspace: Workspace) -> WorkspaceError:
    """Return the error to raise where a stage is missing or damaged."""
    return WorkspaceError(
        f"the workspace {workspace.path} is unfinished or damaged: run dedupe run on its input "
        "again, which computes what is missing; decisions are kept"
    )
