"""The workspace folder: everything that computing, reviewing and exporting share.

::

    contacts.dedupe/
      workspace.json      which input it is for, and the configuration of the last run
      decisions.sqlite    what reviewers decided; created with the first decision
      models/             cross-encoders fine-tuned on the decisions, by version
      stages/             what each stage made, under the hash of what it was made from
        scored-1f0c….parquet
        scored-1f0c….json       its facts, and the checksum of the table
        index-77e1….vectors     vectors of the records; and more files of the index
        statistics-1f0c….parquet how often values occur
      clusters.csv, merged.csv, removed.csv, pairs.csv, manifest.json

Everything but the decisions can be computed again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dedupe.errors import OutputError, WorkspaceError
from dedupe.workspace.decision_log import DecisionLog
from dedupe.workspace.json_file import read_json, write_json
from dedupe.workspace.model_versions import ModelVersions
from dedupe.workspace.stage_cache import StageCache

FORMAT = 2
"""Version of the layout. A workspace of another version is refused."""

SUFFIX = ".dedupe"


@dataclass(frozen=True)
class Workspace:
    """A workspace folder.

    Parameters
    ----------
    path
        The folder.
    temporary
        The folder is removed when its run ends: results are not written to it.
    """

    path: Path
    temporary: bool = False

    @property
    def cache(self) -> StageCache:
        """What the stages made."""
        return StageCache(self.path / "stages")

    @property
    def models(self) -> ModelVersions:
        """The cross-encoders that were fine-tuned on the decisions."""
        return ModelVersions(self.path / "models")

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

    def decisions(self, *, readonly: bool = False) -> DecisionLog:
        """Return the decision log, for use in a ``with`` statement."""
        return DecisionLog(self.decisions_file, readonly=readonly)

    def facts(self) -> dict[str, Any]:
        """Return what the workspace is for; empty if the folder is new.

        Raises
        ------
        WorkspaceError
            If the folder holds something else, or a workspace of another version.
        """
        try:
            facts = json.loads(self.facts_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self._check_new()
            return {}
        except OSError as error:
            raise WorkspaceError(f"cannot read {self.facts_file}: {error.strerror}") from error
        except ValueError as error:
            raise WorkspaceError(
                f"{self.facts_file} is damaged: delete that file and run again; "
                f"{self.decisions_file.name} keeps the decisions"
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
        """Return what the last run wrote about itself; empty if there is none."""
        return read_json(self.manifest_file)

    def make_folder(self) -> None:
        """Create the folder if it is missing.

        Raises
        ------
        OutputError
            If it cannot be created.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._cannot_write(error) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of the workspace; create the folder if it is missing.

        Raises
        ------
        OutputError
            If the folder cannot be created.
        WorkspaceError
            If another run is using it.
        """
        from filelock import FileLock, Timeout

        made = [path for path in (self.cache.folder, self.path) if not path.exists()]
        try:
            self.cache.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock", timeout=0)
            lock.acquire()
        except Timeout:
            raise WorkspaceError(
                f"another run is using {self.path}: wait for it, or name another folder with -o"
            ) from None
        except OSError as error:
            raise self._cannot_write(error) from error
        try:
            yield
        finally:
            lock.release()
            if made and not self.facts_file.exists():
                self._remove_if_empty(made)

    def _check_new(self) -> None:
        """Check that the path is free, or an empty folder."""
        if self.path.exists() and not self.path.is_dir():
            raise WorkspaceError(
                f"{self.path} is a file, not a workspace folder: name another with -o"
            )
        ours = {".lock", self.cache.folder.name}
        foreign = self.path.is_dir() and any(p.name not in ours for p in self.path.iterdir())
        if foreign or self.cache.has_foreign_files():
            raise WorkspaceError(f"{self.path} is a folder of something else: name another with -o")

    def _cannot_write(self, error: OSError) -> OutputError:
        return OutputError(
            f"cannot write to {self.path}: {error.strerror}; name another folder with -o"
        )

    def _remove_if_empty(self, folders: Sequence[Path]) -> None:
        """Leave no folder behind if a run ended before it had anything to cache."""
        (self.path / ".lock").unlink(missing_ok=True)
        for folder in folders:
            try:
                folder.rmdir()
            except OSError:
                return


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
