"""``trivial.py`` as an application of Hydra."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path=None)
def main(config: DictConfig) -> int:
    return int(config.step)


if __name__ == "__main__":
    main()
