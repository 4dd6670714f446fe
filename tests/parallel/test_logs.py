import errno
import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohakuengine.errors import WorkflowError
from kohakuengine_parallel.logs import RunLogs


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, text="said\n"):
    with open(path, "w") as file:
        file.write(text)


class TestNames:
    def test_each_run_and_each_attempt_has_a_file(self, here):
        logs = RunLogs()
        folder = os.path.dirname(logs.path(12))
        assert re.fullmatch(
            rf"{here}/\.kogine/logs/[0-9]{{8}}-[0-9]{{6}}-{os.getpid()}(-[0-9]+)?", folder
        )
        assert logs.path(11, 1) == f"{folder}/000012.log"
        assert logs.path(11, 2) == f"{folder}/000012-2.log"
        assert logs.path(12_345_677) == f"{folder}/12345678.log"
        assert logs.worker_path(0) == f"{folder}/worker-0.log"

    def test_a_worker_may_be_the_first_to_ask(self):
        assert os.path.isdir(os.path.dirname(RunLogs().worker_path(3)))

    @given(st.sets(st.tuples(st.integers(0, 10**8), st.integers(1, 50)), max_size=30))
    def test_no_two_attempts_share_a_file(self, tmp_path_factory, attempts):
        logs = RunLogs(tmp_path_factory.getbasetemp() / "named")
        assert len({logs.path(*attempt) for attempt in attempts}) == len(attempts)
        logs.close()

    def test_the_folder_is_where_the_flow_was_made(self, here, monkeypatch):
        logs = RunLogs()
        (here / "elsewhere").mkdir()
        monkeypatch.chdir(here / "elsewhere")
        assert logs.path(0).startswith(f"{here}/.kogine/logs/")
        assert os.listdir() == []

    def test_another_directory_can_be_named(self, here):
        assert RunLogs("out/logs").path(0).startswith(f"{here}/out/logs/")
        assert RunLogs(here / "out").path(0).startswith(f"{here}/out/")
        assert not os.path.exists(".kogine")


class TestFolders:
    def test_nothing_is_made_before_it_is_needed(self):
        logs = RunLogs()
        assert os.listdir() == []
        logs.close()

    def test_they_are_private(self):
        logs = RunLogs("a/b")
        for folder in ("a", "a/b", os.path.dirname(logs.path(0))):
            assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700

    def test_git_does_not_see_ours(self, here):
        RunLogs().path(0)
        assert (here / ".kogine/.gitignore").read_text() == "*\n"

    def test_what_the_user_lets_git_see_is_not_changed(self, here):
        (here / ".kogine").mkdir()
        RunLogs().path(0)
        assert os.listdir(".kogine") == ["logs"]

    def test_flows_of_one_second_do_not_share_one(self, monkeypatch):
        monkeypatch.setattr("time.strftime", lambda _: "20300102-030405")
        folders = [os.path.dirname(RunLogs("logs").path(0)) for _ in range(3)]
        name = f"20300102-030405-{os.getpid()}"
        assert [os.path.basename(folder) for folder in folders] == [name, f"{name}-2", f"{name}-3"]

    def test_threads_of_one_flow_do(self):
        logs = RunLogs()
        with ThreadPoolExecutor(8) as threads:
            paths = list(threads.map(logs.path, range(200)))
        assert len({os.path.dirname(path) for path in paths}) == 1
        assert len(os.listdir(".kogine/logs")) == 1

    def test_logs_of_an_earlier_flow_are_left_alone(self):
        earlier = RunLogs("logs")
        write(earlier.path(0), "earlier")
        later = RunLogs("logs")
        assert later.path(0) != earlier.path(0)
        later.close()
        with open(earlier.path(0)) as file:
            assert file.read() == "earlier"

    def test_flows_that_come_and_go_in_one_place_do_not_disturb_each_other(self):
        def flow(_):
            logs = RunLogs()
            write(logs.path(0), "")
            assert logs.settle(logs.path(0)) is None
            logs.close()

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(flow, range(200)))


class TestSettling:
    def test_a_file_with_text_is_kept(self):
        logs = RunLogs()
        write(logs.path(0))
        assert logs.settle(logs.path(0)) == logs.path(0)

    def test_an_empty_file_is_removed(self):
        logs = RunLogs()
        write(logs.path(0), "")
        assert logs.settle(logs.path(0)) is None
        assert not os.path.exists(logs.path(0))

    def test_a_file_that_never_was_is_none(self):
        logs = RunLogs()
        assert logs.settle(logs.path(0)) is None

    def test_an_empty_file_that_cannot_be_removed_is_one(self, monkeypatch):
        def refuse(path):
            raise PermissionError(errno.EACCES, "Permission denied", path)

        logs = RunLogs()
        write(logs.path(0), "")
        monkeypatch.setattr(os, "unlink", refuse)
        assert logs.settle(logs.path(0)) == logs.path(0)


