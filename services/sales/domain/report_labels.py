"""The words of X and Z reports in each language; names of tenders are those of the receipt."""

from __future__ import annotations

from dataclasses import dataclass

from services.sales.domain.receipt_labels import Language


@dataclass(frozen=True, slots=True)
class ReportLabels:
    """Every word that a report adds to its numbers. The dictionaries are keyed by kind. At most 24 columns each."""

    x_title: str
    z_title: str
    amounts_in: str
    till: str
    cashier: str
    business_date: str
    opened: str
    printed: str
    closed: str
    closed_by: str
    approved: str
    numbers: str
    missing: str
    documents: str
    total: str
    goods: str
    net: str
    taxes: str
    taxable: str
    tax: str
    tenders: str
    rounding: str
    tips: str
    cash_back: str
    charged: str
    voided: str
    drawer: str
    cash_taken: str
    expected: str
    counted: str
    variance: str
    short: str
    over: str
    exact: str
    foreign: str
    carried: str
    difference: str
    document_kinds: dict[str, str]
    line_kinds: dict[str, str]
    discount_kinds: dict[str, str]
    drawer_kinds: dict[str, str]


_ENGLISH = ReportLabels(
    x_title="X REPORT",
    z_title="Z REPORT",
    amounts_in="Amounts in",
    till="Till",
    cashier="Cashier",
    business_date="Business date",
    opened="Opened",
    printed="Printed",
    closed="Closed",
    closed_by="Closed by",
    approved="approved by a manager",
    numbers="Documents",
    missing="Not arrived",
    documents="DOCUMENTS",
    total="Total",
    goods="GOODS",
    net="After discounts",
    taxes="TAXES",
    taxable="Net",
    tax="Tax",
    tenders="TENDERS",
    rounding="Cash rounding",
    tips="Tips",
    cash_back="Cash-back",
    charged="Charged in all",
    voided="VOIDED",
    drawer="DRAWER",
    cash_taken="Taken in sales",
    expected="Expected cash",
    counted="Counted cash",
    variance="Variance",
    short="SHORT",
    over="OVER",
    exact="exact",
    foreign="FOREIGN CASH",
    carried="Baskets left open",
    difference="DOES NOT ADD UP",
    document_kinds={"sale": "Sales", "return": "Returns", "exchange": "Exchanges", "void": "Voids"},
    line_kinds={"sold": "Sold", "returned": "Brought back"},
    discount_kinds={
        "promotion": "Promotions",
        "line_percent": "Discounts on lines, %",
        "line_amount": "Discounts on lines",
        "basket_percent": "Discounts on total, %",
        "basket_amount": "Discounts on total",
    },
    drawer_kinds={"float": "Float", "cash_in": "Cash in", "cash_out": "Cash out", "no_sale": "Opened, no sale"},
)

_POLISH = ReportLabels(
    x_title="RAPORT X",
    z_title="RAPORT Z",
    amounts_in="Kwoty w",
    till="Kasa",
    cashier="Kasjer",
    business_date="Dzień handlowy",
    opened="Otwarcie",
    printed="Wydruk",
    closed="Zamknięcie",
    closed_by="Zamknął(a)",
    approved="za zgodą kierownika",
    numbers="Dokumenty",
    missing="Nie dotarły",
    documents="DOKUMENTY",
    total="Razem",
    goods="TOWARY",
    net="Po rabatach",
    taxes="PODATKI",
    taxable="Netto",
    tax="Podatek",
    tenders="PŁATNOŚCI",
    rounding="Zaokrąglenia gotówki",
    tips="Napiwki",
    cash_back="Wypłaty gotówki",
    charged="Obciążenia razem",
    voided="ANULOWANE",
    drawer="SZUFLADA",
    cash_taken="Ze sprzedaży",
    expected="Gotówka wg raportu",
    counted="Gotówka policzona",
    variance="Różnica",
    short="NIEDOBÓR",
    over="NADWYŻKA",
    exact="zgodnie",
    foreign="WALUTY OBCE",
    carried="Koszyki otwarte",
    difference="NIE ZGADZA SIĘ",
    document_kinds={"sale": "Sprzedaż", "return": "Zwroty", "exchange": "Wymiany", "void": "Anulowania"},
    line_kinds={"sold": "Sprzedane", "returned": "Zwrócone"},
    discount_kinds={
        "promotion": "Promocje",
        "line_percent": "Rabaty na pozycje, %",
        "line_amount": "Rabaty na pozycje",
        "basket_percent": "Rabaty na całość, %",
        "basket_amount": "Rabaty na całość",
    },
    drawer_kinds={
        "float": "Stan początkowy",
        "cash_in": "Wpłaty",
        "cash_out": "Wypłaty",
        "no_sale": "Otwarcia bez sprzedaży",
    },
)

