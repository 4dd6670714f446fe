"""Logistic regression by stochastic gradient descent, on two clouds of points that overlap."""

import math
import random

# data
samples = 600
dimensions = 8
overlap = 0.8
seed = 0

# training
learning_rate = 0.1
batch_size = 16
epochs = 5
l2 = 0.0

updates = epochs * (samples // 2 // batch_size)
run_name = f"lr={learning_rate:g} batch={batch_size}"


def make_data(rng):
    """Half of the points around +c, half around -c, in random order."""
    points = []
    for i in range(samples):
        label = i % 2
        center = (2 * label - 1) / math.sqrt(dimensions) / overlap
        points.append(([rng.gauss(center, 1) for _ in range(dimensions)], label))
    rng.shuffle(points)
    return points[: samples // 2], points[samples // 2 :]


def predict(weights, bias, x):
    z = bias + math.fsum(w * xi for w, xi in zip(weights, x, strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, z))))


def update(weights, bias, batch):
    """One step down the gradient of the mean loss over the batch."""
    slopes = [l2 * w for w in weights]
    bias_slope = 0.0
    for x, label in batch:
        error = (predict(weights, bias, x) - label) / len(batch)
        slopes = [s + error * xi for s, xi in zip(slopes, x, strict=True)]
        bias_slope += error
    weights = [w - learning_rate * s for w, s in zip(weights, slopes, strict=True)]
    return weights, bias - learning_rate * bias_slope


def evaluate(weights, bias, points):
    loss = 0.0
    hits = 0
    for x, label in points:
        p = predict(weights, bias, x)
        loss -= math.log(p if label else 1 - p)
        hits += (p > 0.5) == label
    return loss / len(points), hits / len(points)


def main():
    rng = random.Random(seed)
    train, test = make_data(rng)
    weights, bias = [0.0] * dimensions, 0.0

    print(f"{run_name}: {updates} updates")
    print("epoch  train loss  test loss  accuracy")
    test_loss, accuracy = math.log(2), 0.5  # of a coin
    for epoch in range(1, epochs + 1):
        rng.shuffle(train)
        for start in range(0, len(train) - batch_size + 1, batch_size):
            weights, bias = update(weights, bias, train[start : start + batch_size])
        train_loss, _ = evaluate(weights, bias, train)
        test_loss, accuracy = evaluate(weights, bias, test)
        print(f"{epoch:5}  {train_loss:10.4f}  {test_loss:9.4f}  {accuracy:8.3f}")
    return {"loss": round(test_loss, 4), "accuracy": round(accuracy, 3)}


if __name__ == "__main__":
    main()
