"""What the commands read and write, and what they leave alone."""

import json
import os
import stat
import subprocess
import sys
import threading

import pytest
from click.testing import CliRunner

from services.matching.cli.plan_command import plan
from services.matching.planner.flow.min_cost_flow import FlowFailed

EVENT = {
    "format": "speedmentor.plan-input/1",
    "rounds": 1,
    "mentors": [{"id": "m1"}],
    "mentees": [{"id": "e1"}],
}


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "input.json"
    path.write_text(json.dumps(EVENT))
    return path


def run(*arguments, **options):
    return CliRunner().invoke(plan, [str(each) for each in arguments], **options)


def is_a_plan(raw):
    return json.loads(raw)["format"] == "speedmentor.plan/1"


class TestWriting:
    def test_a_link_stays_one_and_what_it_names_is_written(self, source, tmp_path):
        (tmp_path / "there").mkdir()
        there, link = tmp_path / "there" / "plan.json", tmp_path / "link.json"
        there.write_text("before")
        link.symlink_to(there)
        assert run(source, "-o", link).exit_code == 0
        assert link.is_symlink()
        assert is_a_plan(there.read_text())

    def test_a_pipe_stays_one_and_its_reader_gets_the_plan(self, source, tmp_path):
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        read = []
        reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
        reader.start()
        assert run(source, "-o", pipe).exit_code == 0
        reader.join(timeout=10)
        assert stat.S_ISFIFO(pipe.stat().st_mode)
        assert is_a_plan(read[0])

    def test_a_pipe_is_reached_by_its_number_too(self, source):
        read, write = os.pipe()
        assert run(source, "-o", f"/dev/fd/{write}").exit_code == 0
        os.close(write)
        with os.fdopen(read) as file:
            assert is_a_plan(file.read())

    def test_links_that_lead_round_in_a_circle_are_a_fault(self, source, tmp_path):
        link = tmp_path / "link.json"
        link.symlink_to(link)
        result = run(source, "-o", link)
        assert result.exit_code == 2
        assert [line.split(": ")[:2] for line in result.stderr.splitlines()] == [[str(link), "cannot be written"]]

    def test_a_new_file_gets_the_rights_that_new_files_get(self, source, tmp_path):
        before = os.umask(0o027)
        try:
            assert run(source, "-o", tmp_path / "plan.json").exit_code == 0
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "plan.json").stat().st_mode) == 0o640

    def test_a_file_keeps_its_rights(self, source, tmp_path):
        target = tmp_path / "plan.json"
        target.write_text("before")
        target.chmod(0o600)
        assert run(source, "-o", target).exit_code == 0
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        assert is_a_plan(target.read_text())

    @pytest.mark.parametrize("option", ["-o", "--html", "--explain"])
    def test_where_one_output_cannot_be_written_none_is(self, source, tmp_path, option):
        good = {"-o": "plan.json", "--html": "plan.html", "--explain": "changes.json"}
        targets = {name: tmp_path / each for name, each in good.items()}
        targets[option] = tmp_path / "none" / "file"
        there = set(tmp_path.iterdir())
        result = run(source, *(part for pair in targets.items() for part in pair))
        assert result.exit_code == 2
        assert result.stderr == f"{targets[option]}: cannot be written: No such file or directory\n"
        assert set(tmp_path.iterdir()) == there

    @pytest.mark.parametrize("closed", ["<&-", ">&-"])
    def test_a_standard_stream_that_is_closed_is_a_fault(self, closed):
        line = f"{sys.executable} -c 'from shared.cli import main; main()' plan - {closed}"
        done = subprocess.run(["/bin/sh", "-c", line], input=json.dumps(EVENT), capture_output=True, text=True)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1, done.stderr

    def test_a_folder_is_no_place_for_a_plan(self, source, tmp_path):
        there = set(tmp_path.iterdir())
        result = run(source, "-o", tmp_path)
        assert (result.exit_code, result.stderr) == (2, f"{tmp_path}: cannot be written: Is a directory\n")
        assert set(tmp_path.iterdir()) == there

    @pytest.mark.parametrize(("first", "second"), [("-", "-"), ("plan.json", "./plan.json")])
    def test_two_outputs_do_not_go_to_one_place(self, source, tmp_path, first, second, monkeypatch):
        monkeypatch.chdir(tmp_path)
        result = run(source, "-o", first, "--explain", second)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == f"{second}: two outputs cannot go to one place\n"

    @pytest.mark.parametrize("option", ["--html", "--explain"])
    def test_a_comparison_has_no_page_and_no_changes(self, source, tmp_path, option):
        result = run(source, "--what-if", "rounds=2", option, tmp_path / "other")
        assert (result.exit_code, result.stderr) == (2, f"{option}: does not go with --what-if\n")
        assert not (tmp_path / "other").exists()


class TestReading:
    def test_a_byte_order_mark_is_no_fault(self, source, tmp_path):
        source.write_bytes(b"\xef\xbb\xbf" + source.read_bytes())
        result = run(source)
        assert result.exit_code == 0, result.stderr
        assert is_a_plan(result.stdout)

    def test_a_file_that_is_not_there_is_a_fault(self, tmp_path):
        result = run(tmp_path / "none.json")
        assert (result.exit_code, result.stderr) == (2, "/: cannot be read: No such file or directory\n")

    @pytest.mark.parametrize(
        ("raw", "key"),
        [
            ('{"rounds": 1, "rounds" : 2}', "rounds"),
            ('{"mentors": [{"id": "m1", "id": "m2"}]}', "id"),
            ('{"mentors": [{"id": "m1", "topics": {"a": 1, "a": NaN}}]}', "a"),
            ('{"extra": {"deep": {"deeper": {"b": 1, "b": 2}}}}', "b"),
        ],
    )
    def test_a_key_that_comes_twice_in_an_object_is_a_fault(self, raw, key):
        result = run("-", input=raw)
        assert (result.exit_code, result.stderr) == (2, f"/: an object has the key {key} twice\n")

    def test_what_looks_like_a_key_within_a_text_is_none(self):
        event = {**EVENT, "mentees": [{"id": 'e":1', "topics": ['"id": ', '"id" :']}]}
        result = run("-", input=json.dumps(event))
        assert result.exit_code == 0, result.stderr

    @pytest.mark.parametrize("length", ["nan", "inf", "-1"])
    def test_a_time_limit_is_a_length_of_time(self, source, length):
        result = run(source, "--time-limit", length)
        assert result.exit_code == 2
        assert "--time-limit" in result.stderr


def test_what_the_solver_refuses_is_a_fault_on_one_line(source, monkeypatch):
    def refuses(*_, **__):
        raise FlowFailed("the flow solver ended with BAD_RESULT")

    monkeypatch.setattr("services.matching.cli.plan_command.solve", refuses)
    result = run(source)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "/: cannot be planned: the flow solver ended with BAD_RESULT\n"