_RUSSIAN = ReportLabels(
    x_title="X-ОТЧЁТ",
    z_title="Z-ОТЧЁТ",
    amounts_in="Суммы в",
    till="Касса",
    cashier="Кассир",
    business_date="Торговый день",
    opened="Открыта",
    printed="Напечатан",
    closed="Закрыта",
    closed_by="Закрыл(а)",
    approved="с разрешения старшего",
    numbers="Документы",
    missing="Не получены",
    documents="ДОКУМЕНТЫ",
    total="Итого",
    goods="ТОВАРЫ",
    net="После скидок",
    taxes="НАЛОГИ",
    taxable="Без налога",
    tax="Налог",
    tenders="ОПЛАТА",
    rounding="Округление наличных",
    tips="Чаевые",
    cash_back="Выдача наличных",
    charged="Списано всего",
    voided="АННУЛИРОВАНО",
    drawer="ДЕНЕЖНЫЙ ЯЩИК",
    cash_taken="Выручка наличными",
    expected="Должно быть наличных",
    counted="Пересчитано наличных",
    variance="Расхождение",
    short="НЕДОСТАЧА",
    over="ИЗЛИШЕК",
    exact="сходится",
    foreign="ИНОСТРАННАЯ ВАЛЮТА",
    carried="Открытых корзин",
    difference="НЕ СХОДИТСЯ",
    document_kinds={"sale": "Продажи", "return": "Возвраты", "exchange": "Обмены", "void": "Аннулирования"},
    line_kinds={"sold": "Продано", "returned": "Возвращено"},
    discount_kinds={
        "promotion": "Акции",
        "line_percent": "Скидки на позиции, %",
        "line_amount": "Скидки на позиции",
        "basket_percent": "Скидки на чек, %",
        "basket_amount": "Скидки на чек",
    },
    drawer_kinds={
        "float": "Размен на начало",
        "cash_in": "Внесения",
        "cash_out": "Изъятия",
        "no_sale": "Открытия без продажи",
    },
)

_MONGOLIAN = ReportLabels(
    x_title="X ТАЙЛАН",
    z_title="Z ТАЙЛАН",
    amounts_in="Дүнгийн валют",
    till="Касс",
    cashier="Кассчин",
    business_date="Ажлын өдөр",
    opened="Нээсэн",
    printed="Хэвлэсэн",
    closed="Хаасан",
    closed_by="Хаасан ажилтан",
    approved="менежерийн зөвшөөрлөөр",
    numbers="Баримт",
    missing="Ирээгүй",
    documents="БАРИМТ",
    total="Нийт",
    goods="БАРАА",
    net="Хөнгөлөлтийн дараа",
    taxes="ТАТВАР",
    taxable="Татваргүй",
    tax="Татвар",
    tenders="ТӨЛБӨР",
    rounding="Бэлэн мөнгөний бүхэлчлэл",
    tips="Цайны мөнгө",
    cash_back="Бэлэн мөнгө олголт",
    charged="Нийт авсан дүн",
    voided="ХҮЧИНГҮЙ БОЛГОСОН",
    drawer="МӨНГӨНИЙ ХАЙРЦАГ",
    cash_taken="Борлуулалтаас",
    expected="Байх ёстой бэлэн",
    counted="Тоолсон бэлэн",
    variance="Зөрүү",
    short="ДУТУУ",
    over="ИЛҮҮ",
    exact="таарсан",
    foreign="ГАДААД ВАЛЮТ",
    carried="Нээлттэй сагс",
    difference="ТААРАХГҮЙ БАЙНА",
    document_kinds={"sale": "Борлуулалт", "return": "Буцаалт", "exchange": "Солилт", "void": "Хүчингүй болголт"},
    line_kinds={"sold": "Зарсан", "returned": "Буцаасан"},
    discount_kinds={
        "promotion": "Урамшуулал",
        "line_percent": "Мөрийн хөнгөлөлт, %",
        "line_amount": "Мөрийн хөнгөлөлт",
        "basket_percent": "Нийт хөнгөлөлт, %",
        "basket_amount": "Нийт хөнгөлөлт",
    },
    drawer_kinds={
        "float": "Эхний үлдэгдэл",
        "cash_in": "Орлого",
        "cash_out": "Зарлага",
        "no_sale": "Борлуулалтгүй нээсэн",
    },
)

