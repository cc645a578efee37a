"""The words of a receipt in each language it is printed in. A further language is a further entry here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Language = Literal["en", "pl", "ru", "mn", "de", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT_LANGUAGE: Language = "en"


@dataclass(frozen=True, slots=True)
class Labels:
    """Every word that a receipt adds to its facts. `titles`, `tenders`, `units` and `discounts` are keyed by kind."""

    titles: dict[str, str]
    copy: str
    voided: str
    number: str
    till: str
    cashier: str
    tax_number: str
    subtotal: str
    discounts_total: str
    total: str
    refund: str
    saved: str
    rounding: str
    change: str
    given_back: str
    tax: str
    net: str
    tax_included: str
    tax_added: str
    returned: str
    reason: str
    from_receipt: str
    voids_receipt: str
    exchange_rate: str
    keep: str
    thanks: str
    mail_greeting: str
    gift_receipt: str
    gift_note: str
    tip: str
    cash_back: str
    charged: str
    instalments: str
    customer_slip: str
    merchant_slip: str
    duplicate: str
    signature: str
    tenders: dict[str, str]
    units: dict[str, str]
    discounts: dict[str, str]


_ENGLISH = Labels(
    titles={"sale": "Receipt", "return": "Return", "exchange": "Exchange", "void": "Void"},
    copy="COPY",
    voided="VOIDED",
    number="No.",
    till="Till",
    cashier="Served by",
    tax_number="Tax no.",
    subtotal="Subtotal",
    discounts_total="Discounts",
    total="Total",
    refund="Refund",
    saved="You saved",
    rounding="Rounding",
    change="Change",
    given_back="Given back",
    tax="Tax",
    net="Net",
    tax_included="Prices include tax.",
    tax_added="Tax is added to the prices.",
    returned="returned",
    reason="Reason",
    from_receipt="From receipt",
    voids_receipt="Voids receipt",
    exchange_rate="Rate",
    keep="Please keep this receipt: the code brings it up again if you bring something back.",
    thanks="Thank you for your visit.",
    mail_greeting="Here is your receipt.",
    gift_receipt="Gift receipt",
    gift_note="Bring this receipt along to exchange or return the goods.",
    tip="Tip",
    cash_back="Cash-back",
    charged="Charged to the card",
    instalments="Instalments",
    customer_slip="Customer copy",
    merchant_slip="Merchant copy",
    duplicate="DUPLICATE",
    signature="Signature",
    tenders={
        "cash": "Cash",
        "cheque": "Cheque",
        "voucher": "Voucher",
        "bank_transfer": "Bank transfer",
        "card": "Card",
        "gift_card": "Gift card",
        "points": "Points",
    },
    units={"piece": "pc", "kg": "kg", "l": "l", "m": "m"},
    discounts={
        "line_percent": "Discount",
        "line_amount": "Discount",
        "basket_percent": "Discount on everything",
        "basket_amount": "Discount on everything",
    },
)

_POLISH = Labels(
    titles={
        "sale": "Potwierdzenie zakupu",
        "return": "Zwrot towaru",
        "exchange": "Wymiana towaru",
        "void": "Anulowanie",
    },
    copy="KOPIA",
    voided="ANULOWANO",
    number="Nr",
    till="Kasa",
    cashier="Obsługa",
    tax_number="NIP",
    subtotal="Wartość towarów",
    discounts_total="Rabaty",
    total="Suma",
    refund="Do zwrotu",
    saved="Oszczędzasz",
    rounding="Zaokrąglenie",
    change="Reszta",
    given_back="Zwrócono",
    tax="Podatek",
    net="Netto",
    tax_included="Ceny zawierają podatek.",
    tax_added="Podatek jest doliczany do cen.",
    returned="zwrot",
    reason="Powód",
    from_receipt="Z paragonu",
    voids_receipt="Anuluje paragon",
    exchange_rate="Kurs",
    keep="Prosimy zachować to potwierdzenie: kod będzie potrzebny przy zwrocie.",
    thanks="Dziękujemy za zakupy.",
    mail_greeting="Oto potwierdzenie zakupu.",
    gift_receipt="Potwierdzenie na prezent",
    gift_note="Z tym potwierdzeniem można wymienić lub zwrócić towar.",
    tip="Napiwek",
    cash_back="Wypłata gotówki",
    charged="Obciążenie karty",
    instalments="Raty",
    customer_slip="Kopia dla klienta",
    merchant_slip="Kopia dla sprzedawcy",
    duplicate="DUPLIKAT",
    signature="Podpis",
    tenders={
        "cash": "Gotówka",
        "cheque": "Czek",
        "voucher": "Bon",
        "bank_transfer": "Przelew",
        "card": "Karta",
        "gift_card": "Karta podarunkowa",
        "points": "Punkty",
    },
    units={"piece": "szt.", "kg": "kg", "l": "l", "m": "m"},
    discounts={
        "line_percent": "Rabat",
        "line_amount": "Rabat",
        "basket_percent": "Rabat na całość",
        "basket_amount": "Rabat na całość",
    },
)

_RUSSIAN = Labels(
    titles={"sale": "Товарный чек", "return": "Возврат", "exchange": "Обмен", "void": "Аннулирование"},
    copy="КОПИЯ",
    voided="АННУЛИРОВАН",
    number="№",
    till="Касса",
    cashier="Кассир",
    tax_number="ИНН",
    subtotal="Сумма",
    discounts_total="Скидки",
    total="Итого",
    refund="К возврату",
    saved="Вы сэкономили",
    rounding="Округление",
    change="Сдача",
    given_back="Возвращено",
    tax="Налог",
    net="Без налога",
    tax_included="Цены включают налог.",
    tax_added="Налог начисляется сверх цены.",
    returned="возврат",
    reason="Причина",
    from_receipt="По чеку",
    voids_receipt="Аннулирует чек",
    exchange_rate="Курс",
    keep="Сохраните чек: код понадобится, если вы захотите что-то вернуть.",
    thanks="Спасибо за покупку!",
    mail_greeting="Ваш чек.",
    gift_receipt="Подарочный чек",
    gift_note="С этим чеком товар можно обменять или вернуть.",
    tip="Чаевые",
    cash_back="Выдача наличных",
    charged="Списано с карты",
    instalments="Рассрочка, платежей",
    customer_slip="Копия клиента",
    merchant_slip="Копия магазина",
    duplicate="ДУБЛИКАТ",
    signature="Подпись",
    tenders={
        "cash": "Наличные",
        "cheque": "Банковский чек",
        "voucher": "Ваучер",
        "bank_transfer": "Банковский перевод",
        "card": "Карта",
        "gift_card": "Подарочная карта",
        "points": "Баллы",
    },
    units={"piece": "шт.", "kg": "кг", "l": "л", "m": "м"},
    discounts={
        "line_percent": "Скидка",
        "line_amount": "Скидка",
        "basket_percent": "Скидка на всё",
        "basket_amount": "Скидка на всё",
    },
)

_MONGOLIAN = Labels(
    titles={"sale": "Баримт", "return": "Буцаалт", "exchange": "Солилт", "void": "Хүчингүй болголт"},
    copy="ХУУЛБАР",
    voided="ХҮЧИНГҮЙ",
    number="№",
    till="Касс",
    cashier="Кассчин",
    tax_number="ТТД",
    subtotal="Дүн",
    discounts_total="Хөнгөлөлт",
    total="Нийт дүн",
    refund="Буцаан олгох дүн",
    saved="Та хэмнэлээ",
    rounding="Бүхэлчлэл",
    change="Хариулт",
    given_back="Буцаан олгосон",
    tax="Татвар",
    net="Татваргүй дүн",
    tax_included="Үнэд татвар багтсан.",
    tax_added="Үнэ дээр татвар нэмэгдэнэ.",
    returned="буцаасан",
    reason="Шалтгаан",
    from_receipt="Баримтаас",
    voids_receipt="Хүчингүй болгосон баримт",
    exchange_rate="Ханш",
    keep="Баримтаа хадгална уу: бараа буцаахад энэ код хэрэг болно.",
    thanks="Худалдан авалт хийсэнд баярлалаа.",
    mail_greeting="Таны баримт.",
    gift_receipt="Бэлгийн баримт",
    gift_note="Энэ баримтаар барааг солих эсвэл буцаах боломжтой.",
    tip="Цайны мөнгө",
    cash_back="Бэлэн мөнгө олголт",
    charged="Картаас авсан дүн",
    instalments="Хэсэгчлэн төлөх тоо",
    customer_slip="Худалдан авагчийн хувь",
    merchant_slip="Дэлгүүрийн хувь",
    duplicate="ДАВХАР ХУВЬ",
    signature="Гарын үсэг",
    tenders={
        "cash": "Бэлэн мөнгө",
        "cheque": "Чек",
        "voucher": "Эрхийн бичиг",
        "bank_transfer": "Банкны шилжүүлэг",
        "card": "Карт",
        "gift_card": "Бэлгийн карт",
        "points": "Оноо",
    },
    units={"piece": "ш", "kg": "кг", "l": "л", "m": "м"},
    discounts={
        "line_percent": "Хөнгөлөлт",
        "line_amount": "Хөнгөлөлт",
        "basket_percent": "Нийт хөнгөлөлт",
        "basket_amount": "Нийт хөнгөлөлт",
    },
)

_GERMAN = Labels(
    titles={"sale": "Kassenbeleg", "return": "Rückgabe", "exchange": "Umtausch", "void": "Storno"},
    copy="KOPIE",
    voided="STORNIERT",
    number="Nr.",
    till="Kasse",
    cashier="Es bediente Sie",
    tax_number="USt-IdNr.",
    subtotal="Zwischensumme",
    discounts_total="Rabatte",
    total="Summe",
    refund="Erstattung",
    saved="Sie sparen",
    rounding="Rundung",
    change="Rückgeld",
    given_back="Zurückgegeben",
    tax="Steuer",
    net="Netto",
    tax_included="Die Preise enthalten die Steuer.",
    tax_added="Die Steuer kommt zu den Preisen hinzu.",
    returned="zurückgegeben",
    reason="Grund",
    from_receipt="Von Beleg",
    voids_receipt="Storniert Beleg",
    exchange_rate="Kurs",
    keep="Bitte aufbewahren: Mit dem Code finden wir den Beleg, falls Sie etwas zurückbringen.",
    thanks="Vielen Dank für Ihren Einkauf.",
    mail_greeting="Hier ist Ihr Kassenbeleg.",
    gift_receipt="Geschenkbeleg",
    gift_note="Mit diesem Beleg können die Waren umgetauscht oder zurückgegeben werden.",
    tip="Trinkgeld",
    cash_back="Bargeldauszahlung",
    charged="Kartenbelastung",
    instalments="Raten",
    customer_slip="Kundenbeleg",
    merchant_slip="Händlerbeleg",
    duplicate="DUPLIKAT",
    signature="Unterschrift",
    tenders={
        "cash": "Bar",
        "cheque": "Scheck",
        "voucher": "Gutschein",
        "bank_transfer": "Überweisung",
        "card": "Karte",
        "gift_card": "Geschenkkarte",
        "points": "Punkte",
    },
    units={"piece": "Stk.", "kg": "kg", "l": "l", "m": "m"},
    discounts={
        "line_percent": "Rabatt",
        "line_amount": "Rabatt",
        "basket_percent": "Rabatt auf alles",
        "basket_amount": "Rabatt auf alles",
    },
)

_CHINESE = Labels(
    titles={"sale": "购物小票", "return": "退货单", "exchange": "换货单", "void": "作废单"},
    copy="副本",
    voided="已作废",
    number="单号",
    till="收银台",
    cashier="收银员",
    tax_number="税号",
    subtotal="小计",
    discounts_total="优惠合计",
    total="合计",
    refund="应退金额",
    saved="已为您节省",
    rounding="舍入",
    change="找零",
    given_back="退款",
    tax="税额",
    net="不含税金额",
    tax_included="价格含税。",
    tax_added="价格不含税，税额另计。",
    returned="退货",
    reason="原因",
    from_receipt="原小票",
    voids_receipt="作废小票",
    exchange_rate="汇率",
    keep="请保留此小票，退换货时凭码查询。",
    thanks="谢谢惠顾！",
    mail_greeting="这是您的购物小票。",
    gift_receipt="礼品小票",
    gift_note="凭此小票可以换货或退货。",
    tip="小费",
    cash_back="取现",
    charged="银行卡扣款",
    instalments="分期期数",
    customer_slip="顾客联",
    merchant_slip="商户联",
    duplicate="重复打印",
    signature="签名",
    tenders={
        "cash": "现金",
        "cheque": "支票",
        "voucher": "代金券",
        "bank_transfer": "银行转账",
        "card": "银行卡",
        "gift_card": "礼品卡",
        "points": "积分",
    },
    units={"piece": "件", "kg": "千克", "l": "升", "m": "米"},
    discounts={
        "line_percent": "折扣",
        "line_amount": "折扣",
        "basket_percent": "整单折扣",
        "basket_amount": "整单折扣",
    },
)

LABELS: dict[Language, Labels] = {
    "en": _ENGLISH,
    "pl": _POLISH,
    "ru": _RUSSIAN,
    "mn": _MONGOLIAN,
    "de": _GERMAN,
    "zh": _CHINESE,
}


def language_for(*wishes: str | None) -> Language:
    """The first of `wishes` (BCP 47 tags, None for no wish) that receipts are printed in, else English."""
    for wish in wishes:
        primary = (wish or "").replace("_", "-").partition("-")[0].lower()
        for language in LANGUAGES:
            if primary == language:
                return language
    return DEFAULT_LANGUAGE
