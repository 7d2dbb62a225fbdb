"""The folder on disk: the whole contract between computing, reviewing and exporting.

::

    contacts.dedupe/
      workspace.json      which input it is for, and the configuration of the last run
      decisions.sqlite    what people decided; made at the first decision
      models/             cross-encoders that learnt from the decisions, by version
      stages/             what each stage made, under the hash of what it was made from
        scored-1f0c….parquet
        scored-1f0c….json       its facts, and the checksum that says it is whole
        index-77e1….vectors     vectors of the records, for those that come later; and more of it
        distilled-1f0c….npz       what decides clear pairs, for the same
      clusters.csv, merged.csv, removed.csv, pairs.csv, manifest.json

A stage's table is written first and its facts last, each by rename: facts without a whole table do
not count, and the stage is made again. Everything but the decisions can be made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import BUNDLED
from dedupe.errors import OutputError, WorkspaceError
from dedupe.io.atomic import write_atomically
from dedupe.workspace.decision_log import Decisions

FORMAT = 1
"""Version of the layout; a workspace of another version is refused."""


SUFFIX = ".dedupe"


MOST_PARTS = 32
"""Files that the rows of a stage may lie in before they are written as one again."""


@dataclass(frozen=True)
class Workspace:
    """A workspace folder.

    Parameters
    ----------
    path
        The folder.
    """

    path: Path

    @property
    def stages(self) -> Path:
        """Folder of what the stages made."""
        return self.path / "stages"

    @property
    def facts_file(self) -> Path:
        """File that says what the workspace is for."""
        return self.path / "workspace.json"

    @property
    def manifest_file(self) -> Path:
        """File that says what the last run did."""
        return self.path / "manifest.json"

    @property
    def decisions_file(self) -> Path:
        """File of the decision log."""
        return self.path / "decisions.sqlite"

    @property
    def models(self) -> Path:
        """Folder of the cross-encoders that learnt from the decisions."""
        return self.path / "models"

    def versions(self) -> list[int]:
        """Return the versions of the learnt cross-encoder that are there, the oldest first."""
        found = self.models.glob("cross-encoder-*/model.safetensors")
        return sorted(int(path.parent.name.rpartition("-")[2]) for path in found)

    def model(self, version: int) -> Path:
        """Return the folder of one version of the learnt cross-encoder."""
        return (self.models / f"cross-encoder-{version}").resolve()

    def next_version(self) -> int:
        """Return the number of the next version; none that is there, whole or not, has it."""
        taken = [path.name.rpartition("-")[2] for path in self.models.glob("cross-encoder-*")]
        return max((int(number) for number in taken if number.isdigit()), default=0) + 1

    def model_name(self, model: str) -> str:
        """Return how a model is written down: one learnt here by its place in the workspace.

        So it is found wherever the workspace is moved or copied to. Another folder is named in
        full, whatever the working directory is.
        """
        folder = Path(model)
        if model == BUNDLED or not folder.is_dir():
            return model
        folder = folder.resolve()
        inside = folder.parent == self.models.resolve()
        return f"{self.models.name}/{folder.name}" if inside else str(folder)

    def model_named(self, name: str) -> str:
        """Return the name or folder to load a model by that :meth:`model_name` wrote down."""
        learnt = re.fullmatch(r"models/cross-encoder-(\d+)", name)
        return name if learnt is None else str(self.model(int(learnt[1])))

    def current_version(self) -> int:
        """Return the version in use; 0 for the model that was there before any was learnt."""
        try:
            version = json.loads((self.models / "current.json").read_text())["version"]
        except (OSError, ValueError, KeyError, TypeError):
            return 0
        return version if version in self.versions() else 0

    def use_version(self, version: int) -> None:
        """Choose the version of the learnt cross-encoder that runs use from now on."""
        write_json(self.models / "current.json", {"version": version})

    def decisions(self, *, readonly: bool = False) -> Decisions:
        """Return the decision log, to be used in a ``with`` statement."""
        return Decisions(self.decisions_file, readonly=readonly)

    def facts(self) -> dict[str, Any]:
        """Return what the workspace is for; empty where the folder is new.

        Raises
        ------
        WorkspaceError
            If the folder holds something else, or a workspace of another version.
        """
        try:
            facts = json.loads(self.facts_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if self.path.is_dir() and any(p.name != ".lock" for p in self.path.iterdir()):
                raise WorkspaceError(
                    f"{self.path} is a folder of something else: name another with -o"
                ) from None
            if self.path.exists() and not self.path.is_dir():
                raise WorkspaceError(
                    f"{self.path} is a file, not a workspace folder: name another with -o"
                ) from None
            return {}
        except OSError as error:
            raise WorkspaceError(f"cannot read {self.facts_file}: {error.strerror}") from error
        except ValueError as error:
            raise WorkspaceError(
                f"{self.facts_file} is damaged: delete that file and run again; decisions are kept "
                f"in {self.decisions_file.name}"
            ) from error
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            raise WorkspaceError(
                f"{self.path} was made by another version of dedupe: name another folder with -o"
            )
        return facts

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Write what the workspace is for."""
        write_json(self.facts_file, {"format": FORMAT, **facts})

    def manifest(self) -> dict[str, Any]:
        """Return what the last run wrote about itself; empty where there is none."""
        try:
            manifest = json.loads(self.manifest_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return manifest if isinstance(manifest, dict) else {}

    def load(self, stage: str, key: str) -> tuple[pl.DataFrame, dict[str, Any]] | None:
        """Return what a stage made under `key`, and its facts; ``None`` if it is not whole."""
        table, notes = self._files(stage, key)
        try:
            facts = dict(json.loads(notes.read_text(encoding="utf-8")))
            data = table.read_bytes()
            if hashlib.sha256(data).hexdigest() != facts.pop("sha256", None):
                return None
            frame = pl.read_parquet(data)
            if (after := facts.pop("after", None)) is None:
                return frame, facts
            before = self.load(stage, after["key"])
            if before is None or before[0].height != after["rows"]:
                return None
            return pl.concat([before[0], frame]), facts
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
            return None

    def stage_facts(self, stage: str, key: str) -> dict[str, Any]:
        """Return the facts of what a stage made under `key`; empty if there are none."""
        facts = self._notes(stage, key)
        return {name: facts[name] for name in facts if name not in ("sha256", "after")}

    def _notes(self, stage: str, key: str) -> dict[str, Any]:
        try:
            return dict(json.loads(self._files(stage, key)[1].read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return {}

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
        """Keep what a stage made under `key`, and `forget` what it made under other keys.

        With `after`, the first rows are those kept under that other key, so many: only the rest is
        written, and both are read together.
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
        """Remove what a stage made under other keys than these."""
        but = {part for key in but for part in self._parts(stage, key)}
        for old in self.stages.glob(f"{stage}-*"):
            if old.name.removeprefix(f"{stage}-").partition(".")[0] not in but:
                old.unlink(missing_ok=True)

    def _parts(self, stage: str, key: str) -> list[str]:
        """Return the keys under which the rows of one key lie, itself first."""
        parts = [key]
        while (after := self._notes(stage, parts[-1]).get("after")) is not None:
            parts.append(str(after["key"]))
        return parts

    def save_arrays(self, stage: str, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays under `key`; those under other keys stay until :meth:`forget`."""

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, allow_pickle=False, **arrays)

        write_atomically(self.stages / f"{stage}-{key}.npz", write)

    def load_arrays(self, stage: str, key: str) -> dict[str, NDArray[Any]] | None:
        """Return arrays kept under `key`; ``None`` if they are missing or damaged."""
        try:
            # The zip holds a checksum of each array, which reading it all compares.
            with (
                (self.stages / f"{stage}-{key}.npz").open("rb") as file,
                np.load(file, allow_pickle=False) as found,
            ):
                return dict(found)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def write_array(self, stage: str, key: str, name: str, at: int, array: NDArray[Any]) -> None:
        """Write an array from its row `at` on, over what is there; it is on the disk at the end.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        path = self._array_file(stage, key, name)
        try:
            with path.open("r+b" if path.exists() else "wb") as file:
                file.seek(at * array.itemsize * int(np.prod(array.shape[1:])))
                file.write(array.data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._cannot_write(error) from error

    def map_array(
        self, stage: str, key: str, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]
    ) -> NDArray[Any] | None:
        """Return the first rows of a written array, to be read only; ``None`` if it is shorter."""
        if 0 in shape:
            return np.empty(shape, dtype=dtype)
        try:
            return np.memmap(self._array_file(stage, key, name), dtype=dtype, mode="r", shape=shape)
        except (OSError, ValueError):
            return None

    def make_folder(self) -> None:
        """Make the folder if it is missing.

        Raises
        ------
        OutputError
            If it cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._cannot_write(error) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of the workspace; make the folder if it is missing.

        Raises
        ------
        OutputError
            If the folder cannot be made.
        WorkspaceError
            If another run is under way in it.
        """
        from filelock import FileLock, Timeout

        new = not self.path.exists()
        try:
            self.stages.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock", timeout=0)
            lock.acquire()
        except Timeout:
            raise WorkspaceError(
                f"another run is under way in {self.path}: wait for it, or name another with -o"
            ) from None
        except OSError as error:
            raise self._cannot_write(error) from error
        try:
            yield
        finally:
            lock.release()
            if new and not self.facts_file.exists():
                self._remove_if_empty()

    def _cannot_write(self, error: OSError) -> OutputError:
        return OutputError(
            f"cannot write to {self.path}: {error.strerror}; name another folder with -o"
        )

    def _remove_if_empty(self) -> None:
        """Leave no folder behind where a run ended before it had anything to keep."""
        (self.path / ".lock").unlink(missing_ok=True)
        for folder in (self.stages, self.path):
            try:
                folder.rmdir()
            except OSError:
                return

    def _array_file(self, stage: str, key: str, name: str) -> Path:
        return self.stages / f"{stage}-{key}.{name}"

    def _files(self, stage: str, key: str) -> tuple[Path, Path]:
        return self.stages / f"{stage}-{key}.parquet", self.stages / f"{stage}-{key}.json"


def open_workspace(path: str | Path) -> Workspace:
    """Return the workspace in a folder.

    Raises
    ------
    WorkspaceError
        If there is none.
    """
    workspace = Workspace(Path(path))
    if not workspace.path.is_dir() or not workspace.facts():
        raise WorkspaceError(f"there is no workspace at {path}: make one with dedupe run")
    return workspace


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file by rename."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, lambda temporary: _write_text(temporary, text))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
