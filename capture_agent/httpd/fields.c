/* The header fields of one request: names, and the values that may be reported, copied into few pieces of memory.
 * Every field of every request comes through here. */
#include "reqin_log.h"

#include <string.h>

/* A browser sends 10 to 20 fields, of which 500 to 1,000 bytes are kept. */
#define FIRST_FIELDS 16
#define PIECE_BYTES 1400

void reqin_fields_start(reqin_fields *fields, apr_pool_t *pool)
{
    char *memory = apr_palloc(pool, FIRST_FIELDS * sizeof(reqin_field) + PIECE_BYTES);

    fields->pool = pool;
    fields->all = (reqin_field *)(void *)memory;
    fields->count = 0;
    fields->room = FIRST_FIELDS;
    fields->piece = memory + FIRST_FIELDS * sizeof(reqin_field);
    fields->piece_left = PIECE_BYTES;
}

char *reqin_fields_take(reqin_fields *fields, apr_size_t len)
{
    char *taken;

    if (len > fields->piece_left) {
        if (len > PIECE_BYTES / 4)
            return apr_palloc(fields->pool, len);
        fields->piece = apr_palloc(fields->pool, PIECE_BYTES);
        fields->piece_left = PIECE_BYTES;
    }
    taken = fields->piece;
    fields->piece += len;
    fields->piece_left -= len;
    return taken;
}

static reqin_field *next_field(reqin_fields *fields)
{
    if (fields->count == fields->room) {
        reqin_field *more = apr_palloc(fields->pool, 2 * (apr_size_t)fields->room * sizeof(*more));

        memcpy(more, fields->all, (apr_size_t)fields->room * sizeof(*more));
        fields->all = more;
        fields->room *= 2;
    }
    return &fields->all[fields->count++];
}

void reqin_fields_add(reqin_fields *fields, const char *name, apr_size_t name_len, const char *value,
                      apr_size_t value_len)
{
    reqin_field *field = next_field(fields);
    int is_wanted = value != NULL;
    char *copy;

    field->is_cookie = reqin_is_cookie(name, name_len);
    if (is_wanted && field->is_cookie) {
        is_wanted = reqin_get_settings()->names_cookies;
    }
    else if (is_wanted) {
        is_wanted = reqin_keeps_value(name, name_len);
        if (value_len > REQIN_MAX_VALUE + 4)
            value_len = REQIN_MAX_VALUE + 4; /* the writer cuts between characters */
    }
    if (name_len > REQIN_MAX_NAME + 4)
        name_len = REQIN_MAX_NAME + 4;
    copy = reqin_fields_take(fields, name_len + (is_wanted ? value_len : 0));
    memcpy(copy, name, name_len);
    field->name = copy;
    field->name_len = name_len;
    field->value = NULL;
    field->value_len = 0;
    if (is_wanted) {
        memcpy(copy + name_len, value, value_len);
        field->value = copy + name_len;
        field->value_len = value_len;
    }
}
