"""The words of advice in English, Spanish, French and German: what can be done, to what, and how people say it worked.

Names on the left are the product's own; phrases are matched word by word without regard to case, accents and
apostrophes.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..copies import word_list

Phrases = tuple[str, ...]


def _phrases(text: str) -> Phrases:
    return tuple(phrase.strip() for phrase in text.replace("\n", ",").split(",") if phrase.strip())


ACTIONS: Mapping[str, Phrases] = {name: _phrases(text) for name, text in {
    "off": """turn off, turned off, turning off, switch off, switched off, switching off, disable, disabled, disabling,
        toggle off, toggled off, apaga, apagar, apagué, apagando, apaguen, desactiva, desactivar, desactivé, desactiven,
        desactivando, quita, quitar, quité, désactivez, désactiver, désactive, désactivé, désactivant, coupez, couper,
        coupé, coupant, éteignez, éteindre, éteint, ausschalten, ausgeschaltet, ausmachen, ausgemacht, abschalten,
        abgeschaltet, deaktivieren, deaktiviert, deaktivier""",
    "on": """turn on, turned on, turning on, switch on, switched on, enable, enabled, enabling, activa, activar, activé,
        activen, enciende, encender, activez, activer, active, allumez, allumer, einschalten, eingeschaltet, aktivieren,
        aktiviert, anmachen""",
    "switch to": """switch to, switched to, switching to, switch it to, switch your phone to, change to, changed to,
        changing to, set to, force, forced, forcing, forcing it to, move to, moved to, go to, lock to, locked to,
        select,
        cambia a, cambiar a, cambié a, cambien a, cambiando a, pon el móvil en, poner en, pasa a, pasar a, pasé a,
        passez en, passer en, passé en, passant en, passez sur, passer sur, mettez en, mettre en, mis en, basculez en,
        basculer en, forcez, forcer, umstellen auf, umgestellt auf, stellt auf, stell auf, wechseln auf, wechsel auf,
        gewechselt auf, wechseln zu, umstellen, umgestellt""",
    "restart": """restart, restarted, restarting, reboot, rebooted, rebooting, reset, resetting, power cycle, power
        cycled,
        power cycling, unplug, unplugged, unplugging, turn off and on, turn it off and on, off and on again, off and on,
        reinicia, reiniciar, reinicié, reinicien, reiniciando, desenchufa, desenchufar, desenchufé, redémarrez,
        redémarrer, redémarré, redémarrant, redémarre, débranchez, débrancher, débranché, neu starten, neustarten,
        neustart,
        neu gestartet, starte, startet, aus und wieder an, vom strom nehmen, vom strom genommen""",
    "use": """use, used, using, try using, usa, usar, usé, usen, usando, utiliza, utilizar, utilizando, utilisez,
        utiliser,
        utilisé, utilisant, utilise, nutzen, nutzt, nutze, benutzen, benutzt, verwenden, verwendet""",
    "toggle": """toggle, toggled, toggling, cycle, cycled, turn on and off""",
    "change": """change, changed, changing, switch, switched, cambia, cambiar, cambié, cambien, changez, changer,
        changé,
        changeant, ändern, geändert, ändert, wechseln, gewechselt""",
    "take out": """take out, took out, taking out, remove, removed, removing, reseat, reseated, reinsert, reinserted,
        saca,
        sacar, saqué, retirez, retirer, retiré, herausnehmen, rausnehmen, rausgenommen""",
    "clear": """clear, cleared, clearing, delete, deleted, borra, borrar, borré, videz, vider, vidé, löschen, gelöscht,
        leeren""",
    "reinstall": """reinstall, reinstalled, reinstalling, reinstala, reinstalar, reinstalé, réinstallez, réinstaller,
        réinstallé, neu installieren, neu installiert""",
    "log in again": """log out and in, log out and back in, logged out and in, logged out and back in, sign out and in,
        cierra sesión, déconnectez, abmelden und wieder anmelden""",
}.items()}
"""What customers do, in the forms they write it in."""

PARTICLES: Mapping[str, Phrases] = {"off": ("off", "aus"), "on": ("on", "ein", "an")}
"""Words that make an action of …"""
TURNS: Phrases = _phrases("""turn, turned, turning, switch, switched, switching, toggle, shut, put, schalte, schaltet,
    schalt,
    mach, macht, stelle""")
"""… one of these before them: "turn your 3G off"; "the power is off" turns nothing."""
WORKS_BY_ITSELF = frozenset({"wifi calling", "website", "landline", "2g", "text messages"})
"""Things of which "it works" says: use it."""

THINGS: Mapping[str, Phrases] = {name: _phrases(text) for name, text in {
    "2g": "2G, Edge, GSM", "3g": "3G, HSPA, UMTS", "5g": "5G, 5G SA",
    "4g": "4G, LTE, 4G only, LTE only, only 4G, solo 4G, nur 4G, nur LTE",
    "volte": "VoLTE",
    "wifi calling": """wifi calling, wi-fi calling, wi fi calling, wifi calls, wlan call, wlan calls, wlan telefonie,
        wlan anrufe, llamadas wifi, llamadas por wifi, appels wifi, appels wi-fi, appel wifi""",
    "wifi": "wifi, wi-fi, wlan, wi fi",
    "router": """router, modem, hub, box, livebox, freebox, fritzbox, gateway, the box, el router, enrutador, módem,
        routeur,
        ONT""",
    "phone": """phone, phones, handset, iphone, mobile, cell, móvil, celular, teléfono, téléphone, portable, handy,
        telefon,
        smartphone""",
    "dns": "DNS, DNS server, DNS servers, servidor DNS, serveur DNS, 8.8.8.8, 1.1.1.1, 9.9.9.9, 8.8.4.4, 1.0.0.1",
    "airplane mode": """airplane mode, aeroplane mode, flight mode, modo avión, mode avion, flugmodus, flugzeugmodus""",
    "network mode": """network mode, preferred network type, network selection, manual network selection, modo de red,
        mode réseau, netzwerkmodus, netzmodus""",
    "apn": "APN", "sim": "sim, sim card, tarjeta sim, carte sim, sim karte, simkarte, esim", "vpn": "VPN",
    "roaming": "roaming, data roaming, national roaming, itinérance, itinerancia",
    "mobile data": """mobile data, cellular data, data, datos, datos móviles, données mobiles, données, mobile daten,
        daten,
        hotspot, tethering, punto de acceso, partage de connexion""",
    "landline": "landline, land line, fijo, teléfono fijo, téléphone fixe, festnetz",
    "app": "app, the app, mobile app, aplicación, la app, application, l'appli, appli",
    "website": """website, web site, site, the web, browser, navegador, página web, la web, sitio web, site web, le
        site,
        navigateur, webseite, website, browserversion""",
    "cache": "cache, cookies, caché", "ipv6": "IPv6",
    "text messages": "texts, text messages, sms, mensajes, whatsapp calls",
    "generator": "generator, generador, groupe électrogène",
    "breaker": "breaker, breakers, fuse box, disyuntor",
}.items()}
"""What they do it to."""

HELPS: Phrases = _phrases("""works, work, working, worked, works again, worked for me, works for me, fixed it, fixes it,
    fixed, that fixed, helps, helped, did the trick, does the trick, sorted it, solved it, got it back, back up, is
    back,
    came back, carries calls, can call again, can make calls, solved, funciona, funcionó, funcionan, me funcionó,
    me funciona, vuelve a funcionar, se arregla, se arregló, lo arregló, solucionado, ayuda, ça marche, marche, ça a
    marché, remarche, fonctionne, ça fonctionne, a fonctionné, résolu, aide, funktioniert, geht, geht wieder, klappt,
    hat geholfen, hilft, läuft, läuft wieder, behoben""")
"""That it helped."""

FAILS: Phrases = _phrases("""didn't work, did not work, doesn't work, does not work, don't work, not working, isn't
    working,
    won't work, didn't help, did not help, doesn't help, does not help, no luck, no joy, no use, still nothing, still
    no,
    still not, still dead, still down, made no difference, makes no difference, no difference, to no avail, nothing
    helps,
    no funciona, no me funciona, no funcionó, no me funcionó, no sirve, no sirvió, no ayuda, sigue sin, sigo sin,
    nada, ne marche pas, ça marche pas, marche pas, n'a pas marché, pas marché, toujours rien, toujours pas, ne change
    rien,
    ça change rien, fonctionne pas, hilft nicht, hilft nichts, half nicht, bringt nichts, hat nichts gebracht, nicht
    geholfen, funktioniert nicht, geht nicht, geht trotzdem nicht, klappt nicht, immer noch nichts, immer noch nicht,
    immer noch kein""")
"""That it did not."""

TELLS: Phrases = _phrases("""tip, pro tip, workaround, work around, solution, hint, fyi, psa, try, if you, you can,
    truco, solución, consejo, prueba, prueben, probad, astuce, solution, conseil, essayez, essaye, il faut, suffit de,
    tipp, lösung, versucht mal, versuch mal, probiert, wenn ihr, einfach, müsst""")
"""That advice follows."""

NOT_ADVICE = word_list("""
    dont didnt doesnt wont cant cannot never not why did does when they he she who hasnt havent no nunca jamas
    porque pourquoi ne nie nicht warum""")
"""Words before an action that make it a denial, a question or another's doing ("why did they turn off 3G")."""
NO_ORDER = word_list("""
    i we ive weve ill to have had has my been being yo hemos he je jai nous ich wir habe haben""")
"""Words just before an action that make it a story instead of an order ("I use the app")."""
