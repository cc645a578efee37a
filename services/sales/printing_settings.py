"""Settings of printing, a part of the settings of sales (prefix TILLSTREAM_SALES_)."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from services.sales.domain.slip import MerchantSlips


class PrintingSettings(BaseSettings):
    """How long after its cause something is still printed. Each description completes the sentence "must be ..."."""

    print_gather_s: float = Field(
        default=0.25,
        gt=0,
        le=5,
        description="the seconds in which sales are gathered before they are printed, e.g. 0.25",
    )
    receipt_print_expiry_s: float = Field(
        default=600.0, gt=0, description="the seconds after which a receipt is not printed any more, e.g. 600"
    )
    report_print_expiry_s: float = Field(
        default=14_400.0,
        gt=0,
        description="the seconds after which an X or Z report is not printed any more, e.g. 14400",
    )
    receipt_copies: int = Field(
        default=1, ge=1, le=5, description="how many copies of each receipt are printed at its sale, e.g. 2"
    )
    drawer_opening_expiry_s: float = Field(
        default=30.0, gt=0, le=600, description="the seconds after which a drawer is not opened any more, e.g. 30"
    )
    merchant_slips: MerchantSlips = Field(
        default=MerchantSlips.ALWAYS,
        description="always, for_signature or never: when the shop's own slip of a card payment is printed",
    )
    print_answer_grace_s: float = Field(
        default=60.0,
        ge=0,
        le=3_600,
        description="the seconds after a print has expired in which its gateway may still report, e.g. 60",
    )
    print_job_keep_days: int = Field(
        default=35, ge=1, description="the days after which a print job is forgotten, e.g. 35"
    )
