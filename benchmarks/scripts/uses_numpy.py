"""Imports numpy, which takes a hundred times as long as what it then does."""

import numpy as np

step = 0


def main() -> int:
    return int(np.full(3, step).max())


if __name__ == "__main__":
    main()
