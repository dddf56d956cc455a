"""Make predictions.csv: invented patients, for trying the commands of the README.

Half of the women's disease gives weaker signs here, so the model misses more of it; one hospital
records no race. Run it to get the same file again: python examples/make_predictions.py
"""

import csv
import math
import random
from pathlib import Path

PATIENTS = 700
HOSPITALS = {"North": 0.45, "South": 0.35, "East": 0.20}
RACES = {"Asian": 0.12, "Black": 0.23, "White": 0.65}


def exams() -> list[dict[str, object]]:
    """Invent one to three exams for each patient."""
    chance = random.Random(20)
    rows: list[dict[str, object]] = []
    for patient in range(1, PATIENTS + 1):
        hospital = chance.choices(list(HOSPITALS), list(HOSPITALS.values()))[0]
        sex = chance.choice("FM")
        race = chance.choices(list(RACES), list(RACES.values()))[0]
        age = min(95, max(19, round(chance.gauss(61, 15))))
        severity = chance.gauss(0.03 * (age - 61), 1)
        for _ in range(chance.choice((1, 1, 2, 3))):
            risk = -0.4 + 0.9 * severity + chance.gauss(0, 0.5)
            y = int(chance.random() < 1 / (1 + math.exp(-1.8 * risk)))
            weaker = 2.2 if sex == "F" and y and chance.random() < 0.5 else 0.0
            p = 1 / (1 + math.exp(-(1.8 * risk - weaker + chance.gauss(0, 0.6))))
            rows.append(
                {
                    "exam_id": f"e{len(rows) + 1:04}",
                    "pid": f"p{patient:03}",
                    "hospital": hospital,
                    "sex": sex,
                    "race": "" if hospital == "East" else race,
                    "age": age,
                    "y": y,
                    "p": f"{p:.3f}",
                }
            )
    return rows


def main() -> None:
    """Write the file beside this one."""
    rows = exams()
    path = Path(__file__).parent / "predictions.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
