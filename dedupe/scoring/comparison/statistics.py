"""How often values occur in a file: what makes a shared value rare, and what many records share.

The statistics of a run are stored, so that records which come later are compared with the weights
of the file that they join.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.scoring.comparison.file_regression import FileRegression
from dedupe.scoring.comparison.values.roles import Role, RoleOfField
from dedupe.scoring.comparison.values.text_steps import Texts, listed

PRIOR_RECORDS = 50
"""Added to the number of records when rarity is computed: in a small file everything is common."""
COUNTS = pl.Schema(
    {
        "kind": pl.String(),
        "value": pl.String(),
        "count": pl.Int32(),
        "names": pl.Float32(),
        "places": pl.Float32(),
    }
)
"""Values of two records or more: what kind of value, how many records have it, and about how many
other names and places these have."""
TOKEN, PLACEHOLDER = "token", "placeholder:"
"""Kind of a token, and beginning of the kind of a value that was set aside; after it comes the
label of the field. That of other values is ``field:`` and the label, or ``group:`` and a group."""
CLASS_OF_TOKEN = "class"
"""Kind of a token that has several classes in the file; its count is the one it has, plus two."""
SHARED_BY = 3.0
"""Other names, or other places, from which a contact counts as widely shared."""
_CONTACTS = ("group:phone", "group:email", "group:url")


@dataclass(frozen=True, eq=False)
class FileStatistics:
    """Roles of the fields of a file, and how often its values occur.

    Parameters
    ----------
    records
        Number of records.
    roles
        Fields and their roles, the fullest first.
    main
        Labels of the fields that name a record.
    counts
        Schema :data:`COUNTS`.
    regression
        What the clear pairs of the file tell about doubtful ones; ``None``: nothing.
    """

    records: int
    roles: tuple[RoleOfField, ...]
    main: tuple[str, ...]
    counts: pl.DataFrame = field(repr=False)
    regression: FileRegression | None = None

    def facts(self) -> dict[str, Any]:
        """Return everything but the counts as plain JSON types."""
        return {
            "records": self.records,
            "roles": [[role.label, role.role.value, role.values] for role in self.roles],
            "main": list(self.main),
            "regression": self.regression.facts() if self.regression else None,
        }

    @classmethod
    def restore(cls, facts: Mapping[str, Any], counts: pl.DataFrame) -> FileStatistics:
        """Make statistics of what :meth:`facts` returned and the stored counts."""
        roles = tuple(
            RoleOfField(label, Role(role), values) for label, role, values in facts["roles"]
        )
        regression = facts["regression"]
        return cls(
            int(facts["records"]),
            roles,
            tuple(facts["main"]),
            counts,
            FileRegression.restore(regression) if regression else None,
        )

    def look_up(
        self, kind: str, values: Texts, here: NDArray[np.int32] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """Look up the counts of some values: 1 record, and no other name or place, if unknown.

        `here` is the number of records that have each value among those that are compared.
        """
        known = self._by_kind.get(kind, {})
        found = [known.get(value) for value in listed(values)]
        if not any(found):
            none = np.zeros(len(found), dtype=np.float32)
            return np.ones(len(found), dtype=np.int32), none, none
        numbers = [number or (1, 0.0, 0.0) for number in found]
        count, names, places = np.array(numbers, dtype=np.float32).T
        return count.astype(np.int32), names, places

    def class_of_tokens(
        self, tokens: Texts, here: NDArray[np.int32] | None = None
    ) -> NDArray[np.int32]:
        """Look up the class in the file of tokens that have several there, (k,); -1 of others.

        `here` is the class of each token among the records that are compared, and -1 minus that
        class of a token that has several among them.
        """
        return self.look_up(CLASS_OF_TOKEN, tokens, here)[0] - 2

    def uninformative(self) -> pl.DataFrame:
        """List values that say little about a record, the most frequent first.

        Returns
        -------
        DataFrame
            ``field`` (label, or role group), ``value``, ``rows``, and ``why``: ``placeholder`` for
            values that were set aside, ``shared`` for contacts of several names or places, which
            count for little.
        """
        kind = pl.col("kind")
        placeholder = kind.str.starts_with(PLACEHOLDER)
        others = pl.max_horizontal("names", "places")
        shared = kind.is_in(_CONTACTS) & (others >= SHARED_BY)
        return (
            self.counts.filter(placeholder | shared)
            .select(
                kind.str.replace(r"^[a-z]+:", "").alias("field"),
                "value",
                pl.col("count").alias("rows"),
                pl.when(placeholder)
                .then(pl.lit("placeholder"))
                .otherwise(pl.lit("shared"))
                .alias("why"),
            )
            .sort(["rows", "field", "value"], descending=[True, False, False])
        )

    @cached_property
    def _by_kind(self) -> dict[str, dict[str, tuple[int, float, float]]]:
        by_kind: dict[str, dict[str, tuple[int, float, float]]] = {}
        for kind, value, *numbers in self.counts.iter_rows():
            by_kind.setdefault(kind, {})[value] = tuple(numbers)
        return by_kind
