"""A generator of signals: a wave that takes an hour, from zero to one."""

import math

from allot import signals


def wave(period: signals.Period) -> float:
    return 0.5 + 0.5 * math.sin(2 * math.pi * period.start / 3_600)


if __name__ == "__main__":
    raise SystemExit(signals.generator_main(wave))
