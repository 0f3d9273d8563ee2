"""Postcodes → the first-level region they lie in.

The tables are facts, written down from what the posts publish: the United States' three-digit ZIP prefixes by state,
the letters Canadian codes begin with by province, the 124 postcode areas of the United Kingdom by the region most of
each lies in (checked against a CC0 list of outward codes: where an area spans two, the one with most codes), the
two-digit zones of German codes that lie in one Land, and French departments by region.

What five digits mean depends on the country: without one they are a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

_ZIP = """
005 NY;006-007 PR;008 VI;009 PR;010-027 MA;028-029 RI;030-038 NH;039-049 ME;050-054 VT;055 MA;056-059 VT;060-069 CT;
070-089 NJ;100-149 NY;150-196 PA;197-199 DE;200 DC;201 VA;202-205 DC;206-219 MD;220-246 VA;247-268 WV;270-289 NC;
290-299 SC;300-319 GA;320-339 FL;341-342 FL;344 FL;346-347 FL;349 FL;350-352 AL;354-369 AL;370-385 TN;386-397 MS;
398-399 GA;400-427 KY;430-459 OH;460-479 IN;480-499 MI;500-528 IA;530-532 WI;534-535 WI;537-549 WI;550-551 MN;
553-567 MN;569 DC;570-577 SD;580-588 ND;590-599 MT;600-620 IL;622-629 IL;630-631 MO;633-641 MO;644-658 MO;660-662 KS;
664-679 KS;680-681 NE;683-693 NE;700-701 LA;703-708 LA;710-714 LA;716-729 AR;730-731 OK;733 TX;734-741 OK;743-749 OK;
750-770 TX;772-799 TX;800-816 CO;820-831 WY;832-838 ID;840-847 UT;850-853 AZ;855-857 AZ;859-860 AZ;863-865 AZ;
870-871 NM;873-884 NM;885 TX;889-891 NV;893-895 NV;897-898 NV;900-908 CA;910-928 CA;930-961 CA;967-968 HI;969 GU;
970-979 OR;980-986 WA;988-994 WA;995-999 AK
"""

_CANADA = {"A": "NL", "B": "NS", "C": "PE", "E": "NB", "G": "QC", "H": "QC", "J": "QC", "K": "ON", "L": "ON", "M": "ON",
           "N": "ON", "P": "ON", "R": "MB", "S": "SK", "T": "AB", "V": "BC", "X": "NT", "Y": "YT"}
_NUNAVUT = ("X0A", "X0B", "X0C")

_UNITED_KINGDOM = {
    "GB-ENG": {
        "East Midlands": "DE LE NG NN",
        "East of England": "AL CB CM CO IP LU NR PE SG SS WD",
        "London": "BR CR DA E EC EN HA IG N NW RM SE SM SW TW UB W WC",
        "North East England": "DH DL NE SR TS",
        "North West England": "BB BL CA CH CW FY L LA M OL PR SK WA WN",
        "South East England": "BN CT GU HP KT ME MK OX PO RG RH SL SO TN",
        "South West England": "BA BH BS DT EX GL PL SN SP TA TQ TR",
        "West Midlands": "B CV DY HR ST SY TF WR WS WV",
        "Yorkshire and the Humber": "BD DN HD HG HU HX LN LS S WF YO",
    },
    "GB-SCT": {"": "AB DD DG EH FK G HS IV KA KW KY ML PA PH TD ZE"},
    "GB-WLS": {"": "CF LD LL NP SA"},
    "GB-NIR": {"": "BT"},
    "GG": {"": "GY"}, "JE": {"": "JE"}, "IM": {"": "IM"},
}

_GERMANY = {
    "SN": "01 02 04 08 09", "BB": "03 15 16 144 145 146 147 148 149", "ST": "06 39", "TH": "07 98 99",
    "BE": "10 12 13 140 141", "MV": "17 18 19", "HH": "20 22", "SH": "23 24 25", "NI": "26 27 29 30 31 38", "HB": "28",
    "NW": "32 33 40 41 42 44 45 46 47 48 50 51 52 53 57 58 59", "HE": "34 35 60 61 64 65", "RP": "54 55 56 67",
    "SL": "66", "BW": "68 69 70 71 72 73 74 75 76 77 78 79 88", "BY": "80 81 82 83 84 85 86 87 90 91 92 93 94 95 96 97"}

_FRANCE = {
    "ARA": "01 03 07 15 26 38 42 43 63 69 73 74", "BFC": "21 25 39 58 70 71 89 90", "BRE": "22 29 35 56",
    "CVL": "18 28 36 37 41 45", "20R": "20", "GES": "08 10 51 52 54 55 57 67 68 88", "HDF": "02 59 60 62 80",
    "IDF": "75 77 78 91 92 93 94 95", "NOR": "14 27 50 61 76", "NAQ": "16 17 19 23 24 33 40 47 64 79 86 87",
    "OCC": "09 11 12 30 31 32 34 46 48 65 66 81 82", "PDL": "44 49 53 72 85", "PAC": "04 05 06 13 83 84"}

_OUTWARD = re.compile(r"([A-Z]{1,2})[0-9][0-9A-Z]?")
_INWARD = re.compile(r"[0-9][ABD-HJLNP-UW-Z]{2}")
_BOTH = re.compile(r"([A-Z]{1,2}[0-9][0-9A-Z]?)([0-9][ABD-HJLNP-UW-Z]{2})")
_FORWARD = re.compile(r"[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z]")
_LOCAL = re.compile(r"[0-9][ABCEGHJ-NPRSTV-Z][0-9]")
_WHOLE = re.compile(r"([ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z])([0-9][ABCEGHJ-NPRSTV-Z][0-9])")

DIGITS = ("US", "DE", "FR")
"""Countries whose five digits are known here."""


@dataclass(frozen=True, slots=True)
class Postcode:
    """A code read: `codes` its spellings, most specific first ("BT7 1AA", "BT7", "BT"); `region` (ISO 3166-2) and
    `part` ("North West England", "" for none) where it lies; `words` of the text it takes; `whole` where nothing else
    is written like it."""

    country: str
    codes: tuple[str, ...]
    region: str
    part: str
    words: int
    whole: bool


@cache
def _zip_prefixes() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for line in _ZIP.replace("\n", "").split(";"):
        prefixes, state = line.split()
        first, _, last = prefixes.partition("-")
        for number in range(int(first), int(last or first) + 1):
            found[f"{number:03}"] = state if state in ("PR", "VI", "GU") else f"US-{state}"
    return found


@cache
def _areas() -> Mapping[str, tuple[str, str]]:
    return {area: (region, part) for region, parts in _UNITED_KINGDOM.items() for part, areas in parts.items()
            for area in areas.split()}


@cache
def _zones(country: str) -> Mapping[str, str]:
    table = {"DE": _GERMANY, "FR": _FRANCE}[country]
    return {prefix: f"{country}-{part}" for part, prefixes in table.items() for prefix in prefixes.split()}


def lettered(first: str, second: str) -> Iterator[Postcode]:
    """Codes with letters that begin with the word `first`: "BT7", "SW1A" "1AA", "SW1A1AA", "K1A" "0B1", "K1A". A
    Canadian and a British reading may both stand ("K1A" alone is no British one: K is no area)."""
    one, two = first.upper(), second.upper()
    if len(one) > 7 or not any(c.isdigit() for c in one):
        return
    yield from _british(one, two)
    yield from _canadian(one, two)


def _british(one: str, two: str) -> Iterator[Postcode]:
    joined = _BOTH.fullmatch(one)
    outward, inward, words = (joined[1], joined[2], 1) if joined else (one, two, 2)
    match = _OUTWARD.fullmatch(outward)
    area = _areas().get(match[1]) if match else None
    if match is None or area is None:
        return
    whole = bool(_INWARD.fullmatch(inward))
    codes = (f"{outward} {inward}", outward, match[1]) if whole else (outward, match[1])
    yield Postcode("GB", codes, *area, words if whole else 1, whole)


def _canadian(one: str, two: str) -> Iterator[Postcode]:
    joined = _WHOLE.fullmatch(one)
    forward, local, words = (joined[1], joined[2], 1) if joined else (one, two, 2)
    if not _FORWARD.fullmatch(forward):
        return
    whole = bool(_LOCAL.fullmatch(local))
    province = "NU" if forward in _NUNAVUT else _CANADA[forward[0]]
    codes = (f"{forward} {local}", forward) if whole else (forward,)
    yield Postcode("CA", codes, f"CA-{province}", "", words if whole else 1, whole)


def five_digits(word: str, country: str) -> Postcode | None:
    """What five digits are in a country; None where it has no such code."""
    if len(word) != 5 or not word.isascii() or not word.isdigit():
        return None
    if country == "US":
        region = _zip_prefixes().get(word[:3])
        return Postcode("US", (word, word[:3]), region, "", 1, False) if region else None
    zones = _zones(country)
    region = zones.get(word[:3]) or zones.get(word[:2])
    codes = (word, f"{country}-{word[:2]}") if country == "FR" else (word, word[:2])
    return Postcode(country, codes, region, "", 1, False) if region else None
