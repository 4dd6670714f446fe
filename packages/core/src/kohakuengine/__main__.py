"""``python -m kohakuengine`` is ``kogine``."""

from kohakuengine.cli import launch

raise SystemExit(launch())
