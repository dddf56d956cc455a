"""Invented follow-up: 24 rows with every kind of tie, and 40 rows whose times are all distinct."""

import numpy as np

TIME = np.array(
    [1, 2, 2, 3, 3, 3, 4, 5, 5, 6, 6, 7, 8, 8, 9, 10, 10, 11, 12, 12, 13, 14, 15, 16], dtype=float
)
EVENT = np.array([1, 1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 0])
RISK = np.array(
    [8, 7, 7, 9, 4, 5, 6, 6, 3, 8, 2, 5, 7, 1, 4, 4, 3, 6, 2, 5, 1, 3, 2, 2], dtype=float
)
PATIENT = np.array([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 1, 2, 3, 4, 9, 9, 9, 5])
PROBABILITY = np.array(
    [
        0.8,
        0.7,
        0.75,
        0.9,
        0.45,
        0.5,
        0.6,
        0.62,
        0.3,
        0.85,
        0.2,
        0.5,
        0.72,
        0.1,
        0.4,
        0.42,
        0.33,
        0.6,
        0.25,
        0.5,
        0.15,
        0.3,
        0.2,
        0.22,
    ]
)
ONE = np.zeros(24, dtype=np.int64)

_I = np.arange(40)
DISTINCT_TIME = ((_I * 37) % 83 + 1) / 4 + (_I % 3) * 0.05
DISTINCT_EVENT = ((_I * 5) % 7 < 4).astype(np.int64)
DISTINCT_RISK = np.round(10 / (1 + DISTINCT_TIME / 6) + ((_I * 11) % 13) / 3, 1)
DISTINCT_PROBABILITY = np.round(1 / (1 + np.exp(-(DISTINCT_RISK - 6) / 2)), 3)
DISTINCT_ONE = np.zeros(40, dtype=np.int64)
