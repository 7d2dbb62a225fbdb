"""Write a lesson: records of groups of entities that look alike, with the noise of real files.

Records of all entities get the same noise. Afterwards each pair of records of a group is checked:
two entities must still differ in something that tells them apart, and two records of one entity
must share enough. Empty values are filled in again, or records left out, until that is so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import fsum
from random import Random

import numpy as np
import polars as pl

from dedupe.training.augment.edits import NICKNAMES
from dedupe.training.generators.lessons.noise import slip
from dedupe.training.generators.lessons.styles import Style
from dedupe.training.generators.lessons.table import Column, Facts, Group, Lesson, Plan

_SIZES = ((2, 3, 4, 5, 6), (66, 19, 9, 4, 2))
"""Numbers of records of an entity that has several, and their weights."""

_SHARES = (0.02, 0.06, 0.12, 0.2, 0.3)
"""Shares of the entities of a file that have several records; one is drawn per file."""

_CERTAIN = (2, 5, 9)
"""Numbers of entities that have several records in every file with duplicates."""

_GAPS = ((0.0, 0.03, 0.1, 0.2, 0.4), (5, 4, 4, 2, 1))
"""Shares of empty values in a column, and their weights."""

_ERRORS = (0.0, 0.1, 0.25, 0.5)
"""Mean numbers of typing errors in a record; one is drawn per file."""

_RARELY_EMPTY = frozenset({"given", "surname", "full_name", "firm", "name", "place", "title"})
"""Columns that have a quarter of the usual empty values."""


@dataclass(eq=False)
class _Row:
    """A record before it is written: facts of the entity and its own, and what it does not show."""

    label: int
    entity: Facts
    facts: Facts
    style: Style
    replaced: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    stand_ins: dict[str, str] = field(default_factory=dict)


def build(kind: str, rng: Random, plan: Plan, groups: Iterable[Group], most: int = 600) -> Lesson:
    """Write a file of records of some groups.

    Parameters
    ----------
    kind
        Kind of the lesson.
    rng
        Source of every random choice.
    plan
        Columns, variants and what tells entities apart.
    groups
        Groups of entities. Entities of a group are checked against each other.
    most
        Largest number of rows.
    """
    styles = _draw_styles(rng)
    share = plan.share if plan.share is not None else rng.choice(_SHARES)
    gaps = {
        key: min(rng.choices(*_GAPS)[0] * plan.gaps, 0.4) * (0.25 if key in _RARELY_EMPTY else 1.0)
        for key in plan.columns
        if key not in plan.keep
    }
    shown = {name for column in plan.columns.values() for name in column.attributes}
    telling = [name for name in plan.telling if name in shown]
    rows: list[_Row] = []
    seen: set[tuple[str, ...]] = set()
    label = 0
    for group in groups:
        block: list[_Row] = []
        for facts in group:
            key = tuple(facts.get(name, "").lower() for name in telling)
            if key in seen and not plan.allow_equal:
                continue
            seen.add(key)
            several = share > 0 and (rng.random() < share or label in _CERTAIN)
            several = several and not facts.get("alone")
            count = rng.choices(*_SIZES)[0] if several else 1
            copies = [_draw_row(label, facts, rng, plan, styles, gaps, i) for i in range(count)]
            block.extend(_connect(copies, plan))
            label += 1
        rows.extend(_separate(block, plan) if len(group) > 1 else block)
        if len(rows) >= most:
            break
    rows = rows[:most]
    rng.shuffle(rows)
    return _write(kind, rows, plan, rng)


def _draw_styles(rng: Random) -> list[Style]:
    """Draw the styles of one to three sources of a file."""
    month_first = rng.random() < 0.4
    return [Style.draw(rng, month_first) for _ in range(rng.choice((1, 1, 2, 2, 3)))]


def _draw_row(
    label: int,
    facts: Facts,
    rng: Random,
    plan: Plan,
    styles: Sequence[Style],
    gaps: Mapping[str, float],
    place: int,
) -> _Row:
    """Draw a record of an entity: its changes, style and gaps."""
    row = _Row(label, facts, dict(facts), rng.choice(styles))
    if plan.variants:
        least = int(rng.random() < 0.7)
        changes = rng.randint(least, plan.most) if place else int(rng.random() < 0.25)
        variants, weights = zip(*plan.variants, strict=True)
        for variant in rng.choices(variants, weights, k=changes):
            row.replaced.update(variant(rng, row.facts))
    if plan.usual is not None and rng.random() < 0.6:
        row.replaced.update(plan.usual(rng, row.facts))
    row.hidden = {key for key, gap in gaps.items() if rng.random() < gap}
    for key, texts in plan.placeholders.items():
        if key in row.hidden or rng.random() < plan.placeholder_rate:
            row.hidden.add(key)
            if rng.random() < 0.85:
                row.stand_ins[key] = rng.choice(texts)
    return row


def _visible(row: _Row, plan: Plan) -> set[str]:
    """Collect the attributes with a value that a record shows."""
    return {
        name
        for key, column in plan.columns.items()
        if key not in row.hidden
        for name in column.attributes
        if row.facts.get(name) or name in plan.absent_tells
    }


def differs(name: str, left: str, right: str) -> bool:
    """Tell whether two values of an attribute contradict each other."""
    left, right = left.lower().strip(". "), right.lower().strip(". ")
    if left == right:
        return False
    if name in ("given", "middle"):
        if left[:1] == right[:1] and min(len(left), len(right)) == 1:
            return False
        return right not in NICKNAMES.get(left, ())
    return True


def _conflict(left: _Row, right: _Row, plan: Plan) -> float:
    """Weigh what tells the entities of two records apart, in the records as they are."""
    shared = _visible(left, plan) & _visible(right, plan)
    return fsum(
        weight
        for name, weight in plan.telling.items()
        if name in shared
        and differs(name, left.facts.get(name, ""), right.facts.get(name, ""))
        and differs(name, left.entity.get(name, ""), right.entity.get(name, ""))
    )


def _show(row: _Row, name: str, plan: Plan) -> None:
    """Let a record show the value that its entity has for an attribute."""
    if not row.facts.get(name) or name in row.replaced:
        row.facts[name] = row.entity.get(name, "")
        row.replaced.discard(name)
    for key, column in plan.columns.items():
        if name in column.attributes:
            row.hidden.discard(key)


def _separate(rows: list[_Row], plan: Plan) -> list[_Row]:
    """Leave records of a group that nothing tells apart out, if filling them does not help."""
    dropped: set[int] = set()
    for a, b in combinations(range(len(rows)), 2):
        left, right = rows[a], rows[b]
        if left.label == right.label or a in dropped or b in dropped:
            continue
        if _conflict(left, right, plan) >= 1.0:
            continue
        for name in plan.telling:
            if differs(name, left.entity.get(name, ""), right.entity.get(name, "")):
                _show(left, name, plan)
                _show(right, name, plan)
                if _conflict(left, right, plan) >= 1.0:
                    break
        else:
            dropped.add(b)
    return [row for at, row in enumerate(rows) if at not in dropped]


def _connect(rows: list[_Row], plan: Plan) -> list[_Row]:
    """Leave records of an entity out that share too little with the others."""
    shown = {name for column in plan.columns.values() for name in column.attributes}
    shown = {name for name in shown if rows[0].facts.get(name)}
    needed = min(
        1.0, 0.8 * fsum(plan.evidence[name] for name in sorted(shown & set(plan.evidence)))
    )
    kept = rows[:1]
    for row in rows[1:]:
        if all(_link(row, other, needed, plan) for other in kept):
            kept.append(row)
        needed = min(needed, 0.8)
    return kept


def _link(left: _Row, right: _Row, needed: float, plan: Plan) -> bool:
    """Fill empty values of two records of one entity until they share enough, if they can."""
    for name in plan.evidence:
        if _shared(left, right, plan) >= needed:
            break
        if name not in left.replaced | right.replaced:
            _show(left, name, plan)
            _show(right, name, plan)
    return _shared(left, right, plan) >= needed


def _shared(left: _Row, right: _Row, plan: Plan) -> float:
    """Weigh what two records of one entity share. An initial counts half."""
    shared = _visible(left, plan) & _visible(right, plan)
    shared -= left.replaced | right.replaced
    return fsum(
        weight * (0.5 if _is_initial(name, left) or _is_initial(name, right) else 1.0)
        for name, weight in plan.evidence.items()
        if name in shared
    )


def _is_initial(name: str, row: _Row) -> bool:
    """Tell whether a record shows an initial instead of a name."""
    return name in ("given", "middle") and len(row.facts.get(name, "").strip(". ")) == 1


def _write(kind: str, rows: Sequence[_Row], plan: Plan, rng: Random) -> Lesson:
    """Write the records with typing errors, and leave those of two entities that are alike out."""
    errors = rng.choice(_ERRORS) * plan.errors
    names = _column_names(plan.columns, rng)
    records: list[tuple[str | None, ...]] = []
    labels: list[int] = []
    seen: dict[tuple[str | None, ...], int] = {}
    for row in rows:
        values = _write_row(row, plan, errors, rng)
        if not any(values):
            continue
        first = seen.setdefault(values, row.label)
        if first == row.label or plan.allow_equal:
            records.append(values)
            labels.append(row.label)
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    data: dict[str, list[str | None]] = {"id": _draw_ids(len(records), rng)}
    for name, values in zip(names, zip(*records, strict=True), strict=True):
        if any(values):
            data[name] = list(values)
    frame = pl.DataFrame(data, schema=dict.fromkeys(data, pl.String))
    return Lesson(kind, frame, np.array([numbers[label] for label in labels], dtype=np.int64))


def _write_row(row: _Row, plan: Plan, errors: float, rng: Random) -> tuple[str | None, ...]:
    """Write one record."""
    values = {
        key: row.stand_ins.get(key, "")
        if key in row.hidden
        else " ".join(column.write(row.facts, row.style, rng).split())
        for key, column in plan.columns.items()
    }
    open_keys = [key for key in values if key not in row.hidden and plan.columns[key].typos > 0]
    count = int(errors) + (rng.random() < errors % 1.0)
    if open_keys:
        for key in rng.choices(open_keys, [plan.columns[k].typos for k in open_keys], k=count):
            values[key] = slip(values[key], rng)
    return tuple(value or None for value in values.values())


def _column_names(columns: Mapping[str, Column], rng: Random) -> list[str]:
    """Draw unique names of columns."""
    names: list[str] = []
    numbered = rng.random() < 0.06
    stem = rng.choice(("col", "field", "column_", "attr"))
    for place, (key, column) in enumerate(columns.items(), 1):
        name = f"{stem}{place}" if numbered else rng.choice(column.names)
        names.append(name if name not in names and name != "id" else f"{key}_{place}")
    match rng.randrange(6):
        case 0:
            return [name.upper() for name in names]
        case 1:
            return [name.replace("_", " ").title() for name in names]
    return names


def _draw_ids(count: int, rng: Random) -> list[str | None]:
    """Draw ids that say nothing about clusters."""
    start, prefix = rng.choice((0, 1, 1000)), rng.choice(("", "", "r", "rec-", "A"))
    return [f"{prefix}{start + number}" for number in range(count)]
