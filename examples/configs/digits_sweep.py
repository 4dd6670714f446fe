"""Six runs of examples/scripts/train_digits.py: every combination of two sizes and three rates."""

EPOCHS = 20

_sweep = {
    "HIDDEN": [16, 64],
    "LEARNING_RATE": [0.0005, 0.002, 0.01],
}