class TestClosing:
    def test_empty_folders_are_removed(self):
        logs = RunLogs()
        logs.path(0)
        logs.close()
        assert os.listdir() == []

    def test_so_are_those_of_a_directory_that_was_named(self):
        logs = RunLogs("a/b/c")
        logs.path(0)
        logs.close()
        assert os.listdir() == []

    def test_folders_with_logs_are_kept(self):
        logs = RunLogs()
        write(logs.path(0))
        logs.close()
        assert sorted(os.listdir(".kogine")) == [".gitignore", "logs"]

    def test_folders_that_others_made_are_kept(self, here):
        (here / "logs").mkdir()
        logs = RunLogs("logs/mine")
        logs.path(0)
        logs.close()
        assert os.listdir() == ["logs"]
        assert os.listdir("logs") == []

    def test_what_others_keep_in_ours_is_kept(self, here):
        logs = RunLogs()
        logs.path(0)
        (here / ".kogine/records").mkdir()
        logs.close()
        assert sorted(os.listdir(".kogine")) == [".gitignore", "records"]

    def test_ours_goes_also_where_its_gitignore_is_gone(self, here):
        logs = RunLogs()
        logs.path(0)
        (here / ".kogine/.gitignore").unlink()
        logs.close()
        assert os.listdir() == []

    def test_another_flow_that_moves_in_meanwhile_stays_hidden_from_git(self, here, monkeypatch):
        remove = os.unlink

        def unlink_and_move_in(path):
            remove(path)
            (here / ".kogine/logs").mkdir()

        logs = RunLogs()
        logs.path(0)
        monkeypatch.setattr(os, "unlink", unlink_and_move_in)
        logs.close()
        assert sorted(os.listdir(".kogine")) == [".gitignore", "logs"]

    def test_it_can_be_done_twice_and_where_all_is_gone(self, here):
        logs = RunLogs("logs")
        os.rmdir(os.path.dirname(logs.path(0)))
        logs.close()
        logs.close()
        assert os.listdir() == ["logs"]

    def test_a_flow_that_goes_on_gets_a_new_folder(self):
        logs = RunLogs()
        logs.path(0)
        logs.close()
        assert os.path.isdir(os.path.dirname(logs.path(0)))


class TestPlacesThatCannotBeUsed:
    @pytest.mark.parametrize("directory", ["file", "file/logs", "dangling/logs"])
    def test_the_message_names_the_place_and_the_option(self, here, directory):
        write("file")
        os.symlink("nowhere/at/all", "dangling")
        with pytest.raises(
            WorkflowError,
            match=rf"^cannot make a folder for logs in {here}/{directory}: .*; set log_dir to a folder",
        ):
            RunLogs(directory).path(0)

    def test_a_current_folder_that_is_gone(self, here, monkeypatch):
        (here / "gone").mkdir()
        monkeypatch.chdir(here / "gone")
        (here / "gone").rmdir()
        with pytest.raises(WorkflowError, match=r"folder for logs in .kogine/logs: No such file"):
            RunLogs()
        RunLogs(here).path(0)

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
    def test_a_full_disk_is_no_mistake_and_may_pass(self, monkeypatch, number):
        make = os.mkdir

        def full(path, mode):
            raise OSError(number, os.strerror(number), path)

        logs = RunLogs()
        monkeypatch.setattr(os, "mkdir", full)
        with pytest.raises(OSError, match=os.strerror(number)) as caught:
            logs.path(0)
        assert not isinstance(caught.value, WorkflowError)
        monkeypatch.setattr(os, "mkdir", make)
        assert os.path.isdir(os.path.dirname(logs.path(0)))

    def test_what_was_made_before_it_failed_is_removed(self, monkeypatch):
        make = os.mkdir

        def full(path, mode):
            if path.endswith("logs") and os.path.isdir(os.path.dirname(path)):
                raise OSError(errno.ENOSPC, "No space left on device", path)
            make(path, mode)

        logs = RunLogs("a/b/logs")
        monkeypatch.setattr(os, "mkdir", full)
        with pytest.raises(OSError, match="No space left"):
            logs.path(0)
        assert os.listdir("a") == ["b"]
        logs.close()
        assert os.listdir() == []
