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

static void take_line(reqin_http1 *http1, const char *line, apr_size_t len)
{
    apr_size_t name_len, value_len;
    const char *value, *colon;

    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (http1->lines == 0) {
        /* Apache skips empty lines before the request line. */
        http1->lines = len > 0;
        http1->request_line_len = len < REQIN_MAX_TARGET_LINE ? len : REQIN_MAX_TARGET_LINE;
        http1->request_line = apr_pmemdup(http1->fields.json.pool, line, http1->request_line_len);
        return;
    }
    http1->lines++;
    if (len == 0) {
        http1->complete = 1;
        return;
    }
    if (reqin_is_blank(line[0])) { /* continues the value before it (RFC 9112 section 5.2) */
        line = reqin_trimmed(line, &len);
        reqin_fields_continue(&http1->fields, line, len);
        return;
    }
    colon = memchr(line, ':', len);
    if (!colon) {
        reqin_fields_add(&http1->fields, line, len, NULL, 0);
        return;
    }
    name_len = (apr_size_t)(colon - line);
    value_len = len - name_len - 1;
    value = reqin_trimmed(colon + 1, &value_len);
    reqin_fields_add(&http1->fields, line, name_len, value, value_len);
}

static void keep_piece(reqin_http1 *http1, const char *bytes, apr_size_t len)
{
    apr_size_t room = REQIN_MAX_LINE - http1->line_len;

    if (!http1->line)
        http1->line = apr_palloc(http1->fields.json.pool, REQIN_MAX_LINE);
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
