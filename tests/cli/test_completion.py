"""`kogine completion`: shells complete commands, flags, files and the names of a script."""

import pytest

# What bash does on Tab, for a line.
DRIVE = """
eval "$(kogine completion bash)"
complete_line() {
    COMP_LINE="$1" COMP_POINT=${#1} COMP_TYPE=9
    read -ra COMP_WORDS <<<"$1"
    [[ "$1" == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
    _python_argcomplete kogine "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    echo "${COMPREPLY[*]}"
}
while IFS= read -r line; do complete_line "$line"; done
"""


@pytest.fixture
def completed(shell, folder):
    def complete(*lines, **options):
        (folder / ".lines").write_text("".join(f"{line}\n" for line in lines))
        with (folder / ".lines").open() as stdin:
            ended = shell(DRIVE, stdin=stdin, **options)
        assert (ended.code, ended.err) == (0, "")
        return [set(line.split()) for line in ended.out.splitlines()]

    return complete


@pytest.fixture
def offered(kogine, folder):
    """What ``kogine`` itself answers, by argcomplete's protocol."""

    def complete(line, **env):
        answer = folder / ".answer"
        asked = {
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_IFS": " ",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
        }
        assert kogine(env={**asked, **env}) == (0, "", "")
        return set(answer.read_text().split())

    return complete


def test_bash_completes(completed, write):
    write(train="lr = 1\nlayers = 2")
    expected = {
        "kogine co": {"config", "completion"},
        "kogine run tr": {"train.py"},
        "kogine run --s": {"--set", "--sweep", "--strict", "--subprocess"},
        "kogine run train.py --set l": {"lr=", "layers="},
    }
    assert dict(zip(expected, completed(*expected), strict=True)) == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("kogine wo", {"workflow"}),
        ("kogine config ", {"show", "check", "validate", "-h", "--help"}),
        ("kogine run train.py --zip cfg.", {"cfg.x="}),
        ("kogine run train.py --sweep l", {"lr=", "layers="}),
        ("kogine workflow sequential train.py --set e", {"epochs="}),
        ("kogine workflow sequential --set ", set()),
        ("kogine run other.py --set ", set()),
        ("kogine run nothing.py --set ", set()),
        ("kogine run --set ", set()),
        ("kogine run other.py -j 2 --mode ", {"auto", "fork", "subprocess", "pool"}),
        ("kogine workflow parallel train.py --mo", {"--mode"}),
        ("kogine plan train.py --sweep l", {"lr=", "layers="}),
        ("kogine completion f", {"fish"}),
    ],
)
def test_what_may_follow(offered, write, line, words):
    write(train="lr = 1\nlayers = 2\ncfg = {'x': 1}\nepochs = 3", other="x = (")
    assert offered(line) == words


def test_commands_of_plugins_follow_too(offered, folder):
    (folder / "plugins-1.0.dist-info").mkdir()
    (folder / "plugins-1.0.dist-info" / "entry_points.txt").write_text(
        "[kohakuengine.commands]\nworkflow.remote = p:m\nworkflow.parallel = p:m\ngreet = p:m\n"
    )
    path = str(folder)
    assert offered("kogine gr", PYTHONPATH=path) == {"greet"}
    assert offered("kogine workflow ", PYTHONPATH=path) == {
        "sequential",
        "parallel",
        "remote",
        "-h",
        "--help",
    }


@pytest.mark.parametrize(
    ("shell_name", "part"),
    [
        ("bash", "complete -o nospace -o default -o bashdefault -F _python_argcomplete kogine"),
        ("zsh", "compdef _python_argcomplete kogine"),
        ("fish", "complete --command kogine"),
    ],
)
def test_each_shell_has_its_script(here, shell_name, part):
    ended = here("completion", shell_name)
    assert (ended.code, ended.err) == (0, "")
    assert part in ended.out
