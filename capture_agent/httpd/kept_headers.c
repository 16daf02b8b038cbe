/* The set of headers whose values are reported. Every field of every request is looked up in it. */
#include "reqin_log.h"

#include <string.h>

#include "apr_strings.h"

#define LONGEST_APART 63 /* names of this length and more share a place in `of_length` */

typedef struct {
    const char *folded;
    apr_size_t len;
} kept_name;

static kept_name kept[REQIN_MAX_KEPT_HEADERS];
static int kept_count;
/* Which of them have a length, one bit each: most fields of a request have one candidate or none. */
static apr_uint64_t of_length[LONGEST_APART + 1];

/* Sets the bit that tells capital letters from small ones. Other bytes that it makes equal are no letters, digits
 * or hyphens, of which alone the names of real headers are made: nothing secret is called like that. */
#define FOLD(byte) ((char)((byte) | 0x20))
#define FOLD_EIGHT(eight) ((eight) | 0x2020202020202020ULL)

void reqin_forget_kept_headers(void)
{
    kept_count = 0;
    memset(of_length, 0, sizeof(of_length));
}

int reqin_keep_header(apr_pool_t *pool, const char *name)
{
    apr_size_t i, len = strlen(name);
    char *folded = apr_pstrmemdup(pool, name, len);

    if (kept_count == REQIN_MAX_KEPT_HEADERS)
        return 0;
    for (i = 0; i < len; i++)
        folded[i] = FOLD(folded[i]);
    kept[kept_count].folded = folded;
    kept[kept_count].len = len;
    of_length[len < LONGEST_APART ? len : LONGEST_APART] |= 1ULL << kept_count;
    kept_count++;
    return 1;
}

static apr_uint64_t folded_eight_at(const char *bytes)
{
    apr_uint64_t eight;

    memcpy(&eight, bytes, sizeof(eight));
    return FOLD_EIGHT(eight);
}

/* Whole words, the last of which overlaps the one before. */
static int is_equal(const char *folded, const char *name, apr_size_t len)
{
    apr_size_t i;

    if (len < 8) {
        for (i = 0; i < len; i++) {
            if (FOLD(name[i]) != folded[i])
                return 0;
        }
        return 1;
    }
    for (i = 0; i + 8 < len; i += 8) {
        if (folded_eight_at(name + i) != folded_eight_at(folded + i))
            return 0;
    }
    return folded_eight_at(name + len - 8) == folded_eight_at(folded + len - 8);
}

int reqin_keeps_value(const char *name, apr_size_t name_len)
{
    apr_uint64_t candidates = of_length[name_len < LONGEST_APART ? name_len : LONGEST_APART];

    for (; candidates; candidates &= candidates - 1) {
        const kept_name *one = &kept[__builtin_ctzll(candidates)];

        if (one->len == name_len && is_equal(one->folded, name, name_len))
            return 1;
    }
    return 0;
}
