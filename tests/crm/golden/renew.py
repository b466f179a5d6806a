"""Writes the schemas of the wheel anew, and an example of each event that has none yet.

`python -m tests.crm.golden.renew`. An example that stands is never rewritten: events in the field look like it for
ever. `--release` takes today's schemas as those of the last release, against which the next change is judged.
"""

import sys
from pathlib import Path

import orjson

from commsd.crm.schema.catalogue import schemas
from commsd.crm.schema.example import event_examples

HERE = Path(__file__).parent
EXAMPLES = HERE / "v1"
RELEASED = HERE / "released"
SHIPPED = HERE.parents[2] / "commsd" / "crm" / "schema" / "v1"
FORM = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def written(value: object) -> bytes:
    """JSON as it stands in these files."""
    return orjson.dumps(value, option=FORM)


def renew(release: bool) -> None:
    """Write what is not as the code would write it."""
    for folder in (SHIPPED, EXAMPLES, RELEASED):
        folder.mkdir(exist_ok=True)
    found = {f"{name}.json": written(schema) for name, schema in schemas().items()}
    for folder in (SHIPPED, RELEASED) if release else (SHIPPED,):
        for file in folder.glob("*.json"):
            if file.name not in found:
                file.unlink()
        for name, content in found.items():
            (folder / name).write_bytes(content)
    for name, pair in event_examples().items():
        file = EXAMPLES / f"{name}.json"
        if not file.exists():
            file.write_bytes(written(pair))


if __name__ == "__main__":
    renew("--release" in sys.argv[1:])
