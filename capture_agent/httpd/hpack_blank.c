/* Takes the values out of an HPACK header block (RFC 7541) without decoding it.
 *
 * The order of header names fingerprints a client; their values are cookies, tokens and paths. Only the
 * names' bytes are needed to decode the names, so values are replaced by the empty string here, and nothing
 * secret crosses the socket. In the first block of a connection the dynamic table starts empty, and shorter
 * values only make its entries smaller, so every index still points at the same name. */
#include "reqin_log.h"

typedef struct {
    const unsigned char *at;
    const unsigned char *end;
    unsigned char *out;
} block_copy;

/* Integer with a prefix of `bits` bits (RFC 7541 section 5.1). */
static int read_integer(block_copy *copy, int bits, apr_size_t *number)
{
    const unsigned char mask = (unsigned char)((1 << bits) - 1);
    int shift;

    if (copy->at == copy->end)
        return 0;
    *number = *copy->at++ & mask;
    if (*number < mask)
        return 1;
    for (shift = 0; shift <= 21; shift += 7) {
        if (copy->at == copy->end)
            return 0;
        *number += (apr_size_t)(*copy->at & 0x7f) << shift;
        if (!(*copy->at++ & 0x80))
            return 1;
    }
    return 0; /* over 2^28: no such block fits the bound */
}

static void copy_since(block_copy *copy, const unsigned char *start)
{
    while (start < copy->at)
        *copy->out++ = *start++;
}

/* Section 5.2: a length, whose first bit says whether the bytes are Huffman coded, and the bytes. */
static int pass_string(block_copy *copy)
{
    apr_size_t len = 0;

    if (!read_integer(copy, 7, &len) || len > (apr_size_t)(copy->end - copy->at))
        return 0;
    copy->at += len;
    return 1;
}

/* Section 6.2: a literal field, its name an index or a string. */
static int copy_literal(block_copy *copy, int index_bits)
{
    const unsigned char *start = copy->at;
    apr_size_t index = 0;

    if (!read_integer(copy, index_bits, &index))
        return 0;
    if (index == 0 && !pass_string(copy))
        return 0;
    copy_since(copy, start);
    if (!pass_string(copy))
        return 0;
    *copy->out++ = 0x00; /* a string of length 0, not Huffman coded */
    return 1;
}

/* Sections 6.1 and 6.3: a field of the table, or a new size of the table. */
static int copy_number(block_copy *copy, int bits)
{
    const unsigned char *start = copy->at;
    apr_size_t number = 0;

    if (!read_integer(copy, bits, &number))
        return 0;
    copy_since(copy, start);
    return 1;
}

apr_ssize_t reqin_hpack_blank(const unsigned char *block, apr_size_t len, unsigned char *out)
{
    block_copy copy = {block, block + len, out};

    while (copy.at < copy.end) {
        const unsigned char first = *copy.at;
        int is_sound;

        if (first & 0x80)
            is_sound = copy_number(&copy, 7);
        else if (first & 0x40)
            is_sound = copy_literal(&copy, 6);
        else if (first & 0x20)
            is_sound = copy_number(&copy, 5);
        else
            is_sound = copy_literal(&copy, 4);
        if (!is_sound)
            return -1;
    }
    return copy.out - out;
}
