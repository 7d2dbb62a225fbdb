"""The cache of a workspace: what each stage made, under the hash of everything it was made from.

A table is written first and its facts last, each by rename. A table without facts, or one that does
not match the checksum in its facts, does not count, and the stage runs again. The facts carry a
checksum of their own.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.errors import WorkspaceError
from dedupe.io.atomic import output_errors, write_atomically
from dedupe.workspace.json_file import read_json, write_json

TABLE, RECORDS, SLOTS = "table", "records", "slots"
"""The input table; the records made of it; the place of each record's text in the index."""
INDEX, CANDIDATES = "index", "candidates"
"""Vectors and rare features of the texts; the candidate pairs that the search found."""
SCORED, STATISTICS = "scored", "statistics"
"""The scored pairs; the statistics of the file that their comparison used."""
CLUSTERS, ADDITIONS = "clusters", "additions"
"""The clusters as they were last written: cluster ids go on from them; what the last addition
changed about them."""

FACTS_COPY = "workspace.json"
"""A copy of the facts of the workspace, which lies among the stages."""

_FILE = re.compile(
    r"(table|records|slots|index|candidates|scored|statistics|clusters|additions)-[0-9a-f]{16}\."
)
"""Names of the files of a cache, and, after a dot, of those that were being written."""

MOST_PARTS = 32
"""Files that the rows of one table may lie in before they are rewritten as one."""


