/* Writes JSON text of any bytes into memory of a pool, up to a fixed length. */
#ifndef REQIN_JSON_WRITER_H
#define REQIN_JSON_WRITER_H

#include <string.h>

#include "apr_pools.h"

typedef struct {
    apr_pool_t *pool;
    char *text;
    apr_size_t len;
    apr_size_t allocated;
    apr_size_t limit;
    apr_size_t end; /* where writing stops without more memory: the smaller of the two */
    int overflowed; /* something did not fit, and later pieces may have: cut back to a known length */
} json_writer;

/* Takes `capacity` bytes at once and more when they are needed, up to `limit`. */
void json_start(json_writer *json, apr_pool_t *pool, apr_size_t capacity, apr_size_t limit);
/* A writer may be given a lower limit for a part of its text. */
void json_set_limit(json_writer *json, apr_size_t limit);
/* Room for `more` bytes behind `text + len`, or false and `overflowed`. */
int json_make_room(json_writer *json, apr_size_t more);

static inline void json_raw(json_writer *json, const char *text, apr_size_t len)
{
    if (json->len + len > json->end && !json_make_room(json, len))
        return;
    memcpy(json->text + json->len, text, len);
    json->len += len;
}

#define json_literal(json, text) json_raw((json), (text), sizeof(text) - 1)
/* A string: valid UTF-8 as it is, any other byte as the four characters \xNN, at most `max` bytes of input. */
void json_string(json_writer *json, const char *bytes, apr_size_t len, apr_size_t max);
void json_text(json_writer *json, const char *text, apr_size_t max); /* NULL gives null */
void json_unsigned(json_writer *json, apr_uint64_t number);

#endif
