"""Databases are read without a change."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import polars as pl
import psycopg
import pytest
from polars.testing import assert_frame_equal

from dedupe.errors import InputError, OptionError
from dedupe.io.dialect import CSV
from dedupe.io.formats import database as module
from dedupe.io.formats.database import find_database
from dedupe.io.tables import read_table, write_table

NOT_READING = [
    "DELETE FROM people",
    "INSERT INTO people SELECT * FROM people",
    "UPDATE people SET name = 'x'",
    "DROP TABLE people",
    "CREATE TABLE more (a int)",
    "SELECT * FROM people; DELETE FROM people",
]


def test_a_written_database_is_read_again(people: pl.DataFrame, database: tuple[str, Path]) -> None:
    kind, path = database
    for source in (f"{kind}:///{path}::people", f"{path}::people"):
        table = read_table(source)
        assert_frame_equal(table.frame, people)
        assert table.name == f"{path.name}::people"
    query = read_table(f"{kind}:///{path}", query="SELECT name, id FROM people WHERE id < 3;")
    assert query.frame.rows() == [("Ada", 1), ("Bob", 2)]
    assert read_table(f"{path}::main.towns").frame.height == 1


def test_the_only_table_needs_no_name(people: pl.DataFrame, tmp_path: Path) -> None:
    for kind in ("sqlite", "duckdb"):
        write_table(people, tmp_path / f"people.{kind}", format=kind, dialect=CSV)
        assert_frame_equal(read_table(tmp_path / f"people.{kind}").frame, people)


def test_the_same_rows_have_the_same_fingerprint(sqlite: Path) -> None:
    first = read_table(f"{sqlite}::people").fingerprint
    assert read_table(f"sqlite:///{sqlite}", query="SELECT * FROM people").fingerprint == first
    assert read_table(f"sqlite:///{sqlite}::towns").fingerprint != first


@pytest.mark.parametrize("query", NOT_READING)
def test_only_reading_statements_are_run(database: tuple[str, Path], query: str) -> None:
    kind, path = database
    before = path.read_bytes()
    with pytest.raises(InputError, match="only one SELECT can be read"):
        read_table(f"{kind}:///{path}", query=query)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "query", ["ATTACH 'x.db' AS x", "VACUUM INTO 'x.db'", "PRAGMA user_version=3"]
)
def test_sqlite_creates_no_other_file(
    query: str, sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sqlite.parent)
    with pytest.raises(InputError):
        read_table("sqlite:///crm.db", query=query)
    assert [file.name for file in sqlite.parent.iterdir()] == ["crm.db"]


def test_duckdb_writes_no_other_file(duck: Path) -> None:
    with pytest.raises(InputError, match="only one SELECT"):
        read_table(f"duckdb:///{duck}", query=f"COPY people TO '{duck.parent}/x.csv'")
    assert [file.name for file in duck.parent.iterdir()] == [duck.name]


@pytest.mark.parametrize(
    ("source", "query", "message"),
    [
        ("{path}", None, r"several tables \(people, towns\): name one"),
        ("{path}::peple", None, "no table 'peple'.*it holds people, towns"),
        ("{kind}:///{path}", "SELECT nme FROM people", "nme"),
        ("{kind}:///{path}", "SELEC 1", "syntax error"),
        ("{kind}:///{path}", "SELECT * FROM people WHERE id > 9", "the query gives no rows"),
        ("{kind}:///{path}", "", "SELECT"),
        ("{kind}:///no/such/file", None, "there is no database no/such/file"),
    ],
)
def test_an_unreadable_table_is_one_clear_line(
    database: tuple[str, Path], source: str, query: str | None, message: str
) -> None:
    kind, path = database
    with pytest.raises(InputError, match=message) as raised:
        read_table(source.format(kind=kind, path=path), query=query)
    assert "\n" not in str(raised.value)


def test_a_table_and_a_query_together_are_refused(sqlite: Path) -> None:
    with pytest.raises(OptionError, match="give one of them"):
        read_table(f"{sqlite}::people", query="SELECT 1")


def test_a_query_needs_a_database(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match="is not a database"):
        read_table(tmp_path / "x.csv", query="SELECT 1")


def test_other_databases_are_refused() -> None:
    with pytest.raises(InputError, match="cannot read mysql://"):
        find_database("mysql://host/db")


def test_a_relative_path_meant_to_be_absolute_is_explained(sqlite: Path) -> None:
    with pytest.raises(InputError, match="write four slashes"):
        read_table(f"sqlite:///{str(sqlite).removeprefix('/')}")


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_broken_database_is_one_clear_line(kind: str, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"SQLite format 3\x00 and then nothing of the kind" * 300)
    with pytest.raises(InputError, match=r"x\.db") as raised:
        read_table(f"{kind}:///{tmp_path}/x.db")
    assert "\n" not in str(raised.value)


def test_a_damaged_schema_of_several_lines_is_one_clear_line(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("CREATE TABLE people (\n    name TEXT NOT NULL\n)")
        connection.execute("PRAGMA writable_schema = 1")
        connection.execute("UPDATE sqlite_master SET name = sql, sql = 'x'")
        connection.commit()
    with pytest.raises(InputError, match=r"x\.db is not a complete SQLite database") as raised:
        read_table(tmp_path / "x.db")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("damaged", [b"CREATE TABLE \xffeople", b"CREATE \xffABLE people"])
def test_a_schema_that_is_not_text_is_one_clear_line(damaged: bytes, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("CREATE TABLE people (name TEXT)")
        connection.commit()
    data = (tmp_path / "x.db").read_bytes().replace(b"people\x02", b"\xffeople\x02")
    assert b"\xffeople" in data
    (tmp_path / "x.db").write_bytes(data.replace(b"CREATE TABLE people", damaged))
    with pytest.raises(InputError, match=r"x\.db is not a complete SQLite database") as raised:
        read_table(tmp_path / "x.db")
    assert "\n" not in str(raised.value)


def test_a_cut_off_sqlite_file_is_one_clear_line(tmp_path: Path) -> None:
    many = pl.DataFrame({"a": range(50_000)})
    write_table(many, tmp_path / "x.db", format="sqlite", dialect=CSV)
    data = (tmp_path / "x.db").read_bytes()
    (tmp_path / "x.db").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"x\.db is not a complete SQLite database"):
        read_table(tmp_path / "x.db")


def test_a_locked_sqlite_file_is_one_clear_line(
    sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAIT", 0.05)
    with closing(sqlite3.connect(sqlite, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InputError, match="is locked by another process"):
            read_table(f"{sqlite}::people")


def test_a_locked_duckdb_file_is_one_clear_line(duck: Path) -> None:
    code = f"import duckdb; c = duckdb.connect({str(duck)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"open\n"
        with pytest.raises(InputError, match="is locked by another process"):
            read_table(f"{duck}::people")
        other.communicate(b"\n")


@pytest.mark.parametrize(
    ("source", "name"), [("duckdb://", "duckdb"), ("postgresql://h/d", "psycopg")]
)
def test_a_missing_package_is_named_with_the_extra(
    source: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=rf"{name}: pip install 'dedupe-tui\[databases\]'"):
        read_table(source, query="SELECT 1")


def test_duckdb_without_a_file_reads_files(people: pl.DataFrame, tmp_path: Path) -> None:
    people.write_parquet(tmp_path / "a.parquet")
    query = f"SELECT * FROM '{tmp_path}/*.parquet'"
    for source in ("duckdb://", "duckdb:///:memory:"):
        assert_frame_equal(read_table(source, query=query).frame, people)


def test_columns_of_several_types_become_text(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection, connection:
        connection.execute("CREATE TABLE t (mixed, data BLOB, number, large, none)")
        connection.executemany(
            "INSERT INTO t VALUES (?, ?, ?, ?, NULL)",
            [
                (12345678901234567, b"abc", 1, 9223372036854775807),
                ("x", b"\xff\x00", 2.5, 1),
                (b"bytes", None, None, None),
            ],
        )
    frame = read_table(tmp_path / "x.db").frame
    assert frame["mixed"].to_list() == ["12345678901234567", "x", "bytes"]
    assert frame["data"].to_list() == ["abc", "ff00", None]
    assert frame["number"].to_list() == ["1", "2.5", None]
    assert frame["large"].to_list() == [9223372036854775807, 1, None]
    assert frame["none"].to_list() == [None, None, None]


def test_a_column_whose_type_changes_between_chunks_becomes_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CHUNK", 2)
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection, connection:
        connection.execute("CREATE TABLE t (a, b)")
        connection.executemany(
            "INSERT INTO t VALUES (?, ?)", [(1, None), (2, None), ("x", 7), (None, 8), (3, 9)]
        )
    frame = read_table(tmp_path / "x.db").frame
    assert frame["a"].to_list() == ["1", "2", "x", None, "3"]
    assert frame["b"].to_list() == [None, None, 7, 8, 9]


def test_nested_values_of_duckdb_become_json(tmp_path: Path) -> None:
    query = "SELECT [1, 2] AS list, {'a': 1} AS struct, DATE '2020-01-02' AS day, 1.50 AS exact"
    frame = read_table("duckdb://", query=query).frame
    assert frame["list"].to_list() == ["[1,2]"]
    assert frame["struct"].to_list() == ['{"a":1}']
    assert frame["day"].to_list() == [date(2020, 1, 2)]


def test_two_columns_of_the_same_name_are_refused(sqlite: Path) -> None:
    with pytest.raises(InputError, match="two columns named 'id'"):
        read_table(f"sqlite:///{sqlite}", query="SELECT a.id, b.id FROM people a, people b")


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        ("sqlite:////data/crm.db::people", Path("/data/crm-people")),
        ("sqlite:///data/crm.db", Path("data/crm")),
        ("duckdb://", Path("duckdb")),
        (
            "postgresql+psycopg://me:secret@host:5432/sales::public.people",
            Path("sales-public.people"),
        ),
        ("postgres://[::1]/sales", Path("sales")),
    ],
)
def test_results_are_named_after_database_and_table(source: str, stem: Path) -> None:
    place = find_database(source)
    assert place is not None and place.stem == stem
    assert "secret" not in place.name


# PostgreSQL, where one is installed ---------------------------------------------------------------

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server of our own, reached by a socket in a folder of its own."""
    if not POSTGRES:
        pytest.skip("no PostgreSQL server is installed")
    binaries = POSTGRES[-1].parent
    # The path of a socket is at most some hundred characters long.
    folder = Path("/tmp") / f"dedupe-pg-{os.getpid()}"
    folder.mkdir(mode=0o700)
    as_user: list[str] = []
    if os.geteuid() == 0:
        try:
            owner = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_user = ["runuser", "-u", "postgres", "--"]

    def call(*command: str) -> None:
        subprocess.run(
            [*as_user, *command], check=True, cwd="/", stdout=subprocess.DEVNULL, timeout=60
        )

    data = str(folder / "data")
    try:
        call(str(binaries / "initdb"), "-D", data, "-U", "tester", "-A", "trust", "-N")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        call(
            str(binaries / "pg_ctl"), "-D", data, "-o", options, "-w", "-l", f"{data}/log", "start"
        )
        try:
            url = f"postgresql://tester@/postgres?host={folder}"
            with psycopg.connect(url) as connection:
                connection.execute(
                    "CREATE TABLE people (id int, name text, price numeric, tags text[], "
                    "about json, code uuid, born date)"
                )
                connection.execute(
                    "INSERT INTO people VALUES (1, 'Ada', 1.50, '{a,b}', '{\"x\": 1}', "
                    "'6f1c3f0e-0000-4000-8000-000000000001', '1815-12-10'), "
                    "(2, 'Bob', 12345678901234567890.5, NULL, NULL, NULL, NULL)"
                )
            yield url
        finally:
            call(str(binaries / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.mark.slow
def test_postgresql_is_read(postgres: str) -> None:
    for source in (f"{postgres}::people", f"{postgres}::public.people", postgres):
        table = read_table(source)
        assert table.frame.rows() == [
            (1, "Ada", "1.50", '["a","b"]', '{"x":1}',
             "6f1c3f0e-0000-4000-8000-000000000001", date(1815, 12, 10)),
            (2, "Bob", "12345678901234567890.5", None, None, None, None),
        ]  # fmt: skip
    assert read_table(postgres, query="SELECT name FROM people LIMIT 1;").frame.rows() == [("Ada",)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "query",
    [
        *NOT_READING,
        "WITH gone AS (DELETE FROM people RETURNING *) SELECT * FROM gone",
        "COPY people TO '/tmp/dedupe-never.csv'",
        "SELECT 1; COMMIT; DELETE FROM people",
        "SET default_transaction_read_only = off",
        "SELECT nothing FROM people",
    ],
)
def test_postgresql_is_only_read(postgres: str, query: str) -> None:
    with pytest.raises(InputError) as raised:
        read_table(postgres, query=query)
    assert "\n" not in str(raised.value)
    with psycopg.connect(postgres) as connection:
        assert connection.execute("SELECT count(*), max(name) FROM people").fetchall() == [
            (2, "Bob")
        ]
    assert not Path("/tmp/dedupe-never.csv").exists()


def test_an_unreachable_server_is_one_clear_line_without_the_password() -> None:
    with pytest.raises(InputError, match="localhost/db::people cannot be read") as raised:
        read_table("postgresql://me:secret@localhost:1/db::people")
    assert "secret" not in str(raised.value) and "\n" not in str(raised.value)


ENDLESS = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a process cannot be interrupted alone there")
def test_an_endless_query_can_be_interrupted(sqlite: Path) -> None:
    code = (
        "from dedupe.io.tables import read_table\n"
        "print('reading', flush=True)\n"
        f"read_table('sqlite:///{sqlite}', query='{ENDLESS} count(*) FROM t')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        time.sleep(0.3)
        reader.send_signal(signal.SIGINT)
        _, said = reader.communicate(timeout=60)
    assert said.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.slow
def test_an_endless_table_ends_at_half_of_the_memory(
    sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dedupe.io.formats.database.half_of_memory", lambda: 1_000_000)
    with pytest.raises(InputError, match="half of the memory: read fewer of them with --query"):
        read_table(f"sqlite:///{sqlite}", query=f"{ENDLESS} x FROM t")
