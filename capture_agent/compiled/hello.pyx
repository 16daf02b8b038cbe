# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""ClientHello to fields at the speed of C: the ordinary hello only.

The rules live in `capture_agent.wire`; `read_hello` accepts a hello that is well formed, not longer than
its tables and written in plain ASCII, and refuses every other, which then goes to the reference.
"""

from libc.stdint cimport uint8_t, uint16_t

from capture_agent.compiled.octets cimport u16


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
