"""How dates and times of the clock are written: patterns, without what surrounds them."""

from __future__ import annotations

from tsalign.notes.words import any_of, values

ONES = r"(?:one|two|three|four|five|six|seven|eight|nine)\b"
HOURS = rf"(?:{ONES}|ten|eleven|twelve)"
TENS = r"(?:ten|fifteen|twenty|thirty|forty|fifty)(?:[ -](?:five))?"
LED = r"(?:(?<=\bat )|(?<=\babout )|(?<=\baround )|(?<=\buntil )|(?<=\bfrom )|(?<=\bby ))"
OF_DAY = r"(?=,|:|\s+(?:in the|at night|this|last|a\.?m|p\.?m))"
GERMAN = r"(?:(?<=\bum )|(?<=\bgegen )|(?<![\w ]))(?:fünf|zehn|zwanzig)(?=\s+vor\b)"


def dates() -> dict[str, str]:
    """Return the kinds of dates, the surest first.

    Examples
    --------
    >>> import re
    >>> re.search(dates()["iso"], "on 2024-03-05 she")[0]
    '2024-03-05'
    """
    month = rf"(?:{any_of(values('times', 'months'))})\.?"
    return {
        "iso": r"\b\d{4}-\d\d-\d\d(?:\b|t(?=\d))",
        "numeric": r"(?<![\d./])\d{1,2}(?:/\d{1,2}/|\.\d{1,2}\.)(?:\d{4}|\d\d)(?![\d/])"
        r"|(?:(?<=\bam )|(?<=\bvom )|(?<=\bden ))\d{1,2}\.\d{1,2}\.(?!\d)",
        "slash": r"(?<![\d./])\d{1,2}/\d{1,2}(?![\d/.])",
        "dated": rf"\b\d{{1,2}}(?:st|nd|rd|th|\.)?\s+(?:of\s+)?{month}(?:,?\s+\d{{4}}\b)?"
        rf"|\b\d{{1,2}}-{month}-\d{{2,4}}\b"
        rf"|{month}\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?!:\d)(?:,?\s+\d{{4}}\b)?",
    }


def clocks(number: str, numbers: str) -> dict[str, str]:
    """Return the kinds of times of the clock, the surest first.

    Parameters
    ----------
    number, numbers : str
        Patterns of a number in digits or words, and in words.

    Examples
    --------
    >>> import re
    >>> re.search(clocks("one", "one")["clock"], "at 14:30 she")["min"]
    '30'
    """
    return {
        "clock": r"(?<![\d:.,/])(?P<h>\d{1,2})(?:(?P<sep>:)(?P<min>[0-5]\d)(?::(?P<sec>[0-5]\d))?"
        r"|h(?P<hmin>[0-5]\d)|\.(?P<dmin>[0-5]\d)"
        r"(?=\s*(?:[ap]\.?m\b|uhr|hrs?\b|in the (?:morn|after|even)))"
        r"|(?=\s*(?:[ap]\.?\s?m\b|uhr|o'clock)))"
        r"(?!\d)(?:\s*(?P<half>[ap])\.?\s?m\b\.?|\s*(?:uhr|o'clock|hrs?\b|h\b))?",
        "military": r"(?:(?<![\d.,/:-])|(?<=\b\d{4}-))(?P<four>[01]\d[0-5]\d|2[0-3][0-5]\d)"
        r"\s*(?:h|hrs?|hours|uhr)\b",
        "spoken": rf"\b(?:(?P<part>half|quarter|ten|five|twenty|viertel)\s+(?:past|after|nach)"
        rf"|(?P<less>quarter|viertel|(?<=\bat )(?:five|ten|twenty)|{GERMAN})\s+(?:to|vor))"
        rf"\s+(?P<hour>{number})"
        r"(?:\s+o'clock)?"
        r"(?:\s*(?P<noon>[ap])\.?\s?m\b\.?)?"
        rf"|\bhalb\s+(?P<next>{number})\b|(?P<word>{numbers})\s+(?:o'clock|uhr)\b"
        rf"|{LED}\b(?P<hours>{HOURS})\s+(?P<minutes>oh\s+{ONES}|{TENS})\b"
        r"(?:\s*(?P<spokenhalf>[ap])\.?\s?m\b\.?)?"
        rf"|(?<=\bat )(?P<bare>{HOURS})\b(?=[,.;:!]|\s*\Z)"
        rf"|\bhalf\s+(?P<british>{HOURS})\b{OF_DAY}",
        "ish": rf"\b(?P<about>\d{{1,2}}|{HOURS})(?::(?P<ishmin>[0-5]\d))?\s?-?ish\b"
        r"(?:\s*(?P<ishhalf>[ap])\.?\s?m\b\.?)?",
        "minute_mark": r"(?:(?<=\bat )|(?<=\bin ))minute\s+(?P<marked>\d{1,3})\b",
        "past": rf"(?<![\d.,/:])(?P<pastmin>[0-5]?\d)\s+past\s+(?P<pasthour>{number})"
        r"(?:\s*(?P<pasthalf>[ap])\.?\s?m\b\.?)?",
    }
