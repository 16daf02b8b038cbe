/* Writes JSON text (RFC 8259) of any bytes. Bytes that are not UTF-8 become \xNN, as the agent's own intake
 * writes them: a client must not be able to hide a request by one byte that makes its event invalid. */
#include <string.h>

#include "apr_strings.h"

#include "json_writer.h"

static const char hex_digits[] = "0123456789abcdef";

void json_start(json_writer *json, apr_pool_t *pool, apr_size_t capacity, apr_size_t limit)
{
    json->pool = pool;
    json->allocated = capacity;
    json->text = apr_palloc(pool, capacity);
    json->len = 0;
    json->overflowed = 0;
    json_set_limit(json, limit);
}

void json_set_limit(json_writer *json, apr_size_t limit)
{
    json->limit = limit;
    json->end = limit < json->allocated ? limit : json->allocated;
}

int json_make_room(json_writer *json, apr_size_t more)
{
    apr_size_t needed = json->len + more;
    char *text;

    if (json->overflowed || needed > json->limit) {
        json->overflowed = 1;
        return 0;
    }
    while (json->allocated < needed)
        json->allocated *= 2;
    text = apr_palloc(json->pool, json->allocated);
    memcpy(text, json->text, json->len);
    json->text = text;
    json_set_limit(json, json->limit);
    return 1;
}

/* Length of the UTF-8 sequence at `bytes` (Unicode 15, table 3-7), 0 if there is none. */
static apr_size_t utf8_sequence(const unsigned char *bytes, apr_size_t len)
{
    unsigned char lead = bytes[0];
    unsigned char low = 0x80, high = 0xbf;
    apr_size_t size, i;

    if (lead >= 0xc2 && lead <= 0xdf)
        size = 2;
    else if ((lead & 0xf0) == 0xe0)
        size = 3;
    else if (lead >= 0xf0 && lead <= 0xf4)
        size = 4;
    else
        return 0;
    if (size > len)
        return 0;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    if (bytes[1] < low || bytes[1] > high)
        return 0;
    for (i = 2; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    }
    return size;
}

#define EACH_BYTE(byte) (0x0101010101010101ULL * (byte))

/* True if one of eight bytes is a control character, a quote, a backslash or not ASCII. The subtractions borrow
 * into the high bit of each byte that is too small; a byte that is not ASCII has that bit already. */
static int needs_care(apr_uint64_t eight)
{
    apr_uint64_t quotes = eight ^ EACH_BYTE('"');
    apr_uint64_t backslashes = eight ^ EACH_BYTE('\\');
    apr_uint64_t found = (eight - EACH_BYTE(0x20)) | (quotes - EACH_BYTE(1)) | (backslashes - EACH_BYTE(1));

    return ((found | eight) & EACH_BYTE(0x80)) != 0;
}

typedef signed char sixteen_bytes __attribute__((vector_size(16)));

/* Not zero in each byte for which the same is true. A byte that is not ASCII is negative, so it is below the
 * space as well. */
static sixteen_bytes care_of_sixteen(sixteen_bytes sixteen)
{
    return (sixteen < 0x20) | (sixteen == '"') | (sixteen == '\\');
}

static int is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static apr_uint64_t eight_at(const unsigned char *bytes)
{
    apr_uint64_t eight;

    memcpy(&eight, bytes, sizeof(eight));
    return eight;
}

/* Copy `len` bytes; true if none of them needs an escape, as in most strings of a request. The last word overlaps
 * the one before, so that no byte is looked at by itself. */
