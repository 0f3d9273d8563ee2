"""What must not even be offered to staff as advice: whoever wants customers to call, click, pay or tell secrets writes
like somebody who helps."""

from __future__ import annotations

import re

from ..copies import word_list
from ..words import TEXT_MOST, split

_LINK = re.compile(r"https?:|www\.|\b[\w-]{2,60}\.(?:com|net|org|info|io|co|ly|me|app|site|online|xyz|shop|top|link"
                   r"|ru|cn|biz|club|live|help|support|es|fr|de|uk)\b", re.IGNORECASE)
_TELEPHONE = re.compile(r"(?<![\w.])\+?\(?\d(?:[\s().\-/]{0,2}\d){6,14}(?![\w.])")
_PREMIUM = re.compile(r"\b0?900[\s\-]?[\dA-Z]{3,}", re.IGNORECASE)
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.\w")
RESOLVERS = frozenset({"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "149.112.112.112", "208.67.222.222",
                       "208.67.220.220"})
"""Public DNS servers of Google, Cloudflare, Quad9 and OpenDNS; any other address may be a trap."""
_WORDS = word_list("""
    password passwort contraseña contrasena pin cvv whatsapp telegram bitcoin crypto giveaway gift prize promo
    discount coupon referral invite subscribe followers investment refund reimbursement remboursement reembolso
    teamviewer anydesk iban""")
_PHRASES = ("dm me", "dm us", "inbox me", "message me", "pm me", "text me", "call me", "contact me", "call this number",
            "call now", "sign up", "use my code", "use code", "link in bio", "credit card", "debit card",
            "your account",
            "bank details", "send your", "follow me", "escríbeme", "mándame", "llama al", "contactez moi",
            "écrivez moi",
            "appelez le", "schreib mir", "ruf an", "rufen sie", "meine nummer")


def why_not(text: str) -> str:
    """Why a post's advice is not to be offered, in words; "" where nothing speaks against it."""
    shown = text[:TEXT_MOST]
    if any(address not in RESOLVERS for address in _ADDRESS.findall(shown)):
        return "sends customers to an address nobody knows"
    plain = _ADDRESS.sub(" ", shown)
    if _MAIL.search(plain) or _LINK.search(plain):
        return "wants customers to follow a link"
    if _TELEPHONE.search(plain) or _PREMIUM.search(plain):
        return "wants customers to call a number"
    words = [word.folded for word in split(plain)]
    if not _SECRETS.isdisjoint(words):
        return "asks for secrets or money, or advertises"
    spoken = f" {' '.join(words)} "
    return "wants customers to write to somebody" if any(phrase in spoken for phrase in _SPOKEN) else ""


_SECRETS = frozenset(word.folded for one in _WORDS for word in split(one))
_SPOKEN = tuple(f" {' '.join(word.folded for word in split(phrase))} " for phrase in _PHRASES)
