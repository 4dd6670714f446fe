"""``wflo db``, ``wflo config show`` and ``wflo doctor``."""

import json
import sqlite3
from importlib.metadata import version

import pytest

from wflo.cli.commands import doctor
from wflo.db.revisions import HEAD

SECRET = "hunter2"


def test_tables_are_made_and_then_up_to_date(here, folder):
    ended = here("db", "upgrade")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"sqlite:///.wflo/wflo.db: upgraded from nothing to {HEAD}\n"
    assert here("db", "upgrade").out == f"sqlite:///.wflo/wflo.db: up to date at {HEAD}\n"
    assert json.loads(here("db", "upgrade", "--json").out) == {
        "database": "sqlite:///.wflo/wflo.db",
        "before": HEAD,
        "now": HEAD,
    }


def test_the_revision_is_said(here, folder):
    here("db", "upgrade")
    assert here("db", "current").out == f"sqlite:///.wflo/wflo.db: {HEAD}\n"
    assert json.loads(here("db", "current", "--json").out)["latest"] == HEAD


def revision(path, number):
    with sqlite3.connect(path) as conn:
        conn.execute("UPDATE wflo_schema SET version_num = ?", [number])
    conn.close()


def test_other_revisions_are_said_beside_ours(here, folder):
    here("db", "upgrade")
    revision(".wflo/wflo.db", "9999")
    assert here("db", "current").out == f"sqlite:///.wflo/wflo.db: 9999 (this wflo has {HEAD})\n"
    sqlite3.connect("empty.db").close()
    assert here("db", "current", "--database", "empty.db").out == (
        f"sqlite:///empty.db: no tables (this wflo has {HEAD})\n"
    )


def test_settings_are_shown_by_their_variables_without_secrets(here, monkeypatch):
    monkeypatch.setenv("WFLO_DATABASE_URL", f"postgresql://me:{SECRET}@db/x")
    monkeypatch.setenv("WFLO_ENGINE__LEASE_S", "5")
    ended = here("config", "show")
    lines = ended.out.splitlines()
    assert "WFLO_DATABASE_URL=postgresql://me:***@db/x" in lines
    assert "WFLO_ENGINE__LEASE_S=5.0" in lines
    assert "# WFLO_REDIS__URL=" in lines
    found = json.loads(here("config", "show", "--json").out)
    assert found["engine"]["lease_s"] == 5
    assert SECRET not in ended.out + json.dumps(found)


def test_a_setting_that_cannot_be_used_is_named(here, monkeypatch):
    monkeypatch.setenv("WFLO_ENGINE__LEASE_S", "long")
    ended = here("config", "show", "--json")
    assert ended.code == 1
    assert ended.err.startswith("Error: WFLO_ENGINE__LEASE_S: Input should be a valid number")
    assert json.loads(ended.out)["error"].startswith("WFLO_ENGINE__LEASE_S")


def test_a_setting_that_is_none_is_warned_of(here, monkeypatch):
    monkeypatch.setenv("WFLO_DATABSE_URL", "x")
    ended = here("config", "show")
    assert ended.code == 0
    assert ended.err == (
        "Warning: WFLO_DATABSE_URL is no setting; did you mean WFLO_DATABASE_URL?\n"
    )


@pytest.mark.parametrize("url", ["mysql://x", "sqlite://x", "postgresql://a:x:y:z/"])
def test_a_url_that_is_none_is_refused_by_the_name_of_the_option(here, folder, url):
    ended = here("db", "upgrade", "--database", url)
    assert ended.code == 1
    assert ended.err.startswith("Error: --database: a database URL")
    assert list(folder.iterdir()) == []


def test_the_doctor_finds_nothing_wrong(here, folder):
    ended = here("doctor")
    assert (ended.code, ended.err) == (0, "")
    assert "  server          no file yet" in ended.out
    assert list(folder.iterdir()) == []
    here("db", "upgrade")
    ended = here("doctor")
    assert (ended.code, ended.err) == (0, "")
    for fact in (
        "Python  ",
        "  wflo   ",
        "  postgres  ",
        "  journal mode    wal",
        "  writable        True",
    ):
        assert fact in ended.out


def test_the_doctor_finds_a_folder_in_which_no_file_can_be_made(here, folder):
    (folder / "file").touch()
    ended = here("doctor", "--database", "file/deep/x.db")
    assert ended.code == 1
    assert ended.err == (
        f"Warning: the database's file cannot be made: {folder}/file cannot be written to\n"
    )


def test_the_doctor_answers_in_json(here):
    here("db", "upgrade")
    found = json.loads(here("doctor", "--json").out)
    assert found["problems"] == []
    assert found["database"]["revision"] == HEAD
    assert found["packages"]["wflo"] == version("wflo")


def test_the_doctor_leaves_no_trace(here, folder):
    here("db", "upgrade")
    here("doctor")
    with sqlite3.connect(".wflo/wflo.db") as conn:
        assert conn.execute("SELECT count(*) FROM blobs").fetchone() == (0,)
    conn.close()


def test_the_doctor_finds_a_database_of_a_newer_wflo(here):
    here("db", "upgrade")
    revision(".wflo/wflo.db", "9999")
    ended = here("doctor")
    assert ended.code == 1
    assert ended.err.startswith("Warning: sqlite:///.wflo/wflo.db has the tables of revision 9999")


def test_the_doctor_finds_what_is_no_database(here, folder):
    (folder / "file.db").write_text("no database" * 100)
    ended = here("doctor", "--database", "file.db", "--json")
    assert ended.code == 1
    assert json.loads(ended.out)["problems"] == [
        f"cannot use the database {folder}/file.db: file is not a database"
    ]


def test_the_doctor_finds_settings_that_cannot_be_used(here, monkeypatch):
    monkeypatch.setenv("WFLO_DATABASE_URL", "nope")
    ended = here("doctor")
    assert ended.code == 1
    assert ended.err.startswith("Warning: WFLO_DATABASE_URL: a database URL")


def test_the_doctor_finds_a_clock_that_is_off(here, monkeypatch):
    here("db", "upgrade")
    monkeypatch.setattr(doctor, "_MOST_OFFSET_S", -1.0)
    ended = here("doctor")
    assert ended.code == 1
    assert "Warning: the database's clock is" in ended.err


def test_the_doctor_says_what_is_not_installed():
    assert doctor._version("no-such-distribution") is None


def test_postgresql_is_looked_at_too(here, postgres):
    url = postgres.create()
    try:
        assert here("db", "upgrade", "--database", url).code == 0
        found = json.loads(here("doctor", "--database", url, "--json").out)
    finally:
        postgres.drop(url)
    assert found["database"]["server"].startswith("PostgreSQL ")
    assert found["database"]["writable"] is True
    assert found["problems"] == []