_GERMAN = ReportLabels(
    x_title="X-BERICHT",
    z_title="Z-BERICHT",
    amounts_in="Beträge in",
    till="Kasse",
    cashier="Kassierer/in",
    business_date="Geschäftstag",
    opened="Eröffnet",
    printed="Gedruckt",
    closed="Geschlossen",
    closed_by="Geschlossen von",
    approved="von der Leitung genehmigt",
    numbers="Belege",
    missing="Nicht eingetroffen",
    documents="BELEGE",
    total="Summe",
    goods="WAREN",
    net="Nach Rabatten",
    taxes="STEUERN",
    taxable="Netto",
    tax="Steuer",
    tenders="ZAHLUNGEN",
    rounding="Bargeldrundung",
    tips="Trinkgelder",
    cash_back="Bargeldauszahlung",
    charged="Belastet insgesamt",
    voided="STORNIERT",
    drawer="KASSENLADE",
    cash_taken="Aus Verkäufen",
    expected="Bargeld soll",
    counted="Bargeld gezählt",
    variance="Differenz",
    short="FEHLBETRAG",
    over="ÜBERSCHUSS",
    exact="stimmt",
    foreign="FREMDWÄHRUNG",
    carried="Offene Warenkörbe",
    difference="STIMMT NICHT ÜBEREIN",
    document_kinds={"sale": "Verkäufe", "return": "Rückgaben", "exchange": "Umtausche", "void": "Stornos"},
    line_kinds={"sold": "Verkauft", "returned": "Zurückgenommen"},
    discount_kinds={
        "promotion": "Aktionen",
        "line_percent": "Positionsrabatte, %",
        "line_amount": "Positionsrabatte",
        "basket_percent": "Gesamtrabatte, %",
        "basket_amount": "Gesamtrabatte",
    },
    drawer_kinds={"float": "Wechselgeld", "cash_in": "Einlagen", "cash_out": "Entnahmen", "no_sale": "Ohne Verkauf"},
)

_CHINESE = ReportLabels(
    x_title="X 报表",
    z_title="Z 报表",
    amounts_in="金额单位",
    till="收银台",
    cashier="收银员",
    business_date="营业日期",
    opened="开班时间",
    printed="打印时间",
    closed="交班时间",
    closed_by="交班人",
    approved="经理已批准",
    numbers="单据号",
    missing="未到单据",
    documents="单据",
    total="合计",
    goods="商品",
    net="优惠后金额",
    taxes="税",
    taxable="不含税",
    tax="税额",
    tenders="收款",
    rounding="现金舍入",
    tips="小费",
    cash_back="取现",
    charged="扣款总额",
    voided="作废",
    drawer="钱箱",
    cash_taken="销售现金",
    expected="应有现金",
    counted="实点现金",
    variance="差额",
    short="短款",
    over="长款",
    exact="相符",
    foreign="外币现金",
    carried="未结账的购物篮",
    difference="账目不符",
    document_kinds={"sale": "销售", "return": "退货", "exchange": "换货", "void": "作废"},
    line_kinds={"sold": "售出", "returned": "退回"},
    discount_kinds={
        "promotion": "促销",
        "line_percent": "单品折扣 %",
        "line_amount": "单品折扣",
        "basket_percent": "整单折扣 %",
        "basket_amount": "整单折扣",
    },
    drawer_kinds={"float": "备用金", "cash_in": "存入现金", "cash_out": "取出现金", "no_sale": "无销售开箱"},
)

REPORT_LABELS: dict[Language, ReportLabels] = {
    "en": _ENGLISH,
    "pl": _POLISH,
    "ru": _RUSSIAN,
    "mn": _MONGOLIAN,
    "de": _GERMAN,
    "zh": _CHINESE,
}
