from kohakuengine.config import Config
from kohakuengine.config.types import ConfigProvider, Configurable


class Model:
    def configure(self, config):
        self.width = config.globals_dict["width"]


def test_a_function_that_makes_configs_is_a_provider():
    def make(worker_id=None):
        return Config({"worker": worker_id})

    provider: ConfigProvider = make
    assert isinstance(provider, ConfigProvider)
    assert provider(worker_id=1) == Config({"worker": 1})


def test_what_cannot_be_called_is_no_provider():
    assert not isinstance(Config(), ConfigProvider)


def test_an_object_with_configure_is_configurable():
    model = Model()
    assert isinstance(model, Configurable)
    model.configure(Config({"width": 3}))
    assert model.width == 3


def test_an_object_without_configure_is_not_configurable():
    assert not isinstance(Config(), Configurable)
