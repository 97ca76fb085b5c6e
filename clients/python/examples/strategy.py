"""A strategy: the mean of its signals, above or below one half."""

from typing import List

from allot import signals


def decide(period: signals.Period, found: List[signals.Signal]) -> float:
    return sum(signal.value for signal in found) / len(found) - 0.5


if __name__ == "__main__":
    raise SystemExit(signals.strategy_main(decide))
