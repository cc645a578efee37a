from __future__ import annotations

import pytest

from libs.contracts.printing import PairBlock, TextBlock
from services.sales.domain.receipt_labels import LANGUAGES
from services.sales.layout_samples import samples
from services.sales.layout_templates import LAYOUT_KINDS, Layout, LayoutError, LayoutKind, shipped_text
from services.sales.receipt_layouts import CurrentLayouts, UnusableLayout, check_layout


@pytest.mark.parametrize("kind", LAYOUT_KINDS)
def test_the_shipped_layouts_print_every_sample_in_every_language(kind: LayoutKind) -> None:
    check_layout(kind, None, shipped_text(kind))


def test_a_layout_may_say_what_is_printed() -> None:
    sample = next(samples("receipt", "en"))
    layout = Layout.read(
        "{% if receipt.saved %}\n# You saved {{ receipt.saved.text }}!\n{% endif %}\n"
        "{% for line in receipt.lines if not line.returned %}\n"
        "{{ line.name | upper }} || {{ line.net_text }}\n"
        "{% for discount in line.discounts %}\n> {{ discount.note | default('-') }}\n{% endfor %}\n"
        "{% endfor %}\n"
    )
    assert layout.document(sample.printable, sample.values).blocks == (
        TextBlock(text="You saved 1,00 PLN!", align="center", bold=True, size=2),
        PairBlock(left="TEA OF A LONG AND STORIED NAME", right="11,98"),
        TextBlock(text="Dented", align="right"),
    )


def test_a_gift_receipts_layout_knows_no_amounts() -> None:
    sample = next(samples("gift_receipt", "en"))
    assert set(sample.values) == {"header", "receipt_code"}
    with pytest.raises(UnusableLayout, match="line 1: 'receipt' is undefined"):
        check_layout("gift_receipt", "en", "{{ receipt.total.text }}")


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("!store\n{% if receipt %}", "The layout, line 2: Unexpected end of template"),
        ("!store\n\n{{ receipt.nothing }}", "cannot print a sale (en): line 3: .* has no attribute 'nothing'"),
        ("!store\n\n{{ receipt.saved.text }}", "cannot print a sale without cash or taxes (en): line 3: 'None' has no"),
        ("!store\n!totals", "cannot print a sale (en): line 2: '!totals': there is no section 'totals'"),
        ("{{ language }}\n. 99", "line 2: '. 99': 1 to 20 empty rows"),
        ("{{ receipt.header.marks[3] }}", "line 1: tuple object has no element 3"),
        ("x\n{{ receipt.lines < 3 }}", "line 2: '<' not supported"),
        ("{{ receipt.lines | random }}", "The layout, line 1: No filter named 'random'|there is no filter 'random'"),
    ],
)
def test_a_layout_that_fails_is_refused_with_line_and_cause(template: str, sentence: str) -> None:
    with pytest.raises(
        UnusableLayout, match=sentence.replace("(en)", r"\(en\)").replace(". 99'", r"\. 99'")
    ) as refused:
        check_layout("receipt", "en", template)
    assert refused.value.field == "template"


@pytest.mark.parametrize(
    "template",
    [
        "{{ receipt.__class__ }}",
        "{{ receipt.lines.count(1) }}",
        "{{ ''.join('x') }}",
        "{{ 'x' * 1000000000 }}",
        "{{ 'x' ~ 'x' }}",
        "{{ 2 ** 999999 }}",
        "{{ '%1000000000d' % 1 }}",
        "{% for i in range(1000000000) %}x{% endfor %}",
        "{% set x = 'x' %}{{ x }}",
        "{% macro x() %}{{ x() }}{% endmacro %}{{ x() }}",
        "{% include 'receipt.txt' %}",
        "{% import 'os' as os %}",
        "{% extends 'x' %}",
        "{{ 'x' | center(1000000000) }}",
        "{{ receipt | attr('__class__') }}",
        "{% for a in receipt.lines %}{% for b in receipt.lines %}{% for c in receipt.lines %}x{% endfor %}"
        "{% endfor %}{% endfor %}",
        "{% for a in receipt.lines recursive %}{{ loop(receipt.lines) }}{% endfor %}",
    ],
)
def test_a_layout_calls_nothing_reckons_nothing_and_ends_soon(template: str) -> None:
    with pytest.raises(UnusableLayout):
        check_layout("receipt", "en", template)


def test_a_layout_that_prints_without_end_is_stopped() -> None:
    sample = next(samples("receipt", "en"))
    layout = Layout.read("{% for a in names %}{% for b in names %}{{ a }} {{ b }}\n{% endfor %}{% endfor %}")
    with pytest.raises(LayoutError, match="more than 200000 characters"):
        layout.document(sample.printable, {"names": ["a name of some length"] * 5_000})


def test_the_chains_own_layout_goes_before_the_shipped_one_and_the_languages_own_before_all() -> None:
    sample = next(samples("receipt", "pl"))
    own = CurrentLayouts({("receipt", ""): Layout.read("any"), ("receipt", "pl"): Layout.read("polski")}, None)
    polish = own.document("receipt", sample.printable, sample.values)
    assert polish.blocks == (TextBlock(text="polski"),)
    german = next(samples("receipt", "de"))
    assert own.document("receipt", german.printable, german.values).blocks == (TextBlock(text="any"),)
    z_report = next(samples("z_report", "pl"))
    assert len(own.document("z_report", z_report.printable, z_report.values).blocks) > 20


def test_a_customer_gets_a_receipt_whatever_became_of_the_chains_own_layout() -> None:
    sample = next(samples("receipt", "en"))
    broken = CurrentLayouts({("receipt", ""): Layout.read("{{ receipt.gone }}")}, None)
    shipped = CurrentLayouts({}, None)
    assert broken.document("receipt", sample.printable, sample.values) == shipped.document(
        "receipt", sample.printable, sample.values
    )


def test_samples_cover_every_kind_of_document() -> None:
    for language in LANGUAGES:
        kinds = {sample.values["receipt"].kind for sample in samples("receipt", language)}
        assert kinds == {"sale", "return", "exchange", "void"}
