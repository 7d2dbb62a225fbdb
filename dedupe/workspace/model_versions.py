"""The cross-encoders that were fine-tuned on the decisions of a workspace, by version.

::

    models/
      cross-encoder-1/     weights, and fine-tuning.json: what they were trained on and how well
      cross-encoder-2/
      current.json         the version in use
"""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dedupe.config import BUNDLED
from dedupe.errors import WorkspaceError
from dedupe.io.atomic import output_errors
from dedupe.workspace.json_file import read_checked_json, read_json, write_json

_NAME = re.compile(r"cross-encoder-([1-9][0-9]*)")
_MAKING = ".making-"
NOTES = "fine-tuning.json"
"""File beside the weights of a version: what :func:`dedupe.train` reports of it."""


@dataclass(frozen=True)
class ModelVersions:
    """A folder of fine-tuned cross-encoders.

    Parameters
    ----------
    folder
        The folder; it need not exist.
    """

    folder: Path

    def all(self) -> list[int]:
        """Return the versions whose weights exist, the oldest first."""
        weights = self.folder.glob("cross-encoder-*/model.safetensors")
        numbers = (_NAME.fullmatch(path.parent.name) for path in weights)
        return sorted(int(found[1]) for found in numbers if found is not None)

    def path(self, version: int) -> Path:
        """Return the folder of a version."""
        return (self.folder / f"cross-encoder-{version}").resolve()

    def next(self) -> int:
        """Return a number that no version has, complete or not."""
        numbers = (_NAME.fullmatch(path.name) for path in self.folder.glob("cross-encoder-*"))
        return max((int(found[1]) for found in numbers if found is not None), default=0) + 1

    def current(self) -> int:
        """Return the version in use; 0 for the model that was used before any was trained.

        Raises
        ------
        WorkspaceError
            If the file that names it is damaged.
        """
        file = self.folder / "current.json"
        try:
            version = (read_checked_json(file) or {"version": 0})["version"]
        except (OSError, ValueError, KeyError):
            raise WorkspaceError(
                f"{file} is damaged: it names the fine-tuned model in use; delete it to go back to "
                "the bundled model, or name a folder beside it with --cross-encoder"
            ) from None
        return version if isinstance(version, int) else 0

    def making(self, version: int) -> Path:
        """Return the folder in which a version is written; it is renamed when it is complete."""
        return self.folder / f"{_MAKING}{version}"

    def remove_unfinished(self) -> None:
        """Remove versions that were being written when their training was killed."""
        for unfinished in self.folder.glob(f"{_MAKING}*"):
            with output_errors(unfinished):
                shutil.rmtree(unfinished)

    def use(self, version: int) -> None:
        """Choose the version that runs use from now on."""
        write_json(self.folder / "current.json", {"version": version})

    def check(self, version: int) -> None:
        """Check the files of a version against the checksums in its notes.

        Raises
        ------
        WorkspaceError
            If one is damaged or missing.
        """
        folder = self.path(version)
        if self.notes(version).get("files") != file_checksums(folder):
            raise WorkspaceError(
                f"the model {folder} is damaged or incomplete: return to the one before with "
                f"dedupe train {self.folder.parent} --undo"
            )

    def notes(self, version: int) -> dict[str, Any]:
        """Return what was reported when a version was trained; empty if that is unknown."""
        return read_json(self.path(version) / NOTES)

    def version_of(self, model: str) -> int:
        """Return the version that a model folder is; 0 if it is none of these."""
        known = {str(self.path(version)): version for version in self.all()}
        return known.get(model, 0)

    def portable_name(self, model: str) -> str:
        """Return the name under which a model is recorded in the workspace.

        A version is named relative to the workspace, so that it is found wherever the workspace is
        moved to. Any other folder is named in full, whatever the working directory is.
        """
        folder = Path(model)
        if model == BUNDLED or not folder.is_dir():
            return model
        folder = folder.resolve()
        inside = folder.parent == self.folder.resolve()
        return f"{self.folder.name}/{folder.name}" if inside else str(folder)

    def resolved_name(self, name: str) -> str:
        """Return the name or folder to load, for a name that :meth:`portable_name` returned."""
        folder, _, version = name.partition("/")
        found = _NAME.fullmatch(version) if folder == self.folder.name else None
        return name if found is None else str(self.path(int(found[1])))


def file_checksums(folder: Path) -> dict[str, str]:
    """Compute the SHA-256 of each file of a model, by its path in the folder; not of the notes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != NOTES:
            with path.open("rb") as file:
                name = path.relative_to(folder).as_posix()
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
