"""Step 1 of 3: noisy measurements of a curve, as a CSV file."""

import csv
import random
from pathlib import Path

folder = Path("runs")
points = 60
noise = 0.3
seed = 1


def main():
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "points.csv"
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["x", "y"])
        for i in range(points):
            x = 4 * i / (points - 1) - 2
            y = x**3 - 2 * x + 0.5 + rng.gauss(0, noise)
            table.writerow([f"{x:.6f}", f"{y:.6f}"])
    print(f"{points} points written")
    return points


if __name__ == "__main__":
    main()
