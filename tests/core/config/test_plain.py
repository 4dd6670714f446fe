import threading

import pytest

from kohakuengine import Config
from kohakuengine.config.plain import PlainConfig
from kohakuengine.config.transport import dumps, loads
from kohakuengine.errors import TransportError


def test_it_crosses_with_what_a_run_takes():
    config = Config({"x": 1}, args=[2], kwargs={"k": 3}, metadata={"note": "for others"})
    arrived = loads(dumps(PlainConfig.of(config), what=""))
    assert (arrived.globals_dict, arrived.args, arrived.kwargs) == ({"x": 1}, [2], {"k": 3})


def test_names_alone_have_no_arguments():
    plain = PlainConfig(dict.fromkeys("ab"))
    assert (list(plain.args), dict(plain.kwargs)) == ([], {})


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (Config({"lock": threading.Lock()}), r"globals\['lock'\]"),
        (Config(args=[threading.Lock()]), r"args\[0\]"),
        (Config(kwargs={"k": threading.Lock()}), r"kwargs\['k'\]"),
    ],
)
def test_what_cannot_cross_is_named_as_in_a_config(config, place):
    with pytest.raises(TransportError, match=rf"^the config: {place} \(lock\) cannot cross"):
        dumps(PlainConfig.of(config), what="the config")
