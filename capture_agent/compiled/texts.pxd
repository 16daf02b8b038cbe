# Short texts of bounded size, written without Python objects. Inline, so without a module of their own.

from libc.string cimport memcpy

cdef enum:
    TEXT_BYTES = 4096

cdef struct Text:
    int size
    char chars[TEXT_BYTES]


cdef inline char hex_digit(int value) noexcept nogil:
    return <char>(48 + value if value < 10 else 87 + value)


cdef inline void put(Text* text, const char* chars, int size) noexcept nogil:
    memcpy(text.chars + text.size, chars, size)
    text.size += size


cdef inline void put_char(Text* text, char char_) noexcept nogil:
    text.chars[text.size] = char_
    text.size += 1


cdef inline void put_text(Text* text, Text* other) noexcept nogil:
    put(text, other.chars, other.size)


cdef inline void put_hex4(Text* text, int value) noexcept nogil:
    put_char(text, hex_digit(value >> 12 & 15))
    put_char(text, hex_digit(value >> 8 & 15))
    put_char(text, hex_digit(value >> 4 & 15))
    put_char(text, hex_digit(value & 15))


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
