"""Short words that stand for a place by agreement: a state's letters, a country's, postcodes, hashtags, airports."""

from __future__ import annotations

import re

from ..gazetteer import OWN, Candidate
from .lexicon import Hit, Lexicon
from .postcodes import DIGITS, Postcode, five_digits, lettered
from .spelling import BREAK, Words
from .wordsets import CODE_AFTER, NO_CODES, PARTS, PREPOSITIONS, WORDLIKE

JOINED_LEAST = 7
"""Letters of the shortest name of several words that counts run together without a hash sign ("sanjose")."""
CODE = re.compile(r"[A-Za-z]{1,2}[0-9][0-9A-Za-z]?(?:[0-9][A-Za-z]{2})?|[A-Za-z][0-9][A-Za-z](?:[0-9][A-Za-z][0-9])?"
                  r"|[0-9]{5}")
"""What may be a postcode, or the first half of one."""
_WEATHER = re.compile(r"([a-z]{2})(?:wx|storm)")


def letters_at(lexicon: Lexicon, words: Words, at: int, running: bool, before: Hit | None) -> Hit | None:
    """A state's or country's letters, or a state's abbreviation."""
    return (_abbreviated(lexicon, words, at, running, before) or _state(lexicon, words, at, running, before)
            or _country(lexicon, words, at, running, before))


def _abbreviated(lexicon: Lexicon, words: Words, at: int, running: bool, before: Hit | None) -> Hit | None:
    """"Ancaster, ont": after a name or a comma."""
    regions = lexicon.abbreviations.get(words.folded[at])
    if regions is None or not (before is not None or "," in words.gaps[at]):
        return None
    if running and words.written[at] not in lexicon.capitals:
        return None
    return Hit(at, at + 1, words.folded[at], _own(regions), letters=True)


def _state(lexicon: Lexicon, words: Words, at: int, running: bool, before: Hit | None) -> Hit | None:
    """A state's letters: after a name or a comma; in capitals also alone, or after "in"."""
    word, written = words.folded[at], words.written[at]
    regions = lexicon.letters.get(written.upper())
    last, comma = at + 1 == len(words), "," in words.gaps[at]
    if not regions or (word in PARTS and not last and words.folded[at + 1] in lexicon.names.longest):
        return None
    if not running and _small_letters_count(words, at, before):
        return Hit(at, at + 1, word, _own(regions), letters=True)
    if written.upper() != written or (running and not comma and word in WORDLIKE and words.text.isupper()):
        return None
    if before is None and not _capitals_count(words, at, running):
        return None
    also = tuple(one for one in lexicon.names[word] if one.people == OWN and one.region not in regions)
    return Hit(at, at + 1, word, _own(regions) + (also if before is None else ()), letters=True)


def _small_letters_count(words: Words, at: int, before: Hit | None) -> bool:
    """Whether two letters in a field need no capitals: after a comma at the end of a stretch, after a name, after a
    word for a part ("NW Ga"), behind a capital word that no gazetteer knows ("Northern Neck Va")."""
    ends = at + 1 == len(words) or BREAK.search(words.gaps[at + 1]) is not None or "," in words.gaps[at + 1]
    if "," in words.gaps[at] and ends:
        return True
    if words.folded[at] in WORDLIKE:
        return False
    previous = words.written[at - 1] if at else ""
    return (before is not None or (at > 0 and words.folded[at - 1] in PARTS)
            or (ends and previous[:1].isupper() and words.written[at][0].isupper()))


def _capitals_count(words: Words, at: int, running: bool) -> bool:
    """Whether two letters in capitals are a state's."""
    previous = words.folded[at - 1] if at else ""
    if (previous in PREPOSITIONS or previous in PARTS) if running else len(words) <= 2:
        return True
    ends = "," in words.gaps[at] or at + 1 == len(words) or words.written[at + 1].isdigit()
    unknown_town = at > 0 and words.written[at - 1][0].isupper() and len(words.written[at - 1]) > 2
    return ends and (unknown_town or not running)


