"""Builds on train_base.py: that file's values, with these over them."""

from kohakuengine import use_config

base = use_config("train_base.py")

learning_rate = 0.01
epochs = base.globals_dict["epochs"] * 4
l2 = 0.001
