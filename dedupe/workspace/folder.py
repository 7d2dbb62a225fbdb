"""The workspace folder: everything that computing, reviewing and exporting share.

::

    contacts.dedupe/
      workspace.json      which input it is for, and the configuration of the files beside it
      decisions.sqlite    what reviewers decided; created with the first decision
      models/             cross-encoders fine-tuned on the decisions, by version
      stages/             what each stage made, under the hash of what it was made from
        scored-1f0c….parquet
        scored-1f0c….json       its facts, and the checksum of the table
        index-77e1….vectors     vectors of the records; and more files of the index
        statistics-1f0c….parquet how often values occur
        workspace.json          copy of the facts, should the file itself be lost
      clusters.csv, merged.csv, removed.csv, pairs.csv, manifest.json

Everything but the decisions can be computed again. Nothing in the folder may be a link: a folder
from somebody else could lead anywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dedupe.errors import WorkspaceError
from dedupe.io.atomic import (
    is_temporary,
    output_errors,
    remove_temporary_files,
    write_error,
)
from dedupe.workspace.facts import FORMAT, check_facts
from dedupe.workspace.json_file import read_checked_json, read_json, write_json
from dedupe.workspace.log.decision_log import DecisionLog
from dedupe.workspace.model_versions import ModelVersions
from dedupe.workspace.stage_cache import FACTS_COPY, StageCache

SUFFIX = ".dedupe"

_logger = logging.getLogger(__name__)


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
        """Return what the workspace is for.

        If the file is missing or damaged, its copy counts. If there is none either, or it is of an
        older version, the facts are empty: a run on the input makes them again.

        Raises
        ------
        WorkspaceError
            If the folder holds something else, or a workspace of a newer version, or if an entry
            is wrong.
        """
        self._check_links()
        for file in (self.facts_file, self._facts_copy):
            facts = _readable(file)
            if facts is None:
                continue
            found = facts.get("format")
            if isinstance(found, int) and found > FORMAT:
                raise WorkspaceError(
                    f"{self.path} was written by a newer dedupe: use that version, or name another "
                    "folder with -o"
                )
            if found != FORMAT:
                return {}
            check_facts(facts, file)
            return facts
        self._check_begun()
        return {}

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Write what the workspace is for, and a copy of it."""
        for file in (self.facts_file, self._facts_copy):
            write_json(file, {**facts, "format": FORMAT})

    @property
    def _facts_copy(self) -> Path:
        return self.cache.folder / FACTS_COPY

    def _restore_facts(self) -> None:
        """Write the file from its copy, or the copy from the file, where one is lost."""
        facts = self.facts()
        if facts and _readable(self.facts_file) != facts:
            _logger.warning("%s was missing or damaged: restored from its copy", self.facts_file)
            write_json(self.facts_file, facts)
        if facts and _readable(self._facts_copy) != facts:
            write_json(self._facts_copy, facts)

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
            raise write_error(self.path, error) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of the workspace; create the folder if it is missing.

        What a run that was killed left behind is tidied up.

        Raises
        ------
        OutputError
            If the folder cannot be created or written to.
        WorkspaceError
            If another run is using it, or the folder holds something else.
        """
        from filelock import FileLock, Timeout

        self.facts()
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
            raise write_error(self.path, error) from error
        try:
            with output_errors(self.path):
                for folder in (self.path, self.cache.folder, self.models.folder):
                    remove_temporary_files(folder)
                self.models.remove_unfinished()
            self._restore_facts()
            yield
        finally:
            lock.release()
            if made and not self.facts_file.exists():
                self._remove_if_empty(made)

    def _check_links(self) -> None:
        """Refuse links where something is written in place; other files are replaced whole."""
        log = self.decisions_file.name
        names = (".lock", self.cache.folder.name, self.models.folder.name)
        for name in (*names, log, f"{log}-wal", f"{log}-shm", f"{log}-journal"):
            if (self.path / name).is_symlink():
                raise WorkspaceError(
                    f"{self.path / name} is a link, and nothing is written through links: put what "
                    "it leads to in its place"
                )

    def _check_begun(self) -> None:
        """Check that the path is free, or a folder that a run has begun."""
        if self.path.exists() and not self.path.is_dir():
            raise WorkspaceError(
                f"{self.path} is a file, not a workspace folder: name another with -o"
            )
        if not self.path.is_dir() or (
            self.cache.has_files() and not self.cache.has_foreign_files()
        ):
            return
        log = self.decisions_file.name
        ours = {".lock", self.cache.folder.name, *(log + end for end in ("", "-wal", "-shm"))}
        names = [path.name for path in self.path.iterdir()]
        foreign = any(name not in ours and not is_temporary(name) for name in names)
        if self.decisions_file.exists():
            with self.decisions(readonly=True):  # it is a log of decisions
                foreign = False
        if (self.path / "clusters").is_dir() and self.manifest_file.exists():
            sample = self.path / f"sample{SUFFIX}"
            remedy = (
                f"use {sample}, a sample of its doubtful pairs"
                if sample.is_dir()
                else ("run dedupe run on a part of the input without --engine")
            )
            raise WorkspaceError(
                f"{self.path} was made with --engine ray, and only workspaces of local runs can be "
                f"reviewed or changed: {remedy}"
            )
        if foreign or self.cache.has_foreign_files():
            raise WorkspaceError(f"{self.path} is a folder of something else: name another with -o")

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
        If there is none, or a run on its input has to make it again.
    """
    workspace = Workspace(Path(path))
    if not workspace.path.is_dir():
        raise WorkspaceError(f"there is no workspace at {path}: make one with dedupe run")
    if not workspace.facts():
        raise WorkspaceError(_lost(workspace))
    return workspace


def _lost(workspace: Workspace) -> str:
    """Say why there are no facts, and what brings them back."""
    path, name = workspace.path, workspace.facts_file.name
    remedy = "run dedupe run on its input again, which computes what is missing"
    if workspace.decisions_file.exists():
        remedy += "; decisions are kept"
    if not workspace.facts_file.exists():
        if not workspace.cache.has_files() and not workspace.decisions_file.exists():
            return f"there is no workspace at {path}: make one with dedupe run"
        return f"the workspace {path} is unfinished, or lost its {name}: {remedy}"
    if _readable(workspace.facts_file) is None:
        return f"{workspace.facts_file} is damaged: {remedy}"
    return f"the workspace {path} was made by an older version of dedupe: {remedy}"


def _readable(file: Path) -> dict[str, Any] | None:
    """Return the content of a file of facts; ``None`` if it is missing or damaged."""
    try:
        return read_checked_json(file)
    except ValueError:
        return None
    except OSError as error:
        raise WorkspaceError(f"cannot read {file}: {error.strerror}") from error
