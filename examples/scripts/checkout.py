"""How long the customers of a shop wait at its checkouts: a simulation of one line for all."""

import heapq
import random

checkouts = 4
arrivals_per_min = 3.0
service_min = 1.2  # on average
customers = 10_000
seed = 0

load = arrivals_per_min * service_min / checkouts


def main():
    if load >= 1:
        raise ValueError(f"the line grows for ever at a load of {load:.2f}")
    rng = random.Random(seed)
    free_at = [0.0] * checkouts  # a heap: when each checkout has served its customer
    clock = waited = 0.0
    for _ in range(customers):
        clock += rng.expovariate(arrivals_per_min)
        start = max(clock, free_at[0])
        waited += start - clock
        heapq.heapreplace(free_at, start + rng.expovariate(1 / service_min))
    wait_min = waited / customers
    print(f"{checkouts} checkouts, seed {seed}: {wait_min:.3f} min")
    return {"load": round(load, 3), "wait_min": round(wait_min, 3)}


if __name__ == "__main__":
    main()