static int copy_plain(char *to, const unsigned char *bytes, apr_size_t len)
{
    apr_size_t i;

    if (len >= 16) {
        sixteen_bytes sixteen, found = {0};
        apr_uint64_t halves[2];

        for (i = 0; i + 16 < len; i += 16) {
            memcpy(&sixteen, bytes + i, 16);
            memcpy(to + i, &sixteen, 16);
            found |= care_of_sixteen(sixteen);
        }
        memcpy(&sixteen, bytes + len - 16, 16);
        memcpy(to + len - 16, &sixteen, 16);
        found |= care_of_sixteen(sixteen);
        memcpy(halves, &found, 16);
        return (halves[0] | halves[1]) == 0;
    }
    if (len >= 8) {
        apr_uint64_t first = eight_at(bytes), last = eight_at(bytes + len - 8);

        memcpy(to, &first, 8);
        memcpy(to + len - 8, &last, 8);
        return !needs_care(first) && !needs_care(last);
    }
    if (len >= 4) {
        apr_uint32_t halves[2];
        apr_uint64_t both;

        memcpy(&halves[0], bytes, 4);
        memcpy(&halves[1], bytes + len - 4, 4);
        memcpy(to, &halves[0], 4);
        memcpy(to + len - 4, &halves[1], 4);
        memcpy(&both, halves, 8);
        return !needs_care(both);
    }
    for (i = 0; i < len; i++) {
        if (!is_plain(bytes[i]))
            return 0;
        to[i] = (char)bytes[i];
    }
    return 1;
}

/* Bytes of `bytes` that need no escape, from its start. */
static apr_size_t plain_run(const unsigned char *bytes, apr_size_t len)
{
    apr_size_t i = 0;

    while (i + 8 <= len && !needs_care(eight_at(bytes + i)))
        i += 8;
    while (i < len && is_plain(bytes[i]))
        i++;
    return i;
}

static void write_escaped(json_writer *json, unsigned char byte)
{
    char text[6];

    switch (byte) {
    case '"':
        json_literal(json, "\\\"");
        return;
    case '\\':
        json_literal(json, "\\\\");
        return;
    default:
        break;
    }
    if (byte < 0x20)
        memcpy(text, "\\u00", 4);
    else
        memcpy(text, "\\\\x", 3);
    text[byte < 0x20 ? 4 : 3] = hex_digits[byte >> 4];
    text[byte < 0x20 ? 5 : 4] = hex_digits[byte & 15];
    json_raw(json, text, byte < 0x20 ? 6 : 5);
}

void json_string(json_writer *json, const char *bytes, apr_size_t len, apr_size_t max)
{
    const unsigned char *at = (const unsigned char *)bytes;
    const unsigned char *end;
    int back;

    if (len > max) {
        /* Step back over a character that the cut would split: three bytes of it at most stand before. */
        len = max;
        for (back = 0; back < 3 && len > 0 && (at[len] & 0xc0) == 0x80; back++)
            len--;
    }
    /* What is copied of a string that needs an escape is written again below. */
    if (json->len + len + 2 <= json->end && copy_plain(json->text + json->len + 1, at, len)) {
        json->text[json->len] = '"';
        json->text[json->len + len + 1] = '"';
        json->len += len + 2;
        return;
    }
    end = at + len;
    json_literal(json, "\"");
    while (at < end) {
        apr_size_t run = plain_run(at, (apr_size_t)(end - at));

        if (run == 0 && *at >= 0x80)
            run = utf8_sequence(at, (apr_size_t)(end - at));
        if (run > 0) {
            json_raw(json, (const char *)at, run);
            at += run;
        }
        else {
            write_escaped(json, *at++);
        }
    }
    json_literal(json, "\"");
}

void json_text(json_writer *json, const char *text, apr_size_t max)
{
    if (text)
        json_string(json, text, strlen(text), max);
    else
        json_literal(json, "null");
}

void json_unsigned(json_writer *json, apr_uint64_t number)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char digits[20];
    apr_size_t at = sizeof(digits);

    for (; number >= 100; number /= 100) {
        at -= 2;
        memcpy(digits + at, pairs + number % 100 * 2, 2);
    }
    if (number >= 10) {
        at -= 2;
        memcpy(digits + at, pairs + number * 2, 2);
    }
    else {
        digits[--at] = (char)('0' + number);
    }
    json_raw(json, digits + at, sizeof(digits) - at);
}
