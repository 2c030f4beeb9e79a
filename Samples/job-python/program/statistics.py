"""A payload whose input is data: averages of the measurements of patients, in every CSV file of /input."""

import csv
import json
import pathlib
import sys

groups: dict[str, list[float]] = {}
for path in sorted(pathlib.Path("/input").glob("*.csv")):
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            groups.setdefault(row["group"], []).append(float(row["value"]))

digits = int(sys.argv[1]) if len(sys.argv) > 1 else 2
summary = {
    name: {"count": len(values), "mean": round(sum(values) / len(values), digits)}
    for name, values in sorted(groups.items())
}
pathlib.Path("/output/summary.json").write_text(json.dumps(summary, indent=2) + "\n")
print(f"{sum(map(len, groups.values()))} measurements in {len(groups)} groups")
