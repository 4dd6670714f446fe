"""Pairs: the axes advance together. Four places to throw a ball, each with its gravity and air."""

angle_deg = 40.0

_sweep = {
    "__mode__": "zip",
    "gravity": [9.81, 1.62, 3.72, 8.87],  # Earth, Moon, Mars, Venus
    "drag": [0.01, 0.0, 0.00016, 0.53],
}
