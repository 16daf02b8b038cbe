/* Writes JSON text of any bytes into memory of a pool, up to a fixed length. */
#ifndef REQIN_JSON_WRITER_H
#define REQIN_JSON_WRITER_H

#include "apr_pools.h"

typedef struct {
    apr_pool_t *pool;
    char *text;
    apr_size_t len;
    apr_size_t capacity;
    apr_size_t limit;
    int overflowed; /* something did not fit; `text` up to `len` is what did */
} json_writer;

void json_start(json_writer *json, apr_pool_t *pool, apr_size_t limit);
void json_raw(json_writer *json, const char *text, apr_size_t len);
#define json_literal(json, text) json_raw((json), (text), sizeof(text) - 1)
/* A string: valid UTF-8 as it is, any other byte as the four characters \xNN, at most `max` bytes of input. */
void json_string(json_writer *json, const char *bytes, apr_size_t len, apr_size_t max);
void json_text(json_writer *json, const char *text, apr_size_t max); /* NULL gives null */
void json_unsigned(json_writer *json, apr_uint64_t number);

#endif
