/* Shared declarations of mod_reqin_log: what one file of the module offers to the others. */
#ifndef REQIN_LOG_H
#define REQIN_LOG_H

#include "apr_pools.h"
#include "apr_tables.h"
#include "httpd.h"
#include "http_config.h"

#include "json_writer.h"

/* An event's form is described in docs/reference/mod-reqin-log.md; the agent reads this version only. */


/* The agent cuts at the same sizes (capture_agent/intake/normal_form.py): more would be sent for nothing. */
#define REQIN_MAX_NAME 256
#define REQIN_MAX_VALUE 2048
#define REQIN_MAX_TARGET_LINE (REQIN_MAX_NAME + 1 + REQIN_MAX_VALUE)
#define REQIN_MAX_FIELDS 256
/* One line of a header section that is kept while it arrives; Apache's LimitRequestFieldSize is 8190. */
#define REQIN_MAX_LINE 8192
/* The agent refuses lines over 1 MiB; a request of usual size takes 1 to 2 KiB. */
#define REQIN_MAX_EVENT (64 * 1024)
/* Frames of an HTTP/2 connection up to its first HEADERS block. Browsers send 100 to 700 bytes, but a
 * cookie of 8 KiB may stand between; its value is blanked before it is kept. */
#define REQIN_MAX_HTTP2_START 4096
#define REQIN_MAX_HTTP2_BLOCK (32 * 1024)

extern module AP_MODULE_DECLARE_DATA reqin_log_module;

/* ---- directives.c */

typedef struct {
    int enabled; /* ReqinLog: -1 unset */
} reqin_vhost_conf;

typedef struct {
    const char *socket_path; /* NULL: the module does nothing */
    apr_size_t buffer_bytes;
    int flush_ms;
    int reports_connections;
    int reads_wire;
    int names_cookies;
    int has_own_headers;
} reqin_settings;

extern const command_rec reqin_directives[];
void *reqin_create_vhost_conf(apr_pool_t *pool, server_rec *server);
void *reqin_merge_vhost_conf(apr_pool_t *pool, void *base, void *over);
/* Forget the last configuration; runs before each reading of the files. */
void reqin_reset_settings(apr_pool_t *pool);
const reqin_settings *reqin_get_settings(void);
int reqin_is_enabled_for(server_rec *server);
int reqin_is_cookie(const char *name, apr_size_t name_len);

/* ---- kept_headers.c: headers whose values are reported */

#define REQIN_MAX_KEPT_HEADERS 64

void reqin_forget_kept_headers(void);
/* Add a name, which is copied into `pool`; false if there is no room for more. */
int reqin_keep_header(apr_pool_t *pool, const char *name);
/* True if the value of this header may leave the server. */
int reqin_keeps_value(const char *name, apr_size_t name_len);

/* ---- fields.c: header fields of one request */

typedef struct {
    json_writer json; /* an event's begin up to and with its last pair of name and value; the array is open */
    json_writer cookie_names; /* its strings, with commas between; no text before the first */
    apr_size_t value_len;     /* of the last field, before it was cut */
    int count;
    int cookies;
    int is_pair_open; /* the last cookie field ended within a pair */
    int cut;          /* not all fields had room */
    enum { REQIN_WITHHELD, REQIN_VALUE, REQIN_COOKIE } last; /* what was told of the last field's value */
} reqin_fields;

void reqin_fields_start(reqin_fields *fields, apr_pool_t *pool);
/* Write a field; of its value only what may be reported. A NULL value stands for a line without a colon. */
void reqin_fields_add(reqin_fields *fields, const char *name, apr_size_t name_len, const char *value,
                      apr_size_t value_len);
/* More of the last field's value, from a line that continues it. */
void reqin_fields_continue(reqin_fields *fields, const char *more, apr_size_t len);

/* ---- white space within a line, for the parsers of fields */

