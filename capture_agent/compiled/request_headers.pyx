# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""What `intake.request_headers.split_headers` gives, sooner: fields that stay as they are are not made anew."""

from capture_agent.canary.token import PREFIX
from capture_agent.intake.request_headers import MAX_VALUE_CHARS, SplitHeaders, storable_uri

cdef enum:
    MAX_NAMES = 4096
    MAX_NAME_CHARS = 64

cdef enum Kind:
    OTHER
    COOKIE
    HOST
    REFERER
    USER_AGENT

cdef Py_ssize_t LONGEST = MAX_VALUE_CHARS
cdef str CANARY = PREFIX
cdef dict KINDS = {"cookie": COOKIE, "host": HOST, "referer": REFERER, "user-agent": USER_AGENT}
cdef dict known_names = {}
"""(lower case, kind) of names as clients spell them."""


cdef tuple look_up(str name):
    cdef str lower = name.lower()
    cdef tuple found = (lower, KINDS.get(lower, OTHER))
    if len(name) <= MAX_NAME_CHARS:
        if len(known_names) >= MAX_NAMES:
            known_names.clear()
        known_names[name] = found
    return found


def split_headers(tuple headers not None, frozenset kept_headers not None, bint keeps_query):
    """As the reference."""
    cdef Py_ssize_t count = len(headers), place
    cdef list changed = None
    cdef list cookies = None
    cdef object host = None, canary = None
    cdef tuple field, known, new
    cdef str name, value
    cdef int kind
    for place in range(count):
        field = <tuple>headers[place]
        if field[1] is None:
            continue
        name = <str>field[0]
        value = <str>field[1]
        known = <tuple>known_names.get(name)
        if known is None:
            known = look_up(name)
        kind = known[1]
        if kind == USER_AGENT and value.startswith(CANARY):
            canary = value
        if known[0] in kept_headers:
            new = field
            if kind == REFERER:
                value = storable_uri(value, keeps_query=keeps_query)
                if value != <str>field[1]:
                    new = (name, value)
            if len(value) > LONGEST:
                new = (name, value[:LONGEST])
        else:
            new = (name, None)
            if kind == COOKIE:
                if cookies is None:
                    cookies = []
                cookies.append(value)
            elif kind == HOST and host is None:
                host = value
        if new is not field:
            if changed is None:
                changed = list(headers)
            changed[place] = new
    return SplitHeaders(
        headers if changed is None else tuple(changed), () if cookies is None else tuple(cookies), host, canary
    )
