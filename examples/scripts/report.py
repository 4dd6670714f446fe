"""Step 3 of 3: which fit was the best."""

import json
from pathlib import Path

folder = Path("runs")


def main():
    with (folder / "fits.jsonl").open() as file:
        fits = [json.loads(line) for line in file]
    best = min(fits, key=lambda fit: fit["error"])
    print(f"best of {len(fits)}: degree {best['degree']}, error {best['error']:.3f}")
    return best["degree"]


if __name__ == "__main__":
    main()
