"""A realistic receipt in each language, as PrintedDocument."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

from libs.contracts.printing import (
    BarcodeBlock,
    Block,
    Cell,
    CellsBlock,
    FeedBlock,
    ImageBlock,
    PairBlock,
    PrintedDocument,
    QrBlock,
    RuleBlock,
    TextBlock,
)

SALE_ID = "018f6d2a-7c3e-7d51-9a44-2b6c0e9f1a77"
EAN = "5901234123457"
LANGUAGES = ("en", "pl", "ru", "mn", "de", "zh")

# Shop, address, tax number, (product, quantity line, amount)..., total, tax head, tax row, payment, thanks.
_TEXTS: dict[str, tuple[str, str, str, list[tuple[str, str, str]], tuple[str, str], list[list[str]], str, str]] = {
    "en": (
        "Harbour Street Grocers",
        "12 Harbour Street, Cork",
        "VAT no. IE6388047V",
        [
            ("Whole milk, carton", "2 x €1.29", "€2.58"),
            ("Organic sourdough bread, sliced, with seeds and a crust of oats", "", "€4.75"),
            ("Bananas, loose", "0.846 kg x €1.80/kg", "€1.52"),
        ],
        ("TOTAL", "€8.85"),
        [["VAT", "Net", "Tax"], ["A 13.5 %", "€7.80", "€1.05"]],
        "Cash",
        "Thank you, and safe home!",
    ),
    "pl": (
        "Sklep „Pod Żółwiem”",
        "ul. Świętojańska 5, 81-368 Gdynia",
        "NIP 725-18-01-126",
        [
            ("Mleko świeże 3,2%", "2 x 3,99", "7,98"),
            ("Chleb żytni na zakwasie, krojony, z ziarnami słonecznika i dyni", "", "9,50"),
            ("Jabłka gruszkowate luzem", "0,846 kg x 4,50 zł/kg", "3,81"),
        ],
        ("SUMA", "21,29 zł"),
        [["Stawka", "Netto", "VAT"], ["A 23%", "17,31", "3,98"]],
        "Gotówka",
        "Dziękujemy i zapraszamy ponownie!",
    ),
    "ru": (
        "Магазин «У дома»",
        "г. Москва, ул. Лесная, д. 5",
        "ИНН 7707083893",
        [
            ("Молоко пастеризованное 3,2%", "2 х 89,90", "179,80"),
            ("Хлеб ржаной на закваске, нарезанный, с семечками и отрубями", "", "75,00"),
            ("Ёлочка мясная, вес.", "0,846 кг х 450,00", "380,70"),
        ],
        ("ИТОГО", "635,50"),
        [["Ставка", "Сумма", "НДС"], ["НДС 10%", "577,73", "57,77"]],
        "Наличными",
        "Спасибо за покупку!",
    ),
    "mn": (
        "Өргөө хүнсний дэлгүүр",
        "Сүхбаатар дүүрэг, Энх тайвны өргөн чөлөө 17",
        "ТТД 2083450",
        [
            ("Сүү, 1 л", "2 x 3 200₮", "6 400₮"),
            ("Хөрөнгөтэй хар талх, зүсмэл, наранцэцгийн үртэй", "", "4 800₮"),
            ("Үхрийн мах", "0.846 кг x 18 500₮", "15 651₮"),
        ],
        ("НИЙТ ДҮН", "26 851₮"),
        [["Татвар", "Дүн", "НӨАТ"], ["НӨАТ 10%", "24 410₮", "2 441₮"]],
        "Бэлэн мөнгө",
        "Худалдан авалт хийсэнд баярлалаа!",
    ),
    "de": (
        "Feinkost Größmann",
        "Fünfhöfe 3, 80333 München",
        "USt-IdNr. DE811191002",
        [
            ("Weidemilch 3,8 %", "2 x 1,49 €", "2,98 €"),
            ("Roggensauerteigbrot, geschnitten, mit Kürbiskernen und Haferkruste", "", "4,75 €"),
            ("Äpfel, lose", "0,846 kg x 3,29 €/kg", "2,78 €"),
        ],
        ("SUMME", "10,51 €"),
        [["MwSt.", "Netto", "Steuer"], ["B 7 %", "9,82 €", "0,69 €"]],
        "Bar",
        "Vielen Dank für Ihren Einkauf!",
    ),
    "zh": (
        "海港路食品店",
        "上海市黄浦区海港路12号",
        "税号 91310101MA1FP0XX21",
        [
            ("全脂鲜牛奶（一升装）", "2 x ￥12.90", "￥25.80"),
            ("天然酵母黑麦面包，切片，含葵花籽和南瓜籽，保质期五天", "", "￥19.50"),
            ("香蕉（散装）", "0.846 公斤 x ￥9.80", "￥8.29"),
        ],
        ("合计", "￥53.59"),
        [["税率", "不含税", "税额"], ["13%", "￥47.42", "￥6.17"]],
        "现金",
        "谢谢惠顾，欢迎再次光临！",
    ),
}


def logo() -> bytes:
    """A till in a circle: a PNG of two colours."""
    picture = Image.new("1", (120, 64), 1)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((28, 0, 91, 63), outline=0, width=4)
    draw.rectangle((44, 28, 75, 46), fill=0)
    draw.polygon(((48, 26), (71, 26), (66, 15), (53, 15)), fill=0)
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


def receipt(language: str) -> PrintedDocument:
    """The receipt in a language."""
    shop, address, tax_number, products, total, taxes, payment, thanks = _TEXTS[language]
    blocks: list[Block] = [
        ImageBlock.model_construct(png=logo()),
        TextBlock(text=shop, align="center", bold=True, size=2),
        TextBlock(text=f"{address}\n{tax_number}", align="center"),
        RuleBlock(),
        PairBlock(left="2026-03-02 17:45", right="K-07/001204"),
        RuleBlock(),
    ]
    for name, quantity, amount in products:
        if quantity:
            blocks += [TextBlock(text=name), PairBlock(left=quantity, right=amount, indent=2)]
        else:
            blocks.append(PairBlock(left=name, right=amount))
    blocks += [
        RuleBlock(),
        PairBlock(left=total[0], right=total[1], bold=True, size=2),
        PairBlock(left=payment, right=total[1]),
        FeedBlock(rows=1),
        *(
            CellsBlock(
                cells=tuple(
                    Cell(text=text, share=2 if at == 0 else 1, align="left" if at == 0 else "right")
                    for at, text in enumerate(row)
                )
            )
            for row in taxes
        ),
        RuleBlock(),
        TextBlock(text=thanks, align="center"),
        FeedBlock(rows=1),
        QrBlock(data=SALE_ID, caption="K-07/001204"),
        FeedBlock(rows=1),
        BarcodeBlock(symbology="ean13", data=EAN),
    ]
    return PrintedDocument(language=language, blocks=tuple(blocks))
