"""Words that tell what a name beside them is: sets, each with what it is for. All folded."""

from __future__ import annotations

from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PARTS = _words("""
    upstate downstate northern southern eastern western central north south east west northeast northwest southeast
    southwest northeastern northwestern southeastern southwestern mid upper lower interior coastal rural outback
    nw ne sw se n s e w norte sur nord sud
""")
"""Words before a name that speak of a part of it ("upstate NY", "northern Alberta", "NW England")."""

_SAME = (("north", "northern", "n"), ("south", "southern", "s"), ("east", "eastern", "e"), ("west", "western", "w"),
         ("northeast", "northeastern", "ne", "north east", "north eastern"),
         ("northwest", "northwestern", "nw", "north west", "north western"),
         ("southeast", "southeastern", "se", "south east", "south eastern"),
         ("southwest", "southwestern", "sw", "south west", "south western"))
SAME: Mapping[str, tuple[str, ...]] = {word: words for words in _SAME for word in words}
"""How else a part may be written in a deployment's aliases."""

PREPOSITIONS = _words("""
    in at near from around across outside throughout downtown upper lower greater south north east west
    en desde cerca hacia a dans chez vers aus bei um
""")
"""Words before a name that make a place of it, in the languages of the example vocabulary."""

NOT_AFTER = _words("little not")
"""Words before a name that make something else of it ("Little Italy", "not Chicago")."""

CONTINENTS = frozenset(f"{part} america" for part in ("central", "south", "latin", "north"))
"""What is not the country its last word names."""

AROUND = PARTS | _words("""
    the of in from near outside downtown greater metro city county co area region state province district town village
    suburb suburbs island coast valley beach hills side surrounds and via or based born raised live living lives now
    currently by way to sunny rainy republic kingdom de la el du des en y et und aus somewhere just around originally
    home i im am here baby native girl boy proud usually mostly almost but really x
""")
"""Words that may stand beside a name in a field that holds nothing but a place. None of them alone is one."""

BETWEEN = AROUND - _words("and or via to from y et und x but i im am la el de")
"""Words that may stand between a place and what it lies in ("Camden County, Georgia")."""

GENERIC = AROUND | _words("""
    university college national studio time garden park center centre school church hospital asia street road house
    world planet earth mercury venus mars jupiter saturn uranus neptune pluto moon sun heaven hell paradise eden utopia
    atlantis
""")
"""Words of which no name of a place is made alone, though some town is called so ("Time", "University", "Neptune")."""

DIRECTIONS = _words("""
    central western northern southern eastern north south east west centre center nord sud est ouest northeast northwest
    southeast southwest upper lower union capital littoral plateaux islands coast border plateau rivers delta niger edo
    imo oyo ha unity national metropolitan federal
""")
"""Names of parts of countries that are words first: they count only with their country beside them."""

WORDLIKE = _words("in or me hi ok oh de la al id ma pa co as")
"""Letters of states that are words: in small letters they need a comma before them, in texts all in capitals too."""

NO_CODES = _words("no it so me my to am as at be by do is us in or hi ok id ai tv ye ma pa la de al an ms")
"""Countries' letters that are more often words, or a state's."""

SMALL_LETTERS = _words("usa uk uae nyc ldn atx pdx drc")
"""Names of two or three letters that are no words: they count in small letters too, in a field."""

CODE_AFTER = PREPOSITIONS | _words("zip zipcode code postcode postal plz cp area postleitzahl")
"""Words after which five digits in a running text are a postcode."""

NAME_GOES_ON = _words("on upon by in le la sur am an under")
"""Words behind a hyphen that make a piece of a longer name of what stands before ("Leigh-on-Sea")."""
