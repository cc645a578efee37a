"""Replace the chain's layouts of in-store weight and price codes."""

from __future__ import annotations

from collections.abc import Sequence

from libs.barcodes import check_layouts
from libs.contracts.catalog import BarcodeLayout
from libs.contracts.refusal import Invalid
from libs.persistence import UnitOfWork
from services.catalog.storage.rules import RuleRepository, StoredLayouts
from services.catalog.use_cases.check_product import check_version

# One chain per installation; the contract leaves room for more.
CHAIN = "chain"
LARGEST_LAYOUTS = 100


async def replace_barcode_layouts(work: UnitOfWork, layouts: Sequence[BarcodeLayout], *, version: int) -> StoredLayouts:
    """Store the layouts if they are still at `version` (0 before the first), and tell of them.

    Raises StaleVersion, or Invalid naming the layout and its field.
    """
    if len(layouts) > LARGEST_LAYOUTS:
        raise Invalid(f"A chain has at most {LARGEST_LAYOUTS} layouts.", field="layouts")
    check_layouts(layouts)
    rules = RuleRepository(work.connection)
    present = await rules.layouts(CHAIN, for_update=True)
    check_version(present.version, version, "The list of barcode layouts")
    changed = StoredLayouts(CHAIN, tuple(layouts), version + 1)
    if changed.layouts == present.layouts:
        return present
    if not await rules.save_layouts(changed):
        check_version((await rules.layouts(CHAIN)).version, version, "The list of barcode layouts")
    work.emit(changed.changed(), sequence=changed.version)
    return changed
