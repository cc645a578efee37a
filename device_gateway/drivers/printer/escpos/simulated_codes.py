"""Bar codes as the simulated printer draws them: the patterns of EAN-13 (ISO/IEC 15420) and Code 128 (15417)."""

from __future__ import annotations

# The widths of bars and spaces of a digit of EAN, set A; set B is it read backwards, set C its complement.
_EAN_WIDTHS = ("3211", "2221", "2122", "1411", "1132", "1231", "1114", "1312", "1213", "3112")
# The sets of the six digits on the left, by the first digit, which has no bars of its own.
_EAN_LEFT_SETS = (
    "AAAAAA",
    "AABABB",
    "AABBAB",
    "AABBBA",
    "ABAABB",
    "ABBAAB",
    "ABBBAA",
    "ABABAB",
    "ABABBA",
    "ABBABA",
)
# Widths of three bars and three spaces for each of the 103 symbols and the three starts of Code 128.
_CODE128 = [
    "212222",
    "222122",
    "222221",
    "121223",
    "121322",
    "131222",
    "122213",
    "122312",
    "132212",
    "221213",
    "221312",
    "231212",
    "112232",
    "122132",
    "122231",
    "113222",
    "123122",
    "123221",
    "223211",
    "221132",
    "221231",
    "213212",
    "223112",
    "312131",
    "311222",
    "321122",
    "321221",
    "312212",
    "322112",
    "322211",
    "212123",
    "212321",
    "232121",
    "111323",
    "131123",
    "131321",
    "112313",
    "132113",
    "132311",
    "211313",
    "231113",
    "231311",
    "112133",
    "112331",
    "132131",
    "113123",
    "113321",
    "133121",
    "313121",
    "211331",
    "231131",
    "213113",
    "213311",
    "213131",
    "311123",
    "311321",
    "331121",
    "312113",
    "312311",
    "332111",
    "314111",
    "221411",
    "431111",
    "111224",
    "111422",
    "121124",
    "121421",
    "141122",
    "141221",
    "112214",
    "112412",
    "122114",
    "122411",
    "142112",
    "142211",
    "241211",
    "221114",
    "413111",
    "241112",
    "134111",
    "111242",
    "121142",
    "121241",
    "114212",
    "124112",
    "124211",
    "411212",
    "421112",
    "421211",
    "212141",
    "214121",
    "412121",
    "111143",
    "111341",
    "131141",
    "114113",
    "114311",
    "411113",
    "411311",
    "113141",
    "114131",
    "311141",
    "411131",
    "211412",
    "211214",
    "211232",
]
_CODE128_STOP = "2331112"
_CODE128_SETS = {ord("A"): 103, ord("B"): 104, ord("C"): 105}
_SHIFTS = {103: {ord("B"): 100, ord("C"): 99}, 104: {ord("A"): 101, ord("C"): 99}, 105: {ord("A"): 101, ord("B"): 100}}


def _drawn(widths: str, first_is_dark: bool) -> str:
    return "".join(("1" if (at % 2 == 0) == first_is_dark else "0") * int(width) for at, width in enumerate(widths))


def ean13_modules(digits: str) -> str:
    """The 95 modules of an EAN-13, `1` for dark. Raises ValueError for what a printer would refuse."""
    if len(digits) not in (12, 13) or not digits.isdecimal():
        raise ValueError(f"{digits!r} is no EAN-13")
    weighted = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(digits[:12]))
    digits = digits[:12] + str(-weighted % 10)
    left = "".join(
        _drawn(_EAN_WIDTHS[int(digit)] if of == "A" else _EAN_WIDTHS[int(digit)][::-1], first_is_dark=False)
        for digit, of in zip(digits[1:7], _EAN_LEFT_SETS[int(digits[0])], strict=True)
    )
    right = "".join(_drawn(_EAN_WIDTHS[int(digit)], first_is_dark=True) for digit in digits[7:])
    return f"101{left}01010{right}101"


def code128_modules(content: bytes) -> tuple[str, str]:
    """The modules of a Code 128 as GS k takes it ({A, {B, {C choose a set, {{ is a brace), and the text below it.

    Raises ValueError for what a printer would refuse.
    """
    if len(content) < 2 or content[0] != ord("{") or content[1] not in _CODE128_SETS:
        raise ValueError("Code 128 must begin with a code set")
    code_set = _CODE128_SETS[content[1]]
    values, text, at = [code_set], "", 2
    while at < len(content):
        byte = content[at]
        if byte == ord("{") and code_set != 105:
            at += 1
            following = content[at] if at < len(content) else 0
            if following in _SHIFTS[code_set]:
                values.append(_SHIFTS[code_set][following])
                code_set = _CODE128_SETS[following]
                at += 1
                continue
            if following != ord("{"):
                raise ValueError("an unknown code in Code 128")
        values.append(byte if code_set == 105 else byte - 32 if byte >= 32 else byte + 64)
        if not 0 <= values[-1] <= 102:
            raise ValueError("a character that Code 128 has not")
        text += f"{byte:02}" if code_set == 105 else chr(byte)
        at += 1
    check = (values[0] + sum(place * value for place, value in enumerate(values[1:], 1))) % 103
    return "".join(_drawn(_CODE128[value], True) for value in [*values, check]) + _drawn(_CODE128_STOP, True), text
