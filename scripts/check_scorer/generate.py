"""Write what both scorers are to read: `python -m check_scorer.generate FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from check_scorer import malformed
from check_scorer.pairs import all_pairs
from skin.files import write_json
from skin.taxonomy import CHALLENGES


def main() -> None:
    """Write pairs and malformed files, and an index of each."""
    folder = Path(sys.argv[1])
    pairs = []
    for number, pair in enumerate(all_pairs()):
        files = {"challenge": pair.challenge, "last_digits": pair.last_digits}
        # The official scorer takes no index but `image`; here each challenge has its own.
        for reader, index in (("official", "image"), ("ours", CHALLENGES[pair.challenge].index)):
            for kind, table in (("truth", pair.truth), ("submission", pair.submission)):
                path = folder / f"{number}_{reader}_{kind}.csv"
                table.to_csv(path, index_label=index)
                files[f"{reader}_{kind}"] = str(path)
        pairs.append({"name": pair.name, **files})
    write_json(folder / "pairs.json", pairs)
    (folder / "malformed_truth.csv").write_bytes(malformed.TRUTH)
    paths = {}
    for number, (name, content) in enumerate(malformed.FILES.items()):
        path = folder / f"malformed_{number}.csv"
        path.write_bytes(content)
        paths[name] = str(path)
    write_json(folder / "malformed.json", paths)


if __name__ == "__main__":
    main()
