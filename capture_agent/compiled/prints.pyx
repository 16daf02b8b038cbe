# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Fingerprints of a hello that `read_hello` accepted: the texts of JA4 and JA3, and their hashes.

The rules live in `capture_agent.fingerprint.ja4` and `ja3`.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memcpy

try:
    # The interpreter's own digests: for a hundred bytes OpenSSL's set-up costs more than the hashing.
    from _md5 import md5
    from _sha256 import sha256
except ImportError:
    from hashlib import md5, sha256

from capture_agent.compiled.hello cimport MAX_EXTENSIONS, MAX_LIST, MAX_SUITES, Hello, is_grease
from capture_agent.compiled.texts cimport Text, hex_digit, put, put_char, put_decimal, put_hex4, put_text

cdef int MAX_CACHED_HASHES = 4096
cdef int HASH_CHARS = 12

cdef dict _hashes = {}
cdef dict _ja3_hashes = {}
cdef int MAX_KNOWN_PRINTS = 2048
cdef dict _known_prints = {}



cdef inline bint is_volatile(int kind) noexcept nogil:
    """padding, session_ticket, pre_shared_key, early_data: left out of ja4_stable."""
    return kind == 0x0015 or kind == 0x0023 or kind == 0x0029 or kind == 0x002A


cdef void put_hex_list(Text* text, const uint16_t* values, int count) noexcept nogil:
    cdef int i
    for i in range(count):
        if i:
            put_char(text, b",")
        put_hex4(text, values[i])


cdef void put_decimal_list(Text* text, const uint16_t* values, int count) noexcept nogil:
    cdef int i
    for i in range(count):
        if i:
            put_char(text, b"-")
        put_decimal(text, values[i])


