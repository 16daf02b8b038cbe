# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""ClientHello to fingerprints at the speed of C: the ordinary hello only.

The rules live in `capture_agent.wire` and `capture_agent.fingerprint`; this module gives the same values
for a hello that is well formed, not longer than its tables and written in plain ASCII, and says "not mine"
for every other, which then goes to the reference. Tests hold the two equal.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memcpy, memset

try:
    # The interpreter's own digests: for a hundred bytes OpenSSL's set-up costs more than the hashing.
    from _md5 import md5
    from _sha256 import sha256
except ImportError:
    from hashlib import md5, sha256

from capture_agent.events import Transport
from capture_agent.fingerprint.hello_facts import HelloFacts
from capture_agent.fingerprint.hello_facts import hello_facts as reference_hello_facts

cdef int MAX_CACHED_HASHES = 8192
cdef int HASH_CHARS = 12

cdef dict _hashes = {}
cdef dict _ja3_hashes = {}
cdef char HEX[16]
cdef char HEX_PAIRS[512]
cdef int _number
for _number in range(16):
    HEX[_number] = b"0123456789abcdef"[_number]
for _number in range(256):
    HEX_PAIRS[2 * _number] = HEX[_number >> 4]
    HEX_PAIRS[2 * _number + 1] = HEX[_number & 15]


cdef inline int u16(const uint8_t* at) noexcept nogil:
    return at[0] << 8 | at[1]


cdef inline bint is_grease(int value) noexcept nogil:
    """0x0a0a, 0x1a1a … 0xfafa (RFC 8701 section 2)."""
    return (value & 0x0F0F) == 0x0A0A and (value >> 8) == (value & 0xFF)


cdef inline bint is_post_quantum(int group) noexcept nogil:
    return (
        0x0200 <= group <= 0x0202
        or 0x11EB <= group <= 0x11EE
        or group == 0x4138
        or group == 0x6399
        or group == 0x639A
        or group == 0xFE30
        or group == 0xFE31
    )


cdef inline bint is_volatile(int kind) noexcept nogil:
    """padding, session_ticket, pre_shared_key, early_data: left out of ja4_stable."""
    return kind == 0x0015 or kind == 0x0023 or kind == 0x0029 or kind == 0x002A


cdef inline bint is_plain(const uint8_t* text, int size) noexcept nogil:
    """Printable ASCII that needs no escape, neither in `printable` nor in JSON."""
    cdef int i
    for i in range(size):
        if text[i] < 0x20 or text[i] > 0x7E or text[i] == 0x5C or text[i] == 0x22:
            return False
    return True


cdef bint read_hello(const uint8_t* message, Py_ssize_t size, Hello* hello) noexcept nogil:
    """Fill `hello` from one handshake message; False if it has to go to the reference."""
    cdef int at, end, length, kind, i, value
    if size < 41 or size > 65540 or message[0] != 1:
        return False
    if (message[1] << 16 | message[2] << 8 | message[3]) != size - 4:
        return False
    hello.message = message
    hello.size = <int>size
    hello.legacy_version = u16(message + 4)
    hello.has_grease = False
    if message[38] > 32:
        return False
    at = 39 + message[38]
    if at + 2 > size:
        return False
    length = u16(message + at)
    at += 2
    if length & 1 or at + length > size or length > 2 * MAX_SUITES:
        return False
    hello.suite_count = length >> 1
    for i in range(hello.suite_count):
        value = u16(message + at + 2 * i)
        hello.suites[i] = <uint16_t>value
        if is_grease(value):
            hello.has_grease = True
    at += length
    if at >= size or at + 1 + message[at] > size:
        return False
    at += 1 + message[at]
    hello.extension_count = 0
    if at == size:
        return read_bodies(hello)
    if at + 2 > size or at + 2 + u16(message + at) != size:
        return False
    at += 2
    while at < size:
        if at + 4 > size or hello.extension_count == MAX_EXTENSIONS:
            return False
        kind = u16(message + at)
        end = at + 4 + u16(message + at + 2)
        if end > size:
            return False
        hello.kinds[hello.extension_count] = <uint16_t>kind
        hello.bodies[hello.extension_count] = at + 4
        hello.body_sizes[hello.extension_count] = end - at - 4
        hello.extension_count += 1
        if is_grease(kind):
            hello.has_grease = True
        at = end
    return read_bodies(hello)


