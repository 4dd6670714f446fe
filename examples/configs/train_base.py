"""A bare file: its globals are the config."""

samples = 600
epochs = 8
learning_rate = 0.05
