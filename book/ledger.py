"""The ledgers as a Sphinx extension: claims, errata, and the items of the lectures."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from book.claims_ledger import ClaimsLedger
from book.coverage_ledger import CoverageLedger, LectureDirective
from book.errata_ledger import ErrataDirective, ErrataLedger
from book.ledger_data import collect, label_claims


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives; `collect` must see the notebooks that `book.execution` has run."""
    app.setup_extension("book.execution")
    app.add_directive("errata", ErrataDirective)
    app.add_directive("errata-ledger", ErrataLedger)
    app.add_directive("claims-ledger", ClaimsLedger)
    app.add_directive("lecture", LectureDirective)
    app.add_directive("coverage-ledger", CoverageLedger)
    app.connect("env-before-read-docs", collect, priority=900)  # after the execution
    app.connect("env-updated", label_claims)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