cdef bint read_bodies(Hello* hello) noexcept nogil:
    """The extensions that fingerprints read; of several of one type the first counts."""
    cdef int i, kind, newest = -1
    cdef const uint8_t* body
    cdef int size
    cdef bint seen_groups = False, seen_schemes = False, seen_versions = False
    cdef bint seen_formats = False, seen_alpn = False
    hello.group_count = hello.scheme_count = hello.protocol_count = hello.format_count = 0
    hello.sni_present = hello.has_ech = hello.has_psk = hello.has_early_data = False
    hello.has_pq_group = False
    hello.sni_at = hello.formats_at = -1
    hello.sni_size = 0
    for i in range(hello.extension_count):
        kind = hello.kinds[i]
        body = hello.message + hello.bodies[i]
        size = hello.body_sizes[i]
        if kind == 0x0000:
            if not hello.sni_present:
                hello.sni_present = True
                if not read_host_name(hello, hello.bodies[i], size):
                    return False
        elif kind == 0x000A:
            if not seen_groups:
                seen_groups = True
                hello.group_count = read_u16_list(body, size, 2, hello.groups)
                if hello.group_count < 0:
                    return False
        elif kind == 0x000B:
            if not seen_formats and size:
                hello.formats_at = hello.bodies[i] + 1
                hello.format_count = body[0] if body[0] < size - 1 else size - 1
            seen_formats = True
        elif kind == 0x000D:
            if not seen_schemes:
                seen_schemes = True
                hello.scheme_count = read_u16_list(body, size, 2, hello.schemes)
                if hello.scheme_count < 0:
                    return False
        elif kind == 0x0010:
            if not seen_alpn:
                seen_alpn = True
                if not read_protocols(hello, hello.bodies[i], size):
                    return False
        elif kind == 0x002B:
            if not seen_versions:
                seen_versions = True
                newest = read_versions(hello, body, size)
                if newest == -2:
                    return False
        elif kind == 0x0029:
            hello.has_psk = True
        elif kind == 0x002A:
            hello.has_early_data = True
        elif kind == 0xFE0D:
            hello.has_ech = True
    hello.newest_version = hello.legacy_version if newest < 0 else newest
    for i in range(hello.group_count):
        if is_grease(hello.groups[i]):
            hello.has_grease = True
        elif is_post_quantum(hello.groups[i]):
            hello.has_pq_group = True
    for i in range(hello.scheme_count):
        if is_grease(hello.schemes[i]):
            hello.has_grease = True
    return True


cdef int read_u16_list(const uint8_t* body, int size, int prefix, uint16_t* values) noexcept nogil:
    """Entries of a vector, as far as its bytes go; -1 if it does not fit the table."""
    cdef int count, i
    if size < prefix:
        return 0
    count = body[0] if prefix == 1 else u16(body)
    if count > size - prefix:
        count = size - prefix
    count >>= 1
    if count > MAX_LIST:
        return -1
    for i in range(count):
        values[i] = <uint16_t>u16(body + prefix + 2 * i)
    return count


cdef int read_versions(Hello* hello, const uint8_t* body, int size) noexcept nogil:
    """Highest version without GREASE; -1 if there is none, -2 for what the reference has to judge."""
    cdef uint16_t versions[MAX_LIST]
    cdef int count = read_u16_list(body, size, 1, versions)
    cdef int i, newest = -1
    if count < 0:
        return -2
    for i in range(count):
        if is_grease(versions[i]):
            hello.has_grease = True
        elif versions[i] >> 8 == 0xFE:
            return -2
        elif versions[i] > newest:
            newest = versions[i]
    return newest


