/* The header fields of one request, written as JSON while they arrive: names, and the values that may be reported.
 * Nothing else of a field is kept. Every field of every request comes through here. */
#include "reqin_log.h"

#include <string.h>

#include "apr_strings.h"

/* A browser sends 10 to 20 fields, of which 500 to 1,000 bytes are kept; then comes the rest of the event. */
#define FIRST_CAPACITY 2560
#define FIRST_COOKIE_CAPACITY 256
/* Parts of REQIN_MAX_EVENT: the rest of an event needs under 20 KiB even if each byte of the target, host and
 * method is escaped, and the frames of an HTTP/2 connection under 6 KiB. */
#define LIMIT_OF_FIELDS (30 * 1024)
#define LIMIT_OF_COOKIE_NAMES (8 * 1024)
#define MAX_COOKIES 256

void reqin_fields_start(reqin_fields *fields, apr_pool_t *pool)
{
    memset(fields, 0, sizeof(*fields));
    json_start(&fields->json, pool, FIRST_CAPACITY, LIMIT_OF_FIELDS);
    json_literal(&fields->json, "{\"v\":1,\"ev\":\"end\",\"headers\":[");
}

/* One name=value pair (RFC 6265 section 4.2.1): its name, or nothing for a pair without one. */
static void add_cookie_name(reqin_fields *fields, const char *pair, apr_size_t len)
{
    json_writer *json = &fields->cookie_names;
    const char *equals = memchr(pair, '=', len);
    apr_size_t before, name_len;

    if (!equals)
        return; /* a value without a name */
    name_len = (apr_size_t)(equals - pair);
    pair = reqin_trimmed(pair, &name_len);
    if (name_len == 0)
        return;
    if (!json->text)
        json_start(json, fields->json.pool, FIRST_COOKIE_CAPACITY, LIMIT_OF_COOKIE_NAMES);
    before = json->len;
    if (fields->cookies > 0)
        json_literal(json, ",");
    json_string(json, pair, name_len, REQIN_MAX_NAME);
    fields->cookies++;
    if (json->overflowed) {
        json->len = before;
        fields->cookies = MAX_COOKIES; /* no room for more */
    }
}

static void add_cookie_names(reqin_fields *fields, const char *at, apr_size_t len)
{
    const char *end = at + len;

    while (at < end && fields->cookies < MAX_COOKIES) {
        const char *semicolon = memchr(at, ';', (apr_size_t)(end - at));
        const char *pair_end = semicolon ? semicolon : end;

        add_cookie_name(fields, at, (apr_size_t)(pair_end - at));
        at = pair_end + 1;
    }
    fields->is_pair_open = len > 0 && end[-1] != ';';
}

static apr_size_t length_to_blank(const char *text, apr_size_t len)
{
    apr_size_t i = 0;

    while (i < len && !reqin_is_blank(text[i]))
        i++;
    return i;
}

void reqin_fields_add(reqin_fields *fields, const char *name, apr_size_t name_len, const char *value,
                      apr_size_t value_len)
{
    json_writer *json = &fields->json;
    apr_size_t before = json->len;

    if (fields->count == REQIN_MAX_FIELDS)
        fields->cut = 1;
    if (fields->cut)
        return;
    fields->last = REQIN_WITHHELD;
    if (value && reqin_is_cookie(name, name_len)) {
        if (reqin_get_settings()->names_cookies) {
            fields->last = REQIN_COOKIE;
            add_cookie_names(fields, value, value_len);
        }
    }
    else if (value && reqin_keeps_value(name, name_len)) {
        fields->last = REQIN_VALUE;
    }
    else {
        /* White space ends a name: what follows it in a broken line could be a credential. The names of cookies
         * and of values that are kept have none. */
        name_len = length_to_blank(name, name_len);
    }
    if (fields->count > 0)
        json_literal(json, ",[");
    else
        json_literal(json, "[");
    json_string(json, name, name_len, REQIN_MAX_NAME);
    if (fields->last == REQIN_VALUE) {
        fields->value_len = value_len;
        json_literal(json, ",");
        json_string(json, value, value_len, REQIN_MAX_VALUE);
        json_literal(json, "]");
    }
    else {
        json_literal(json, ",null]");
    }
    fields->count++;
    if (json->overflowed) {
        json->overflowed = 0;
        json->len = before;
        fields->cut = 1;
    }
}

/* The closing quote and bracket of the value give way to the second string, whose opening quote becomes the space
 * between the two. */
static void continue_value(reqin_fields *fields, const char *more, apr_size_t len)
{
    json_writer *json = &fields->json;
    apr_size_t quote = json->len - 2, before = json->len;

    if (fields->value_len >= REQIN_MAX_VALUE)
        return;
    json->len = quote;
    json_string(json, more, len, REQIN_MAX_VALUE - fields->value_len - 1);
    json_literal(json, "]");
    fields->value_len += 1 + len;
    if (json->overflowed) {
        json->overflowed = 0;
        json->len = before;
        json->text[quote + 1] = ']';
        fields->cut = 1;
    }
    json->text[quote] = json->len == before ? '"' : ' ';
}

void reqin_fields_continue(reqin_fields *fields, const char *more, apr_size_t len)
{
    if (fields->count == 0 || fields->cut || len == 0)
        return;
    if (fields->last == REQIN_VALUE) {
        continue_value(fields, more, len);
    }
    else if (fields->last == REQIN_COOKIE) {
        const char *begin = more;

        if (fields->is_pair_open) { /* what continues a pair may be a secret: no name begins in it */
            begin = memchr(more, ';', len);
            if (!begin)
                return;
            begin++;
        }
        add_cookie_names(fields, begin, (apr_size_t)(more + len - begin));
    }
}
