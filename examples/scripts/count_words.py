"""The most frequent words of text files."""

import argparse
import re
from collections import Counter

minimum_length = 4
word = re.compile(rf"[^\W\d_]{{{minimum_length},}}")


def count(paths, *, lower):
    counts = Counter()
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for line in file:
                counts.update(word.findall(line.lower() if lower else line))
    return counts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--top", type=int, default=5, help="how many words to show")
    parser.add_argument("--lower", action="store_true", help="take The and the for one word")
    options = parser.parse_args()

    for text, number in count(options.files, lower=options.lower).most_common(options.top):
        print(f"{number:6}  {text}")
