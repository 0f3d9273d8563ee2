"""What people call places that no gazetteer lists: parts of states, nicknames, and English names of foreign parts.

Facts of common knowledge. A deployment adds its own as `aliases` in regions.yaml, and those win.
"""

from __future__ import annotations

from collections.abc import Iterator

_NICKNAMES = """
US-CA: SoCal, So Cal, NorCal, Nor Cal, Bay Area, SF Bay Area, Silicon Valley, East Bay, Inland Empire, Central Coast CA,
    Orange County CA, LA, SF, Cali, Califas, San Fran, SFO, Frisco CA, Hollywood CA
US-NY: NYC, NY City, Upstate New York, Hudson Valley, Lower East Side, Upper West Side, Upper East Side, The Big Apple
US-NJ: Jersey Shore, NNJ, North Jersey, South Jersey, Central Jersey
US-PA: Philly, Lehigh Valley, PGH
US-MA: Cape Cod, Mass, Beantown
US-LA: NOLA
US-NV: Vegas, Las Vegas Strip
US-TX: ATX, HTX, H Town, Rio Grande Valley, Hill Country TX
US-FL: SoFlo, South Beach, Tampa Bay, FLA
US-AL: Bama
US-MI: Upper Peninsula, Motown
US-IL: Chitown, Chi Town, Chicagoland
US-MN: Twin Cities
US-OR: PDX
US-HI: Oahu, Maui
US-CT: Conn
US-TN: East Nashville, West Nashville
US-WA: Puget Sound
US-DC: Washington DC, DC
US: Pacific Northwest, PNW, Midwest, New England, Deep South, DMV
CA-BC: Lower Mainland, Vancouver Island, Okanagan
CA-ON: GTA Toronto, The 6ix, Greater Toronto Area
CA: Maritimes, Prairies
CA-NT: NWT
GB-ENG: LDN, Yorkshire, West Yorkshire, South Yorkshire, Midlands, West Midlands, East Midlands, East Anglia,
    Cheshire, Lincs, Notts, Lancs, Northants, Berks, Bucks, Herts, Hants, Wilts, Cumberland, Middlesex,
    Merseyside, Tyneside,
    Teesside, Wearside, Sussex, West Country, Home Counties, Cotswolds, Lake District,
    Greater Manchester,
    Peak District, Black Country, Isle of Wight, Northumbria,
    North West England, North East England, South West England, South East England
GB-SCT: Lothians, Scottish Highlands, Outer Hebrides, Shetland, Orkney
GB-WLS: Cymru, Gower
GB-NIR: Norn Iron, N Ireland, County Antrim, Co Antrim, County Down, Co Down, County Tyrone, Co Tyrone, County Derry,
    County Armagh, Co Armagh, Co Derry, County Fermanagh
GB: British Isles, Blighty
DE-BY: Bavaria
DE-SN: Saxony
DE-HE: Hesse
DE-NW: North Rhine Westphalia, NRW
DE-NI: Lower Saxony
DE-TH: Thuringia
FR-BRE: Brittany
FR-NOR: Normandy
FR-20R: Corsica
FR-PAC: Provence
ES-CT: Catalonia, Cataluña
ES-AN: Andalusia
ES-PV: Basque Country, Euskadi
ES-CN: Canary Islands, Tenerife, Gran Canaria, Lanzarote
ES-IB: Balearic Islands, Mallorca, Ibiza
ES-MD: Comunidad de Madrid
IT-52: Tuscany
IT-82: Sicily
IT-88: Sardinia
IT-25: Lombardy
IT-21: Piedmont
IT-75: Apulia
MX-CMX: CDMX, Mexico DF, México D F
MX-MEX: Edomex
IN-MH: Bombay
IN-KA: Bangalore
IN-DL: New Delhi, NCR Delhi
ZA-GP: Jozi, Joburg
ZA-KZN: KZN
ZA: Afrika Borwa, Mzansi
AE: UAE, U A E
NG: Naija
NG-LA: Lasgidi, Las Gidi
CD: DR Congo, DRC, RD Congo
NZ: Aotearoa
PH: Pinas
"""

_STATES = """
US-AL: Ala; US-AZ: Ariz; US-AR: Ark; US-CA: Calif, Cal; US-CO: Colo; US-CT: Conn; US-DE: Del; US-FL: Fla; US-IL: Ill;
US-IN: Ind; US-KS: Kan, Kans; US-KY: Ky; US-LA: La; US-ME: Me; US-MD: Md; US-MA: Mass; US-MI: Mich; US-MN: Minn;
US-MS: Miss; US-MO: Mo; US-MT: Mont; US-NE: Neb, Nebr; US-NV: Nev; US-NM: N Mex; US-OK: Okla; US-OR: Ore;
US-PA: Penn, Penna;
US-TN: Tenn; US-TX: Tex; US-VT: Vt; US-VA: Va; US-WA: Wash; US-WV: W Va; US-WI: Wis, Wisc; US-WY: Wyo; CA-ON: Ont;
CA-QC: Que; CA-SK: Sask; CA-AB: Alta; CA-MB: Man; CA-NL: Nfld; CA-BC: B C; GB-SCT: Scot; GB-NIR: N I; AU-QLD: Qld;
AU-VIC: Vic; AU-TAS: Tas
"""

EXONYM_LANGUAGES = ("es", "fr", "de", "it", "pt", "nl", "sv", "da", "nb", "fi", "pl", "cs", "hu", "ro", "el", "ru",
                    "uk", "tr", "ar", "fa", "he", "hi", "bn", "ta", "ur", "th", "vi", "id", "ja", "ko", "zh", "zh_Hant")
"""Languages whose names of countries are known (Unicode CLDR, through babel)."""


def nicknames() -> Iterator[tuple[str, str]]:
    """(name, ISO code) of each nickname."""
    yield from _pairs(line.partition(":") for line in _NICKNAMES.replace("\n    ", " ").strip().splitlines())


def abbreviations() -> Iterator[tuple[str, str]]:
    """(abbreviation, ISO code) of states as newspapers write them; they count after a name or a comma only."""
    yield from _pairs(one.strip().partition(":") for one in _STATES.replace("\n", " ").split(";"))


def _pairs(entries: Iterator[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    for code, _, names in entries:
        for name in names.split(","):
            yield name.strip(), code
