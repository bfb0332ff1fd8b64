"""Make seattle-weather.csv and seattle-weather.npy from the table of the vega_datasets package.

    pip install numpy vega_datasets==0.9.0
    python examples/data/make.py

Keeps the numeric columns, as the source spells them, and writes the same values twice: as text, and as
float64 in C order. The output depends on the input alone, so running it again changes no byte.
"""

import csv
import pathlib

import numpy as np
import vega_datasets

COLUMNS = ["precipitation", "temp_max", "temp_min", "wind"]
HERE = pathlib.Path(__file__).parent
SOURCE = pathlib.Path(vega_datasets.__file__).parent / "_data" / "seattle-weather.csv"


def main():
    with SOURCE.open(newline="") as file:
        cells = [[row[name] for name in COLUMNS] for row in csv.DictReader(file)]

    with (HERE / "seattle-weather.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(cells)

    np.save(HERE / "seattle-weather.npy", np.array(cells, dtype="<f8"))


if __name__ == "__main__":
    main()
