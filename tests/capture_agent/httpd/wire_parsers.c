/* Feeds the module's parsers with records from standard input, under the sanitizers.
 *
 * Memory of pools is carved out of large blocks, in which a sanitizer cannot see an overrun. Here every piece is a
 * block of its own (the parsers are compiled with apr_palloc renamed), and every input an exact copy.
 *
 * A record is a kind ('1' HTTP/1, '2' HTTP/2, 'h' header block, 'j' text), the size of the pieces to feed and the
 * length, both 4 bytes little-endian, then the bytes. Each gives one line: an object of what an
 * event tells of the fields, base64 of the kept frames, hex of the blanked block, or a JSON string. */
#include "reqin_log.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apr_general.h"

#define MAX_PIECES 100000

static void *pieces[MAX_PIECES];
static size_t piece_count;

void *exact_palloc(apr_pool_t *pool, apr_size_t size)
{
    (void)pool;
    if (piece_count == MAX_PIECES)
        abort();
    return pieces[piece_count++] = malloc(size);
}

void *exact_pcalloc(apr_pool_t *pool, apr_size_t size)
{
    return memset(exact_palloc(pool, size), 0, size);
}

const reqin_settings *reqin_get_settings(void)
{
    static const reqin_settings settings = {.names_cookies = 1};

    return &settings;
}

int reqin_keeps_value(const char *name, apr_size_t name_len)
{
    return name_len == 6 && memcmp(name, "Accept", 6) == 0;
}

int reqin_is_cookie(const char *name, apr_size_t name_len)
{
    return name_len == 6 && memcmp(name, "Cookie", 6) == 0;
}

static void print_hex(const void *bytes, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        printf("%02x", ((const unsigned char *)bytes)[i]);
}

static void http1(apr_pool_t *pool, const char *bytes, size_t len, size_t step)
{
    reqin_http1 state;
    size_t at;

    reqin_http1_start(&state, pool);
    for (at = 0; at < len; at += step) {
        size_t size = len - at < step ? len - at : step;
        char *copy = malloc(size);

        memcpy(copy, bytes + at, size);
        reqin_http1_feed(&state, copy, size);
        free(copy);
    }
    fwrite(state.fields.json.text, 1, state.fields.json.len, stdout);
    printf("],\"cookie_names\":[");
    if (state.fields.cookie_names.len > 0)
        fwrite(state.fields.cookie_names.text, 1, state.fields.cookie_names.len, stdout);
    printf("],\"headers_cut\":%s}", state.fields.cut ? "true" : "false");
}

static void http2(apr_pool_t *pool, const char *bytes, size_t len, size_t step)
{
    const char *start = NULL;
    reqin_http2 *state = reqin_http2_create(pool, &start);
    size_t at;

    for (at = 0; at < len; at += step) {
        size_t size = len - at < step ? len - at : step;
        char *copy = malloc(size);

        memcpy(copy, bytes + at, size);
        reqin_http2_feed(state, copy, size);
        free(copy);
    }
    printf("%s", start ? start : "");
}

static void header_block(const char *bytes, size_t len)
{
    unsigned char *out = malloc(len);
    apr_ssize_t written = reqin_hpack_blank((const unsigned char *)bytes, len, out);

    if (written < 0)
        printf("broken");
    else
        print_hex(out, (size_t)written);
    free(out);
}

static void text(apr_pool_t *pool, const char *bytes, size_t len, size_t max)
{
    json_writer json;

    json_start(&json, pool, 16, 1 << 20);
    json_string(&json, bytes, len, max);
    fwrite(json.text, 1, json.len, stdout);
}

int main(void)
{
    apr_pool_t *pool;
    unsigned char head[9];

    apr_initialize();
    while (fread(head, 1, sizeof(head), stdin) == sizeof(head)) {
        uint32_t step, len;
        char *bytes;

        memcpy(&step, head + 1, sizeof(step));
        memcpy(&len, head + 5, sizeof(len));
        bytes = malloc(len);
        if (fread(bytes, 1, len, stdin) != len)
            return 2;
        apr_pool_create(&pool, NULL);
        if (head[0] == '1')
            http1(pool, bytes, len, step);
        else if (head[0] == '2')
            http2(pool, bytes, len, step);
        else if (head[0] == 'h')
            header_block(bytes, len);
        else
            text(pool, bytes, len, step);
        putchar('\n');
        free(bytes);
        while (piece_count > 0)
            free(pieces[--piece_count]);
        apr_pool_destroy(pool);
    }
    return 0;
}