static inline int reqin_is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Without the white space around it. */
static inline const char *reqin_trimmed(const char *text, apr_size_t *len)
{
    const char *end = text + *len;

    while (text < end && reqin_is_blank(text[0]))
        text++;
    while (text < end && reqin_is_blank(end[-1]))
        end--;
    *len = (apr_size_t)(end - text);
    return text;
}

/* ---- wire_http1.c: a request's lines as the client sent them */

typedef struct {
    reqin_fields fields;
    char *line;                 /* a line that arrives in pieces; NULL until one does */
    apr_size_t line_len;
    const char *request_line;
    apr_size_t request_line_len;
    int lines;    /* finished lines, the request line included */
    int complete; /* the empty line was seen */
} reqin_http1;

void reqin_http1_start(reqin_http1 *http1, apr_pool_t *pool);
void reqin_http1_feed(reqin_http1 *http1, const char *bytes, apr_size_t len);
void reqin_http1_request_line(const reqin_http1 *http1, const char **line, apr_size_t *len);

/* ---- hpack_blank.c */

/* Copy a header block (RFC 7541 section 6), replacing each value that is written out by an empty one.
 * Returns the length written to `out` (which has room for `len` bytes), or -1 for a broken block. */
apr_ssize_t reqin_hpack_blank(const unsigned char *block, apr_size_t len, unsigned char *out);

/* ---- wire_http2.c: the frames that open an HTTP/2 connection */

typedef struct reqin_http2 reqin_http2;

/* `*published` receives, once and by an atomic store, base64 of the frames with their values blanked. */
reqin_http2 *reqin_http2_create(apr_pool_t *connection_pool, const char **published);
/* True as soon as the whole preface was seen. */
int reqin_http2_feed(reqin_http2 *http2, const char *bytes, apr_size_t len);

/* ---- connection.c: what is known of one connection */

typedef struct reqin_request reqin_request;

typedef struct {
    conn_rec *c;
    apr_uint64_t seq;
    apr_time_t started;
    const char *description; /* the part of its events that never changes; see events.c */
    apr_size_t description_len;
    apr_uint32_t requests_begun;    /* atomic: streams of HTTP/2 run on several threads */
    apr_uint32_t requests_finished; /* atomic */
    apr_uint64_t bytes_in;
    reqin_request *reading; /* HTTP/1 request whose bytes arrive now; connection's thread only */
    reqin_http2 *http2;     /* connection's thread only */
    const char *http2_start; /* atomic; see wire_http2.c */
    int is_http2;
    int began_as_http1; /* set before any stream of HTTP/2 runs */
} reqin_connection;

int reqin_counter_open(apr_pool_t *process_pool);
int reqin_pre_connection(conn_rec *c, void *socket);
reqin_connection *reqin_connection_of(conn_rec *c);

/* ---- request.c */

struct reqin_request {
    reqin_connection *connection;
    apr_uint32_t number; /* on its connection, from 1; 0 until known */
    apr_uint64_t request_bytes;
    reqin_http1 http1;
    reqin_fields *seen_fields; /* the server's table before any module changed it; NULL if not reached */
};

void reqin_request_hooks(apr_pool_t *pool);

/* ---- wire_filter.c */

void reqin_register_filter(void);
void reqin_add_filter(reqin_connection *connection);

/* ---- events.c */

/* Ask mod_http2, if it is loaded, for its variables. */
void reqin_find_http2(void);
void reqin_send_request(request_rec *r, const reqin_request *seen);
void reqin_send_close(const reqin_connection *connection);
/* Write what all events of the connection share; must run before any other thread sees it. */
void reqin_describe(reqin_connection *connection);

/* ---- transport.c */

void reqin_transport_start(apr_pool_t *pchild, server_rec *server);
/* Hand over an event. `json` is an open object without its closing brace: the number is added behind it.
 * Never waits for the reader. NULL reports an event that was longer than REQIN_MAX_EVENT. */
void reqin_submit(const char *json, apr_size_t len);

#endif
