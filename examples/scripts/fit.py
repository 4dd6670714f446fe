"""Step 2 of 3: fits a polynomial to every other point and measures its error on the rest."""

import csv
import json
import math
from pathlib import Path

folder = Path("runs")
degree = 1


def solve(matrix, right):
    """Gaussian elimination with pivoting."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(len(rows)):
        pivot = max(range(i, len(rows)), key=lambda k: abs(rows[k][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for k in range(i + 1, len(rows)):
            factor = rows[k][i] / rows[i][i]
            rows[k] = [a - factor * b for a, b in zip(rows[k], rows[i], strict=True)]
    solution = [0.0] * len(rows)
    for i in reversed(range(len(rows))):
        known = math.fsum(rows[i][k] * solution[k] for k in range(i + 1, len(rows)))
        solution[i] = (rows[i][-1] - known) / rows[i][i]
    return solution


def fit(points):
    powers = range(degree + 1)
    matrix = [[math.fsum(x ** (i + j) for x, _ in points) for j in powers] for i in powers]
    return solve(matrix, [math.fsum(y * x**i for x, y in points) for i in powers])


def main():
    with (folder / "points.csv").open(newline="") as file:
        points = [(float(row["x"]), float(row["y"])) for row in csv.DictReader(file)]
    coefficients = fit(points[::2])
    residuals = [y - sum(c * x**i for i, c in enumerate(coefficients)) for x, y in points[1::2]]
    error = math.sqrt(math.fsum(r * r for r in residuals) / len(residuals))
    print(f"degree {degree}: error {error:.3f}")
    with (folder / "fits.jsonl").open("a") as file:
        file.write(json.dumps({"degree": degree, "error": error}) + "\n")
    return round(error, 3)


if __name__ == "__main__":
    main()
