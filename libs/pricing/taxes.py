"""Taxes of lines: inclusive and exclusive, several on one line, rounded per line or per rate (retail rule 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from math import lcm

from libs.money import divide_rounded, round_to_sum
from libs.pricing.model import (
    PPM,
    PricedProduct,
    PricingError,
    ProductKind,
    TaxCategory,
    TaxMode,
    TaxPolicy,
    TaxRate,
    TaxRounding,
)
from libs.pricing.priced import LineTax

_NO_RATES: tuple[TaxRate, ...] = ()


def taxes_of_lines(
    goods: Sequence[tuple[PricedProduct, int]],
    categories: Mapping[str, TaxCategory],
    business_date: date,
    policy: TaxPolicy,
) -> list[tuple[LineTax, ...]]:
    """The taxes of each (product, net amount in minor units). Gift cards bear none (retail rule 11).

    Per line, each line's tax is rounded by itself. Per rate, the tax of all lines of one code and rate is rounded
    once and the difference goes to the lines with the largest remainder, so that lines always sum to the receipt.
    The base is the net amount, less all its taxes where prices include them.
    Raises PricingError for a product with an unknown tax category.
    """
    rates = _rates_of(goods, categories, business_date)
    nets = [net for _, net in goods]
    inclusive = policy.mode is TaxMode.INCLUSIVE
    if policy.rounding is TaxRounding.PER_LINE:
        amounts = [_taxes_of_one(net, line_rates, inclusive) for net, line_rates in zip(nets, rates, strict=True)]
    else:
        amounts = _taxes_per_rate(nets, rates, inclusive)
    result = []
    for net, line_rates, taxes in zip(nets, rates, amounts, strict=True):
        base = net - sum(taxes) if inclusive else net
        result.append(
            tuple(
                [
                    LineTax(rate.code, rate.name, rate.rate_ppm, base, tax)
                    for rate, tax in zip(line_rates, taxes, strict=True)
                ]
            )
        )
    return result


def _rates_of(
    goods: Sequence[tuple[PricedProduct, int]], categories: Mapping[str, TaxCategory], business_date: date
) -> list[tuple[TaxRate, ...]]:
    known: dict[str, tuple[TaxRate, ...]] = {}
    result = []
    for product, _ in goods:
        if product.kind is ProductKind.GIFT_CARD:
            result.append(_NO_RATES)
            continue
        rates = known.get(product.tax_category)
        if rates is None:
            category = categories.get(product.tax_category)
            if category is None:
                message = f"{product.name} has the unknown tax category {product.tax_category!r}"
                raise PricingError("tax_category", message)
            rates = known[product.tax_category] = category.rates_on(business_date)
        result.append(rates)
    return result


def _divisor(rates: tuple[TaxRate, ...], inclusive: bool) -> int:
    """What net times rate is divided by: a gross amount holds the goods and all its taxes at once."""
    return PPM + sum([rate.rate_ppm for rate in rates]) if inclusive else PPM


def _taxes_of_one(net: int, rates: tuple[TaxRate, ...], inclusive: bool) -> list[int]:
    divisor = _divisor(rates, inclusive)
    return [divide_rounded(net * rate.rate_ppm, divisor) for rate in rates]


def _taxes_per_rate(nets: Sequence[int], rates: Sequence[tuple[TaxRate, ...]], inclusive: bool) -> list[list[int]]:
    # Lines of one category share the very same tuple of rates: telling them apart by identity spares hashing them.
    kinds = {id(line_rates): line_rates for line_rates in rates}
    divisors = {key: _divisor(line_rates, inclusive) for key, line_rates in kinds.items()}
    common = lcm(*divisors.values())
    exact: dict[tuple[str, int], list[int]] = {}
    factors: dict[int, list[tuple[int, list[int]]]] = {}
    for key, line_rates in kinds.items():
        factors[key] = [
            (rate.rate_ppm * (common // divisors[key]), exact.setdefault((rate.code, rate.rate_ppm), []))
            for rate in line_rates
        ]
    for net, line_rates in zip(nets, rates, strict=True):
        for factor, numerators in factors[id(line_rates)]:
            numerators.append(net * factor)
    rounded = {
        code_and_rate: iter(round_to_sum(divide_rounded(sum(numerators), common), numerators, common))
        for code_and_rate, numerators in exact.items()
    }
    # Each rate's taxes come in the order of the lines that bear it: every line takes the next of each of its rates.
    columns = {key: [rounded[rate.code, rate.rate_ppm] for rate in line_rates] for key, line_rates in kinds.items()}
    return [[next(column) for column in columns[id(line_rates)]] for line_rates in rates]