cdef void put_count(Text* text, int count) noexcept nogil:
    """Two digits, 99 at most."""
    if count > 99:
        count = 99
    put_char(text, <char>(48 + count // 10))
    put_char(text, <char>(48 + count % 10))


cdef inline bint is_alphanumeric(uint8_t char_) noexcept nogil:
    return 48 <= char_ <= 57 or 65 <= char_ <= 90 or 97 <= char_ <= 122


cdef void put_alpn(Text* text, Hello* hello) noexcept nogil:
    cdef uint8_t first, last
    if not hello.protocol_count or not hello.protocol_sizes[0]:
        put(text, b"00", 2)
        return
    first = hello.message[hello.protocols[0]]
    last = hello.message[hello.protocols[0] + hello.protocol_sizes[0] - 1]
    if is_alphanumeric(first) and is_alphanumeric(last):
        put_char(text, <char>first)
        put_char(text, <char>last)
    else:
        put_char(text, hex_digit(first >> 4))
        put_char(text, hex_digit(last & 15))


cdef void put_version(Text* text, int version) noexcept nogil:
    if 0x0301 <= version <= 0x0304:
        put_char(text, b"1")
        put_char(text, <char>(48 + version - 0x0301))
    elif version == 0x0300:
        put(text, b"s3", 2)
    elif version == 0x0002:
        put(text, b"s2", 2)
    elif version == 0xFEFF:
        put(text, b"d1", 2)
    elif version == 0xFEFD:
        put(text, b"d2", 2)
    elif version == 0xFEFC:
        put(text, b"d3", 2)
    else:
        put(text, b"00", 2)


cdef void sort(uint16_t* values, int count) noexcept nogil:
    """Insertion sort: lists are short and often nearly in order."""
    cdef int i, j
    cdef uint16_t value
    for i in range(1, count):
        value = values[i]
        j = i
        while j and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value


cdef bytes hexadecimal(bytes digest, int chars):
    cdef bytes text = PyBytes_FromStringAndSize(NULL, chars)
    cdef char* out = PyBytes_AS_STRING(text)
    cdef const uint8_t* octets = <const uint8_t*>PyBytes_AS_STRING(digest)
    cdef int i
    for i in range(chars):
        out[i] = hex_digit(octets[i >> 1] >> (0 if i & 1 else 4) & 15)
    return text


cdef int put_hash12(Text* out, Text* text) except -1:
    """12 hex digits of SHA-256, remembered: most clients send the same lists with each hello."""
    cdef bytes key
    cdef object digits
    if text.size == 0:
        put(out, b"000000000000", HASH_CHARS)
        return 0
    key = PyBytes_FromStringAndSize(text.chars, text.size)
    digits = _hashes.get(key)
    if digits is None:
        digits = hexadecimal(sha256(key).digest(), HASH_CHARS)
        if len(_hashes) >= MAX_CACHED_HASHES:
            _hashes.clear()
        _hashes[key] = digits
    put(out, PyBytes_AS_STRING(digits), HASH_CHARS)
    return 0


cdef int put_md5(Text* out, Text* text) except -1:
    cdef bytes key = PyBytes_FromStringAndSize(text.chars, text.size)
    cdef object digits = _ja3_hashes.get(key)
    if digits is None:
        digits = hexadecimal(md5(key).digest(), 32)
        if len(_ja3_hashes) >= MAX_CACHED_HASHES:
            _ja3_hashes.clear()
        _ja3_hashes[key] = digits
    put(out, PyBytes_AS_STRING(digits), 32)
    return 0


cdef struct Lists:
    uint16_t suites[MAX_SUITES]
    int suite_count
    uint16_t extensions[MAX_EXTENSIONS]
    int extension_count
    uint16_t hashed[MAX_EXTENSIONS]
    int hashed_count
    uint16_t stable[MAX_EXTENSIONS]
    int stable_count
    Text schemes
    Text scratch


cdef Lists _lists


cdef void put_schemes(Text* text) noexcept nogil:
    if _lists.schemes.size:
        put_char(text, b"_")
        put_text(text, &_lists.schemes)


cdef void select_lists(Hello* hello) noexcept nogil:
    """The lists without GREASE, in wire order; `hashed` and `stable` are sorted."""
    cdef int i, kind
    _lists.suite_count = _lists.extension_count = _lists.hashed_count = _lists.stable_count = 0
    for i in range(hello.suite_count):
        if not is_grease(hello.suites[i]):
            _lists.suites[_lists.suite_count] = hello.suites[i]
            _lists.suite_count += 1
    for i in range(hello.extension_count):
        kind = hello.kinds[i]
        if not is_grease(kind):
            _lists.extensions[_lists.extension_count] = <uint16_t>kind
            _lists.extension_count += 1
            if kind != 0x0000 and kind != 0x0010:
                _lists.hashed[_lists.hashed_count] = <uint16_t>kind
                _lists.hashed_count += 1
    sort(_lists.hashed, _lists.hashed_count)
    for i in range(_lists.hashed_count):
        if not is_volatile(_lists.hashed[i]):
            _lists.stable[_lists.stable_count] = _lists.hashed[i]
            _lists.stable_count += 1
    _lists.schemes.size = 0
    for i in range(hello.scheme_count):
        if not is_grease(hello.schemes[i]):
            if _lists.schemes.size:
                put_char(&_lists.schemes, b",")
            put_hex4(&_lists.schemes, hello.schemes[i])


cdef int put_u16(uint8_t* at, int value) noexcept nogil:
    at[0] = <uint8_t>(value >> 8)
    at[1] = <uint8_t>(value & 0xFF)
    return 2


cdef bytes inputs_of(Hello* hello, char transport_letter):
    """Everything that the fingerprints depend on, in wire order."""
    cdef uint8_t octets[20 + 2 * (MAX_SUITES + MAX_EXTENSIONS + 2 * MAX_LIST) + 255]
    cdef int size = 0
    octets[0] = <uint8_t>transport_letter
    octets[1] = hello.sni_present
    octets[2] = hello.protocol_count != 0 and hello.protocol_sizes[0] != 0
    octets[3] = octets[4] = 0
    if octets[2]:
        octets[3] = hello.message[hello.protocols[0]]
        octets[4] = hello.message[hello.protocols[0] + hello.protocol_sizes[0] - 1]
    size = 5
    size += put_u16(octets + size, hello.legacy_version)
    size += put_u16(octets + size, hello.newest_version)
    size += put_u16(octets + size, hello.suite_count)
    size += put_u16(octets + size, hello.extension_count)
    size += put_u16(octets + size, hello.scheme_count)
    size += put_u16(octets + size, hello.group_count)
    memcpy(octets + size, hello.suites, 2 * hello.suite_count)
    size += 2 * hello.suite_count
    memcpy(octets + size, hello.kinds, 2 * hello.extension_count)
    size += 2 * hello.extension_count
    memcpy(octets + size, hello.schemes, 2 * hello.scheme_count)
    size += 2 * hello.scheme_count
    memcpy(octets + size, hello.groups, 2 * hello.group_count)
    size += 2 * hello.group_count
    if hello.format_count:
        memcpy(octets + size, hello.message + hello.formats_at, hello.format_count)
        size += hello.format_count
    return PyBytes_FromStringAndSize(<const char*>octets, size)


cdef int fill(Text* text, bytes known) except -1:
    text.size = <int>PyBytes_GET_SIZE(known)
    memcpy(text.chars, PyBytes_AS_STRING(known), text.size)
    return 0


cdef bytes octets_of(Text* text):
    return PyBytes_FromStringAndSize(text.chars, text.size)


cdef int make_prints(Hello* hello, char transport_letter, Prints* prints) except -1:
    """All forms of JA4 and JA3 of a hello that `read_hello` accepted.

    Programs, unlike permuting browsers, repeat their lists exactly, so the last few thousand are remembered.
    """
    cdef bytes inputs = inputs_of(hello, transport_letter)
    cdef tuple known = _known_prints.get(inputs)
    if known is not None:
        fill(&prints.ja4, <bytes>known[0])
        fill(&prints.ja4_r, <bytes>known[1])
        fill(&prints.ja4_o, <bytes>known[2])
        fill(&prints.ja4_stable, <bytes>known[3])
        fill(&prints.ja3, <bytes>known[4])
        fill(&prints.ja3_hash, <bytes>known[5])
        return fill(&prints.ja3n_hash, <bytes>known[6])
    compute_prints(hello, transport_letter, prints)
    if len(_known_prints) >= MAX_KNOWN_PRINTS:
        _known_prints.clear()
    _known_prints[inputs] = (
        octets_of(&prints.ja4),
        octets_of(&prints.ja4_r),
        octets_of(&prints.ja4_o),
        octets_of(&prints.ja4_stable),
        octets_of(&prints.ja3),
        octets_of(&prints.ja3_hash),
        octets_of(&prints.ja3n_hash),
    )
    return 0


cdef int compute_prints(Hello* hello, char transport_letter, Prints* prints) except -1:
    cdef uint16_t sorted_suites[MAX_SUITES]
    cdef Text* scratch = &_lists.scratch
    cdef int stable_total
    select_lists(hello)
    memcpy(sorted_suites, _lists.suites, 2 * _lists.suite_count)
    sort(sorted_suites, _lists.suite_count)

    prints.ja4.size = 0
    put_char(&prints.ja4, transport_letter)
    put_version(&prints.ja4, hello.newest_version)
    put_char(&prints.ja4, b"d" if hello.sni_present else b"i")
    put_count(&prints.ja4, _lists.suite_count)
    put_count(&prints.ja4, _lists.extension_count)
    put_alpn(&prints.ja4, hello)
    put_char(&prints.ja4, b"_")
    prints.ja4_r.size = prints.ja4_o.size = prints.ja4_stable.size = 0
    put_text(&prints.ja4_r, &prints.ja4)
    put_text(&prints.ja4_o, &prints.ja4)

    scratch.size = 0
    put_hex_list(scratch, sorted_suites, _lists.suite_count)
    put_text(&prints.ja4_r, scratch)
    put_char(&prints.ja4_r, b"_")
    put_hash12(&prints.ja4, scratch)
    put_char(&prints.ja4, b"_")
    scratch.size = 0
    put_hex_list(scratch, _lists.hashed, _lists.hashed_count)
    put_schemes(scratch)
    put_text(&prints.ja4_r, scratch)
    put_hash12(&prints.ja4, scratch)

    put_text(&prints.ja4_stable, &prints.ja4)
    if _lists.stable_count != _lists.hashed_count:
        stable_total = _lists.extension_count - (_lists.hashed_count - _lists.stable_count)
        prints.ja4_stable.size = 6
        put_count(&prints.ja4_stable, stable_total)
        prints.ja4_stable.size = 24
        scratch.size = 0
        put_hex_list(scratch, _lists.stable, _lists.stable_count)
        put_schemes(scratch)
        put_hash12(&prints.ja4_stable, scratch)

    scratch.size = 0
    put_hex_list(scratch, _lists.suites, _lists.suite_count)
    put_hash12(&prints.ja4_o, scratch)
    put_char(&prints.ja4_o, b"_")
    scratch.size = 0
    put_hex_list(scratch, _lists.extensions, _lists.extension_count)
    put_schemes(scratch)
    put_hash12(&prints.ja4_o, scratch)
    return make_ja3(hello, prints)


cdef int make_ja3(Hello* hello, Prints* prints) except -1:
    cdef Text* text = &prints.ja3
    cdef Text* scratch = &_lists.scratch
    cdef int before, after, i
    cdef bint is_first = True
    text.size = 0
    put_decimal(text, hello.legacy_version)
    put_char(text, b",")
    put_decimal_list(text, _lists.suites, _lists.suite_count)
    put_char(text, b",")
    before = text.size
    put_decimal_list(text, _lists.extensions, _lists.extension_count)
    after = text.size
    put_char(text, b",")
    for i in range(hello.group_count):
        if not is_grease(hello.groups[i]):
            if not is_first:
                put_char(text, b"-")
            is_first = False
            put_decimal(text, hello.groups[i])
    put_char(text, b",")
    for i in range(hello.format_count):
        if i:
            put_char(text, b"-")
        put_decimal(text, hello.message[hello.formats_at + i])
    prints.ja3_hash.size = prints.ja3n_hash.size = 0
    put_md5(&prints.ja3_hash, text)
    scratch.size = 0
    put(scratch, text.chars, before)
    sort(_lists.extensions, _lists.extension_count)
    put_decimal_list(scratch, _lists.extensions, _lists.extension_count)
    put(scratch, text.chars + after, text.size - after)
    return put_md5(&prints.ja3n_hash, scratch)
