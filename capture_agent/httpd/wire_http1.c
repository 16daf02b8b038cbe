/* Header fields of an HTTP/1 request (RFC 9112 section 5) as the client sent them: order, case, duplicates.
 * Apache's own table keeps order and case, but merges duplicates into the place of the first. */
#include "reqin_log.h"

#include <string.h>

#include "apr_strings.h"

void reqin_http1_start(reqin_http1 *http1, apr_pool_t *pool)
{
    memset(http1, 0, sizeof(*http1));
    reqin_fields_start(&http1->fields, pool);
}

static int is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Without the white space around it. */
static const char *trimmed(const char *text, apr_size_t *len)
{
    while (*len > 0 && is_blank(text[0])) {
        text++;
        (*len)--;
    }
    while (*len > 0 && is_blank(text[*len - 1]))
        (*len)--;
    return text;
}

/* Each continuation copies the value so far; a client that folds a hundred times gets no more copies. */
#define MAX_FOLDS 16

/* A line that begins with white space continues the value before it (RFC 9112 section 5.2). */
static void continue_field(reqin_http1 *http1, const char *line, apr_size_t len)
{
    reqin_field *field;
    char *joined;

    if (http1->fields.count == 0 || http1->fields_cut || ++http1->folds > MAX_FOLDS)
        return;
    field = &http1->fields.all[http1->fields.count - 1];
    line = trimmed(line, &len);
    if (!field->value || len == 0 || field->value_len + 1 + len > REQIN_MAX_LINE)
        return;
    joined = reqin_fields_take(&http1->fields, field->value_len + 1 + len);
    memcpy(joined, field->value, field->value_len);
    joined[field->value_len] = ' ';
    memcpy(joined + field->value_len + 1, line, len);
    field->value = joined;
    field->value_len += 1 + len;
}

/* How many bytes stand before the first `stop`, or all of them. */
static apr_size_t length_before(char stop, const char *text, apr_size_t len)
{
    const char *found = memchr(text, stop, len);

    return found ? (apr_size_t)(found - text) : len;
}

static void take_line(reqin_http1 *http1, const char *line, apr_size_t len)
{
    apr_size_t name_len, value_len;
    const char *value;
    char *copy;

    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (http1->lines == 0) {
        /* Apache skips empty lines before the request line. */
        http1->lines = len > 0;
        http1->request_line_len = len < REQIN_MAX_TARGET_LINE ? len : REQIN_MAX_TARGET_LINE;
        copy = reqin_fields_take(&http1->fields, http1->request_line_len);
        memcpy(copy, line, http1->request_line_len);
        http1->request_line = copy;
        return;
    }
    http1->lines++;
    if (len == 0) {
        http1->complete = 1;
        return;
    }
    if (is_blank(line[0])) {
        continue_field(http1, line, len);
        return;
    }
    if (http1->fields.count == REQIN_MAX_FIELDS) {
        http1->fields_cut = 1;
        return;
    }
    /* White space ends a name too: what follows it in a broken line could be a credential. */
    name_len = length_before(':', line, len);
    name_len = length_before(' ', line, name_len);
    name_len = length_before('\t', line, name_len);
    if (name_len == len || line[name_len] != ':') {
        reqin_fields_add(&http1->fields, line, name_len, NULL, 0);
        return;
    }
    value_len = len - name_len - 1;
    value = trimmed(line + name_len + 1, &value_len);
    reqin_fields_add(&http1->fields, line, name_len, value, value_len);
}

static void keep_piece(reqin_http1 *http1, const char *bytes, apr_size_t len)
{
    apr_size_t room = REQIN_MAX_LINE - http1->line_len;

    if (!http1->line)
        http1->line = apr_palloc(http1->fields.pool, REQIN_MAX_LINE);
    if (len > room)
        len = room;
    memcpy(http1->line + http1->line_len, bytes, len);
    http1->line_len += len;
}

/* A request line over Apache's limit never ends: what came of it is the line. */
void reqin_http1_request_line(const reqin_http1 *http1, const char **line, apr_size_t *len)
{
    const char *unfinished = http1->line ? http1->line : "";

    *line = http1->lines > 0 ? http1->request_line : unfinished;
    *len = http1->lines > 0 ? http1->request_line_len : http1->line_len;
}

void reqin_http1_feed(reqin_http1 *http1, const char *bytes, apr_size_t len)
{
    while (len > 0 && !http1->complete) {
        const char *newline = memchr(bytes, '\n', len);
        apr_size_t piece = newline ? (apr_size_t)(newline - bytes) : len;

        if (!newline) {
            keep_piece(http1, bytes, len);
            return;
        }
        if (http1->line_len > 0) {
            keep_piece(http1, bytes, piece);
            take_line(http1, http1->line, http1->line_len);
            http1->line_len = 0;
        }
        else {
            take_line(http1, bytes, piece);
        }
        bytes += piece + 1;
        len -= piece + 1;
    }
}
