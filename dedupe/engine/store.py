"""Files of a distributed run: frames as Parquet, and what each finished stage found, as JSON.

The folder may be on any file system of Arrow: a path, ``s3://…`` or ``gs://…``. A stage is finished
when its ``done.json`` is there, which is written last.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import polars as pl

from dedupe.errors import InputError, OutputError

ADDRESS = "://"
"""What an address of a file has, and a path does not."""


def file_system(place: str) -> tuple[Any, str]:
    """Find the Arrow file system of a path or address, and the path in it.

    Raises
    ------
    InputError
        If the address is of no file system that Arrow knows.
    """
    from pyarrow import ArrowException, fs

    if ADDRESS not in place:
        return fs.LocalFileSystem(), Path(place).absolute().as_posix()
    try:
        system, path = fs.FileSystem.from_uri(place)
    except (ArrowException, OSError, ValueError) as error:
        raise InputError(f"cannot use {place}: {' '.join(str(error).split())}") from None
    return system, path


@dataclass(frozen=True)
class Store:
    """A folder of stages, each a folder of Parquet files.

    Parameters
    ----------
    root
        Path or address of the folder.
    """

    root: str

    def read(self, name: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Read the frame of one file."""
        return pl.DataFrame(pl.from_arrow(self.read_arrow(name, columns)))

    def read_arrow(self, name: str, columns: Sequence[str] | None = None) -> Any:
        """Read the Arrow table of one file."""
        import pyarrow.parquet as pq

        system, path = file_system(f"{self.root}/{name}.parquet")
        wanted = None if columns is None else list(columns)
        return pq.read_table(path, columns=wanted, filesystem=system, partitioning=None)

    def schema(self, name: str) -> pl.Schema:
        """Read the names and types of the columns of one file."""
        import pyarrow.parquet as pq

        system, path = file_system(f"{self.root}/{name}.parquet")
        with system.open_input_file(path) as file:
            empty = pq.read_schema(file).empty_table()
        return pl.DataFrame(pl.from_arrow(empty)).schema

    def write(self, name: str, frame: Any) -> None:
        """Write a polars frame or an Arrow table to one file: whole, or not at all."""
        import pyarrow.parquet as pq

        table = frame.rechunk().to_arrow() if isinstance(frame, pl.DataFrame) else frame
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="lz4", write_statistics=False)
        self._write_bytes(f"{name}.parquet", buffer.getbuffer())

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Read a JSON object; ``None`` if there is none."""
        system, path = file_system(f"{self.root}/{name}")
        try:
            with system.open_input_stream(path) as file:
                found = json.loads(file.read())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def finished(self, stage: str) -> dict[str, Any] | None:
        """Return what a stage found, if it is finished."""
        return self.read_json(f"{stage}/done.json")

    def finish(self, stage: str, found: Mapping[str, Any]) -> None:
        """Write what a stage found."""
        self._write_bytes(f"{stage}/done.json", json.dumps(found).encode())

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Write a JSON file for users."""
        text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
        self._write_bytes(name, (text + "\n").encode())

    def remove(self, folder: str) -> None:
        """Remove a folder, if it is there."""
        system, path = file_system(f"{self.root}/{folder}")
        try:
            system.delete_dir(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise OutputError(f"cannot remove {path}: {error}") from None

    def empty(self, stage: str) -> None:
        """Remove the files of a finished stage, which no later one needs."""
        found = self.finished(stage)
        if found is None or found.get("emptied"):
            return
        self.remove(stage)
        self.finish(stage, {**found, "emptied": True})

    def names(self) -> list[str]:
        """List the names of the files and folders in the folder."""
        from pyarrow import fs

        system, path = file_system(self.root)
        try:
            found = system.get_file_info(fs.FileSelector(path, allow_not_found=True))
        except OSError as error:
            raise OutputError(f"cannot use {self.root}: {' '.join(str(error).split())}") from None
        return sorted(item.base_name for item in found)

    def take(self, folder: str, other: Store) -> None:
        """Move a folder of another store here, in place of an earlier one, unless it was moved."""
        if folder not in other.names():
            return
        source, from_path = file_system(f"{other.root}/{folder}")
        target, to_path = file_system(f"{self.root}/{folder}")
        self.remove(folder)
        if ADDRESS not in self.root:
            source.move(from_path, to_path)
            return
        from pyarrow import fs

        fs.copy_files(from_path, to_path, source_filesystem=source, destination_filesystem=target)

    def folders(self, folder: str = "") -> list[str]:
        """List the folders in a folder."""
        from pyarrow import fs

        system, path = file_system(f"{self.root}/{folder}".rstrip("/"))
        found = system.get_file_info(fs.FileSelector(path, allow_not_found=True))
        return sorted(item.base_name for item in found if item.type == fs.FileType.Directory)

    def _write_bytes(self, name: str, data: Any) -> None:
        system, path = file_system(f"{self.root}/{name}")
        try:
            system.create_dir(path.rpartition("/")[0], recursive=True)
            # Object stores write whole objects; elsewhere a file gets its name at the end.
            is_local = ADDRESS not in self.root
            target = f"{path}.{token_hex(8)}.tmp" if is_local else path
            with system.open_output_stream(target) as file:
                file.write(data)
            if is_local:
                system.move(target, path)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error}") from None
