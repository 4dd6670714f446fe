"""Train a small neural network to read handwritten digits (1,797 images of 8 x 8 pixels)."""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

HIDDEN = 32
LEARNING_RATE = 0.001
BATCH_SIZE = 64
EPOCHS = 30
TEST_SHARE = 0.25
SEED = 0


def load():
    images, labels = load_digits(return_X_y=True)
    images /= 16  # the brightest pixel
    return train_test_split(
        images, labels, test_size=TEST_SHARE, random_state=SEED, stratify=labels
    )


def main():
    train_images, test_images, train_labels, test_labels = load()
    model = MLPClassifier(
        hidden_layer_sizes=(HIDDEN,),
        learning_rate_init=LEARNING_RATE,
        batch_size=BATCH_SIZE,
        random_state=SEED,
    )
    for _ in range(EPOCHS):
        model.partial_fit(train_images, train_labels, classes=range(10))
    accuracy = model.score(test_images, test_labels)
    print(f"{HIDDEN} units, rate {LEARNING_RATE}: loss {model.loss_:.4f}, accuracy {accuracy:.1%}")
    return round(accuracy, 4)


if __name__ == "__main__":
    main()
