"""A sweep of a million configs: three axes, the last one fastest."""

_sweep = {
    "step": list(range(100)),
    "seed": list(range(100)),
    "fold": list(range(100)),
}
