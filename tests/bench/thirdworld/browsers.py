"""The user agents of the browsers that devices run."""

from __future__ import annotations

_KHTML = "AppleWebKit/537.36 (KHTML, like Gecko)"
_APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_MOBILE = "Mobile/15E148 Safari/604.1"
_ANDROIDS = (
    (14, "SM-S911B", 137),
    (14, "SM-A546B", 137),
    (13, "SM-A536B", 136),
    (15, "Pixel 8", 137),
    (13, "Pixel 6a", 136),
    (14, "2201117TY", 137),
    (12, "M2101K6G", 135),
    (13, "CPH2399", 136),
    (11, "SM-A217F", 130),
    (15, "SM-S921B", 137),
)
_IPHONES = (("18_5", "18.5"), ("17_6", "17.6"), ("16_7", "16.6"))
_COMPUTERS = ("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64")
_CHROMES = ((137, ""), (136, " Edg/136.0.0.0"), (109, ""))

USER_AGENTS = (
    *(
        f"Mozilla/5.0 (Linux; Android {system}; {model}) {_KHTML} Chrome/{chrome}.0.0.0 Mobile Safari/537.36"
        for system, model, chrome in _ANDROIDS
    ),
    *(
        f"Mozilla/5.0 (iPhone; CPU iPhone OS {system} like Mac OS X) {_APPLE} Version/{safari} {_MOBILE}"
        for system, safari in _IPHONES
    ),
    *(
        f"Mozilla/5.0 ({computer}) {_KHTML} Chrome/{chrome}.0.0.0 Safari/537.36{suffix}"
        for computer in _COMPUTERS
        for chrome, suffix in _CHROMES
    ),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:139.0) Gecko/20100101 Firefox/139.0",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0",
    f"Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) {_APPLE} Version/17.6 {_MOBILE}",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_APPLE} Version/18.5 Safari/605.1.15",
)