@dataclass(frozen=True)
class StageCache:
    """A folder of cached stages. File names begin with one of the stage names of this module.

    Parameters
    ----------
    folder
        The folder; it need not exist until something is saved.
    """

    folder: Path

    def has_foreign_files(self) -> bool:
        """Check whether the folder holds files that no stage wrote."""
        names = (name.lstrip(".") for name in self._names())
        return any(_FILE.match(name) is None and not name.startswith(FACTS_COPY) for name in names)

    def has_files(self) -> bool:
        """Check whether the folder holds files of a stage."""
        return any(_FILE.match(name) is not None for name in self._names())

    def keys(self, stage: str) -> list[str]:
        """Return the keys under which a stage cached a table, whole or not."""
        beginning = f"{stage}-"
        found = {name.partition(".")[0] for name in self._names() if name.startswith(beginning)}
        return sorted(name.removeprefix(beginning) for name in found)

    def load(self, stage: str, key: str) -> tuple[pl.DataFrame, dict[str, Any]] | None:
        """Return the table cached under `key`, and its facts; ``None`` if it is not whole."""
        frames: list[pl.DataFrame] = []
        rows: int | None = None
        try:
            for part in self._parts(stage, key):
                table, notes = self._files(stage, part)
                facts = read_json(notes)
                data = table.read_bytes()
                if hashlib.sha256(data).hexdigest() != facts.get("sha256"):
                    return None
                frame = pl.read_parquet(data)
                after = facts.get("after")
                begin = 0 if after is None else int(after["rows"])
                if rows is not None and begin + frame.height != rows:
                    return None
                rows = begin
                frames.append(frame)
            if rows != 0:
                return None
            return pl.concat(frames[::-1]), self.facts(stage, key)
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
            return None

    def facts(self, stage: str, key: str) -> dict[str, Any]:
        """Return the facts of the table cached under `key`; empty if there are none."""
        facts = read_json(self._files(stage, key)[1])
        return {name: facts[name] for name in facts if name not in ("sha256", "after")}

    def save(
        self,
        stage: str,
        key: str,
        frame: pl.DataFrame,
        facts: Mapping[str, Any],
        *,
        forget: bool = True,
        after: tuple[str, int] | None = None,
    ) -> None:
        """Cache a table under `key`.

        Parameters
        ----------
        stage, key, frame
            Name of the stage, key and table.
        facts
            What else the stage found; anything JSON can hold.
        forget
            Remove what the stage cached under other keys.
        after
            Key of an earlier table and its number of rows: `frame` begins with those rows. Only the
            others are written, and :meth:`load` reads both.
        """
        table, notes = self._files(stage, key)
        digest = hashlib.sha256()
        if after is not None and len(self._parts(stage, after[0])) < MOST_PARTS:
            frame = frame[after[1] :]
            facts = {**facts, "after": {"key": after[0], "rows": after[1]}}

        def write(path: Path) -> None:
            frame.write_parquet(path, compression="zstd", compression_level=1)
            with path.open("rb") as data:
                while block := data.read(1 << 20):
                    digest.update(block)

        write_atomically(table, write)
        write_json(notes, {**facts, "sha256": digest.hexdigest()})
        if forget:
            self.forget(stage, [key])

    def forget(self, stage: str, but: Collection[str]) -> None:
        """Remove what a stage cached, except under the keys `but`."""
        but = {part for key in but for part in self._parts(stage, key)}
        for old in self.folder.glob(f"{stage}-*"):
            if old.name.removeprefix(f"{stage}-").partition(".")[0] in but:
                continue
            # Windows does not delete a file that is memory-mapped. It no longer counts, and the
            # next run removes it.
            with output_errors(old), suppress(PermissionError):
                old.unlink(missing_ok=True)

    def save_arrays(self, stage: str, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Cache arrays in one file; those under other keys stay until :meth:`forget`."""
        digest = hashlib.sha256()

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
            digest.update(path.read_bytes())

        write_atomically(self._array_file(stage, key, "npz"), write)
        write_json(self._files(stage, key)[1], {"sha256": digest.hexdigest()})

    def load_arrays(self, stage: str, key: str) -> dict[str, NDArray[Any]] | None:
        """Return the arrays cached under `key`; ``None`` if they are missing or damaged."""
        try:
            data = self._array_file(stage, key, "npz").read_bytes()
            checksum = read_json(self._files(stage, key)[1]).get("sha256")
            if hashlib.sha256(data).hexdigest() != checksum:
                return None
            with np.load(io.BytesIO(data), allow_pickle=False) as found:
                return dict(found)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def write_array(self, stage: str, key: str, name: str, at: int, array: NDArray[Any]) -> None:
        """Write rows of an array from row `at` on, over those that exist; flushed to disk.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        path = self._array_file(stage, key, name)
        with output_errors(path):
            if path.is_symlink():  # it could lead out of the workspace
                path.unlink()
            with path.open("r+b" if path.exists() else "wb") as file:
                file.seek(at * array.itemsize * int(np.prod(array.shape[1:])))
                file.write(array.data)
                file.flush()
                os.fsync(file.fileno())

    def map_array(
        self, stage: str, key: str, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]
    ) -> NDArray[Any] | None:
        """Return the first rows of an array, mapped for reading; ``None`` if it is shorter."""
        if 0 in shape:
            return np.empty(shape, dtype=dtype)
        try:
            return np.memmap(self._array_file(stage, key, name), dtype=dtype, mode="r", shape=shape)
        except (OSError, ValueError):
            return None

    def _names(self) -> Iterable[str]:
        try:
            return sorted(path.name for path in self.folder.iterdir())
        except OSError:
            return ()

    def _parts(self, stage: str, key: str) -> list[str]:
        """Return the keys of the files that hold the rows of a table, its own key first."""
        parts = [key]
        while True:
            after = read_json(self._files(stage, parts[-1])[1]).get("after")
            following = after.get("key") if isinstance(after, dict) else None
            if not isinstance(following, str) or following in parts:
                return parts
            parts.append(following)

    def _array_file(self, stage: str, key: str, name: str) -> Path:
        if key and not key.isalnum():  # it comes from a file, and could lead out of the folder
            raise WorkspaceError(f"{self.folder} is damaged: {key!r} is no key of a stage")
        return self.folder / f"{stage}-{key}.{name}"

    def _files(self, stage: str, key: str) -> tuple[Path, Path]:
        return self._array_file(stage, key, "parquet"), self._array_file(stage, key, "json")
