"""Prepare, fit with several degrees, report: three scripts as one workflow.

python examples/workflows/experiment.py
kogine run examples/workflows/experiment.py --set folder=/tmp/experiment --set 'degrees=[1, 3]'
"""

from pathlib import Path

from kohakuengine import Config, Script, Sequential

folder = Path("runs")
degrees = [1, 2, 3, 4]
noise = 0.3

SCRIPTS = Path(__file__).parent.parent / "scripts"


def main():
    prepare = Script(SCRIPTS / "prepare.py", Config({"folder": folder, "noise": noise}))
    fits = [
        Script(SCRIPTS / "fit.py", Config({"folder": folder, "degree": degree}))
        for degree in degrees
    ]
    report = Script(SCRIPTS / "report.py", Config({"folder": folder}))

    (folder / "fits.jsonl").unlink(missing_ok=True)
    *_, best = Sequential([prepare, *fits, report]).run()
    return best


if __name__ == "__main__":
    main()
