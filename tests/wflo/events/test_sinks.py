import json
import os
import stat
from datetime import UTC, datetime

import pytest

from wflo.config.sections import EventSettings
from wflo.errors import SettingsError
from wflo.events.schemas import Event
from wflo.events.sinks import JsonLinesFile, make_sinks


def event(sequence=1, **fields):
    time = datetime(2026, 1, 1, tzinfo=UTC)
    return Event(
        execution_id="run-1", sequence=sequence, type="step.completed", created_at=time, **fields
    )


async def test_a_file_gets_one_json_object_a_line(tmp_path):
    sink = JsonLinesFile(str(tmp_path / "events.jsonl"))
    await sink.deliver(event(1, step="a", iteration=0, payload={"text": "two\nlines"}))
    await sink.deliver(event(2))
    await sink.flush()
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert [Event.model_validate(json.loads(line)) for line in lines] == [
        event(1, step="a", iteration=0, payload={"text": "two\nlines"}),
        event(2),
    ]


def test_only_its_owner_may_read_a_new_file(tmp_path):
    before = os.umask(0)
    try:
        JsonLinesFile(str(tmp_path / "events.jsonl"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "events.jsonl").stat().st_mode) == 0o600


async def test_what_is_in_the_file_stays_there(tmp_path):
    path = tmp_path / "events.jsonl"
    for sequence in (1, 2):
        await JsonLinesFile(str(path)).deliver(event(sequence))
    assert len(path.read_text().splitlines()) == 2


async def test_a_file_that_was_moved_away_is_made_anew(tmp_path):
    path = tmp_path / "events.jsonl"
    sink = JsonLinesFile(str(path))
    await sink.deliver(event(1))
    path.rename(tmp_path / "old.jsonl")
    await sink.deliver(event(2))
    assert json.loads(path.read_text())["sequence"] == 2


async def test_a_line_that_was_torn_does_not_spoil_the_next(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"execution_id": "r')
    await JsonLinesFile(str(path)).deliver(event(7))
    torn, whole = path.read_text().splitlines()
    assert torn == '{"execution_id": "r'
    assert json.loads(whole)["sequence"] == 7


async def test_a_full_disk_is_an_error():
    sink = JsonLinesFile("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        await sink.deliver(event())


async def test_a_part_of_a_line_is_an_error(tmp_path, monkeypatch):
    sink = JsonLinesFile(str(tmp_path / "events.jsonl"))
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:5]))
    with pytest.raises(OSError, match="a part of a line"):
        await sink.deliver(event())


async def test_the_folder_of_the_process_may_change(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sink = JsonLinesFile("events.jsonl")
    monkeypatch.chdir("/")
    await sink.deliver(event())
    assert (tmp_path / "events.jsonl").stat().st_size > 0


def test_settings_name_the_file(tmp_path):
    [sink] = make_sinks(EventSettings(file=str(tmp_path / "events.jsonl")))
    assert isinstance(sink, JsonLinesFile)


def test_without_settings_there_is_no_sink():
    assert make_sinks(EventSettings()) == []


def test_a_file_that_cannot_be_opened_is_an_error_of_the_settings(tmp_path):
    path = tmp_path / "missing" / "events.jsonl"
    with pytest.raises(SettingsError, match=f"WFLO_EVENTS__FILE: cannot append to {path}: No such"):
        make_sinks(EventSettings(file=str(path)))
