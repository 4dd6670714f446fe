"""Two jobs in one file: the decorator says which of them `kogine run` does."""

import kohakuengine as kogine

samples = 4
squares = [n * n for n in range(samples)]


@kogine.entrypoint
def summarize(digits=1):
    mean = sum(squares) / samples
    print(f"mean of {squares}: {mean:.{digits}f}")
    return mean


def clean():
    print("nothing to clean")


if __name__ == "__main__":
    clean()
    summarize()
