"""The script of a rehearsal; see `kohakuengine_parallel.zygote.held`."""

value = 0


def main() -> int:
    """What most runs come to, as far as the engine is concerned."""
    return value


if __name__ == "__main__":
    main()
