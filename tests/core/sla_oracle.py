"""The worked examples of the shared folder, read as `commsd sla test` reads them."""

import os
from pathlib import Path

from commsd.config.read import Findings
from commsd.sla.trial.instant import ALWAYS
from commsd.sla.trial.trial import Examples, read_examples

__all__ = ["ALWAYS", "EXAMPLES", "loaded"]

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = Path(os.environ.get("COMMSD_SHARED") or ROOT.parent / "shared") / "sla" / "examples.yaml"


def loaded() -> Examples:
    """Its rows; none where the file is absent."""
    if not EXAMPLES.is_file():
        return Examples(file="")
    findings = Findings()
    examples = read_examples(EXAMPLES.read_text("utf-8"), EXAMPLES.name, findings)
    assert findings.all == ()
    return examples