cdef bint read_host_name(Hello* hello, int at, int size) noexcept nogil:
    """Only a single host_name of letters, digits, dots and the like that cannot be an address."""
    cdef const uint8_t* body = hello.message + at
    cdef int length, i
    cdef uint8_t last
    if size < 6 or body[2] != 0:
        return False
    length = u16(body + 3)
    if length == 0 or 5 + length > size or not is_plain(body + 5, length):
        return False
    last = body[4 + length]
    if 0x30 <= last <= 0x39:
        return False
    for i in range(length):
        if body[5 + i] == 0x3A:
            return False
    hello.sni_at = at + 5
    hello.sni_size = length
    return True


cdef bint read_protocols(Hello* hello, int start, int size) noexcept nogil:
    cdef const uint8_t* message = hello.message
    cdef int at = start + 2, end, stop
    if size < 2:
        return True
    end = start + 2 + u16(message + start)
    if end > start + size:
        end = start + size
    while at < end:
        stop = at + 1 + message[at]
        if stop > end:
            break
        if hello.protocol_count == MAX_PROTOCOLS or not is_plain(message + at + 1, message[at]):
            return False
        hello.protocols[hello.protocol_count] = at + 1
        hello.protocol_sizes[hello.protocol_count] = message[at]
        hello.protocol_count += 1
        at = stop
    return True


# --- texts -----------------------------------------------------------------------------------------


cdef inline void put(Text* text, const char* chars, int size) noexcept nogil:
    memcpy(text.chars + text.size, chars, size)
    text.size += size


cdef inline void put_char(Text* text, char char_) noexcept nogil:
    text.chars[text.size] = char_
    text.size += 1


cdef inline void put_text(Text* text, Text* other) noexcept nogil:
    put(text, other.chars, other.size)


cdef inline void put_hex4(Text* text, int value) noexcept nogil:
    cdef char* out = text.chars + text.size
    memcpy(out, HEX_PAIRS + 2 * (value >> 8 & 255), 2)
    memcpy(out + 2, HEX_PAIRS + 2 * (value & 255), 2)
    text.size += 4


cdef inline void put_decimal(Text* text, int value) noexcept nogil:
    cdef char digits[8]
    cdef int count = 0
    while True:
        digits[count] = <char>(48 + value % 10)
        count += 1
        value //= 10
        if value == 0:
            break
    while count:
        count -= 1
        put_char(text, digits[count])


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
        put_char(text, HEX[first >> 4])
        put_char(text, HEX[last & 15])


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
        out[i] = HEX[octets[i >> 1] >> (0 if i & 1 else 4) & 15]
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


cdef int make_prints(Hello* hello, char transport_letter, Prints* prints) except -1:
    """All forms of JA4 and JA3 of a hello that `read_hello` accepted."""
    cdef uint16_t sorted_suites[MAX_SUITES]
    cdef Text* scratch = &_lists.scratch
    cdef int stable_total, scratch_start
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


# --- skeleton --------------------------------------------------------------------------------------


cdef bint blank_key_share(uint8_t* body, int size) noexcept nogil:
    cdef int at = 2, length
    if size < 2:
        return False
    while at < size:
        if at + 4 > size:
            return False
        length = u16(body + at + 2)
        at += 4
        if at + length > size:
            return False
        memset(body + at, 0, length)
        at += length
    return True


cdef bint blank_pre_shared_key(uint8_t* body, int size) noexcept nogil:
    cdef int at = 2, end, length
    if size < 2:
        return False
    end = 2 + u16(body)
    while at < end:
        if at + 2 > size:
            return False
        length = u16(body + at) + 4
        at += 2
        if at + length > size:
            return False
        memset(body + at, 0, length)
        at += length
    if at + 2 > size:
        return False
    at += 2
    while at < size:
        length = body[at]
        at += 1
        if at + length > size:
            return False
        memset(body + at, 0, length)
        at += length
    return True