def _country(lexicon: Lexicon, words: Words, at: int, running: bool, before: Hit | None) -> Hit | None:
    """A country's ISO letters in capitals, right after a place in it ("Trollhättan, SE"), or in a field of nothing but
    codes ("GR | ES | FR")."""
    written = words.written[at]
    country = lexicon.names.iso(written) if len(written) <= 3 and written.isupper() else None
    if country is None:
        return None
    if before is not None:
        fits = any(lexicon.names.country(one.region) == country for one in before.candidates)
    else:
        fits = (not running and written not in lexicon.letters and words.folded[at] not in NO_CODES
                and max(map(len, words.folded)) <= 3)
    return Hit(at, at + 1, words.folded[at], _own((country,)), letters=True) if fits else None


def tag_at(lexicon: Lexicon, words: Words, at: int) -> Hit | None:
    """Hashtags: names run together ("#newyork"), weather tags ("#vtwx", as the United States' National Weather Service
    asks for reports, "#onstorm" of Environment Canada), and airports as Canadians write them ("#yyc")."""
    word, tagged = words.folded[at], at in words.tags
    name = lexicon.joined.get(word) if tagged or len(word) >= JOINED_LEAST else None
    if name is not None and (candidates := lexicon.names[name]):
        return Hit(at, at + 1, name, candidates)
    if tagged and (match := _WEATHER.fullmatch(word)):
        regions = [one for one in lexicon.letters.get(match[1].upper(), ()) if not one.startswith("AU")]
        return Hit(at, at + 1, word, _own(regions)) if regions else None
    if len(word) == 3 and word[0] == "y" and (tagged or words.written[at].isupper()):
        city = lexicon.names.airport(word.upper())
        return Hit(at, at + 1, word, (city,)) if city is not None and city.region.startswith("CA") else None
    return None


def airport(lexicon: Lexicon, words: Words, at: int) -> Hit | None:
    """The letters of a large city's airport, in capitals."""
    written = words.written[at]
    if len(written) != 3 or not written.isupper():
        return None
    city = lexicon.names.airport(written)
    return Hit(at, at + 1, words.folded[at], (city,), airport=True) if city is not None else None


def code_at(lexicon: Lexicon, words: Words, at: int, running: bool, before: Hit | None) -> Hit | None:
    """A postcode: one of the deployment's own, a whole British or Canadian one, the first half of one in the
    territory's country, five digits."""
    word = words.folded[at]
    own = lexicon.names[word]
    if own and own[0].people == OWN:
        return Hit(at, at + 1, word, own, code=True)
    if word.isdigit():
        return _digits(lexicon, words, at, running, before)
    following = words.folded[at + 1] if at + 1 < len(words) and words.gaps[at + 1] in (" ", "") else ""
    for code in lettered(word, following):
        if code.whole or (code.country in lexicon.countries and words.written[at].isupper()):
            return _coded(lexicon, at, code)
    return None


def _digits(lexicon: Lexicon, words: Words, at: int, running: bool, before: Hit | None) -> Hit | None:
    """Five digits are a code right behind a place in its country, or where the territory holds the code and nothing
    says that they count something."""
    for country in DIGITS:
        code = five_digits(words.folded[at], country)
        beside = before is not None and any(lexicon.names.country(one.region) == country for one in before.candidates)
        if code is None or not (beside or country in lexicon.countries):
            continue
        hit = _coded(lexicon, at, code)
        at_home = hit is not None and hit.candidates[0].region in lexicon.home
        if beside or (at_home and (not running or _reads_as_code(words, at))):
            return hit
    return None


def _reads_as_code(words: Words, at: int) -> bool:
    """Whether five digits in a running text stand like a code, not like a number of something."""
    before = words.folded[at - 1] if at else ""
    ends = at + 1 == len(words) or words.gaps[at + 1].strip() != ""
    money = words.gaps[at] != "" and words.gaps[at][-1] in "$€£#"
    return ends and not money and (before in CODE_AFTER or words.folded[at][0] == "0" or "," in words.gaps[at])


def _coded(lexicon: Lexicon, at: int, code: Postcode) -> Hit | None:
    region = (lexicon.names.own(code.part) if code.part else None) or lexicon.names.at_code(code.codes, code.region)
    if region is None:
        return None
    return Hit(at, at + code.words, code.codes[0], _own((region,)), part=code.part, code=True)


def _own(regions: tuple[str, ...] | list[str]) -> tuple[Candidate, ...]:
    return tuple(Candidate(region, OWN) for region in regions)
