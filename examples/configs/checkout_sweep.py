"""Eight runs of examples/scripts/checkout.py, for `-j 2`: four shops, each on two days."""

customers = 20_000

_sweep = {
    "checkouts": [4, 5, 6, 7],
    "seed": [1, 2],
}
