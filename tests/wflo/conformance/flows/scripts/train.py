lr = 0.1
epochs = 1
loss = lr / epochs


def main():
    print("training")
    return {"lr": lr, "epochs": epochs, "loss": loss}


def fail():
    raise ValueError(f"no training with {lr}")
