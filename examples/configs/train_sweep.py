"""A grid: every learning rate with every batch size, on what is set above it."""

epochs = 3

_sweep = {
    "learning_rate": [0.01, 0.1, 1.0],
    "batch_size": [8, 32],
}