cdef bint blank_encrypted_client_hello(uint8_t* body, int size) noexcept nogil:
    cdef int length
    if body[0] != 0:
        memset(body + 1, 0, size - 1)
        return True
    if size < 8:
        return False
    body[5] = 0
    length = u16(body + 6)
    if 8 + length + 2 > size:
        return False
    memset(body + 8, 0, length)
    memset(body + 10 + length, 0, size - 10 - length)
    return True


cdef int blank(uint8_t* body, int size, int kind) noexcept nogil:
    """Blank one extension body in place; 0 if only the reference knows how."""
    if size == 0:
        return 1
    if kind == 0x0015 or kind == 0x0023 or kind == 0x000C or kind == 0xFFCE:
        memset(body, 0, size)
    elif kind == 0x002C:
        if size < 2:
            return 0
        memset(body + 2, 0, size - 2)
    elif kind == 0x0036 or kind == 0x0035 or kind == 0xFF01:
        memset(body + 1, 0, size - 1)
    elif kind == 0x0033 or kind == 0x0028:
        return blank_key_share(body, size)
    elif kind == 0x0029:
        return blank_pre_shared_key(body, size)
    elif kind == 0xFE0D:
        return blank_encrypted_client_hello(body, size)
    elif kind == 0x0039 or kind == 0xFFA5:
        return 0
    return 1


cdef object skeleton_of(Hello* hello):
    """The blanked message, or None if only the reference can make it."""
    cdef bytes whole = PyBytes_FromStringAndSize(<const char*>hello.message, hello.size)
    cdef uint8_t* octets = <uint8_t*>PyBytes_AS_STRING(whole)
    cdef int i
    memset(octets + 6, 0, 32)
    memset(octets + 39, 0, octets[38])
    for i in range(hello.extension_count):
        if not blank(octets + hello.bodies[i], hello.body_sizes[i], hello.kinds[i]):
            return None
    return whole


# --- Python's door ---------------------------------------------------------------------------------


cdef Hello _hello
cdef Prints _prints


cdef inline str decoded(Text* text):
    return text.chars[: text.size].decode("ascii")


def hello_facts(bytes message not None, transport):
    """As `capture_agent.fingerprint.hello_facts.hello_facts`, values and errors alike."""
    cdef object skeleton
    cdef int i
    if transport is Transport.DTLS or not read_hello(
        <const uint8_t*>PyBytes_AS_STRING(message), len(message), &_hello
    ):
        return reference_hello_facts(message, transport)
    skeleton = skeleton_of(&_hello)
    if skeleton is None:
        return reference_hello_facts(message, transport)
    make_prints(&_hello, b"q" if transport is Transport.QUIC else b"t", &_prints)
    has_name = _hello.sni_at >= 0
    return HelloFacts(
        sni=message[_hello.sni_at : _hello.sni_at + _hello.sni_size].decode("ascii") if has_name else None,
        sni_present=bool(_hello.sni_present),
        sni_is_ip=False if has_name else None,
        alpn=tuple([
            message[_hello.protocols[i] : _hello.protocols[i] + _hello.protocol_sizes[i]].decode("ascii")
            for i in range(_hello.protocol_count)
        ]),
        legacy_version=_hello.legacy_version,
        tls_version=_hello.newest_version,
        ja4=decoded(&_prints.ja4),
        ja4_r=decoded(&_prints.ja4_r),
        ja4_o=decoded(&_prints.ja4_o),
        ja4_stable=decoded(&_prints.ja4_stable),
        ja3=decoded(&_prints.ja3),
        ja3_hash=decoded(&_prints.ja3_hash),
        ja3n_hash=decoded(&_prints.ja3n_hash),
        hello_len=_hello.size,
        hello_skeleton=skeleton,
        has_grease=bool(_hello.has_grease),
        has_ech=bool(_hello.has_ech),
        has_psk=bool(_hello.has_psk),
        has_early_data=bool(_hello.has_early_data),
        has_pq_group=bool(_hello.has_pq_group),
    )
