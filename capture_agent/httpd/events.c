/* Composes the events of finished requests and of ended connections. */
#include "reqin_log.h"

#include <string.h>

#include "apr_optional.h"
#include "apr_strings.h"
#include "http_protocol.h"
#include "mod_http2.h"

/* Two addresses and two numbers; with five more numbers and words. */
#define DESCRIPTION_CAPACITY 256
#define CLOSE_CAPACITY 448

static APR_OPTIONAL_FN_TYPE(http2_var_lookup) *http2_variable;

void reqin_find_http2(void)
{
    http2_variable = APR_RETRIEVE_OPTIONAL_FN(http2_var_lookup);
}

/* Without the quotes of `key` in the call: each key is a constant of this file. */
#define KEY(json, name) json_literal((json), ",\"" name "\":")

static void write_address(json_writer *json, apr_sockaddr_t *address, const char *ip_key, const char *port_key)
{
    char text[64] = ""; /* an IPv6 address takes 45 characters, the name of a zone may follow */
    char *zone;

    if (address && apr_sockaddr_ip_getbuf(text, sizeof(text), address) != APR_SUCCESS)
        text[0] = '\0';
    zone = strchr(text, '%'); /* of a link-local address: no part of it on the wire */
    if (zone)
        *zone = '\0';
    json_raw(json, ip_key, strlen(ip_key));
    json_text(json, text, sizeof(text));
    json_raw(json, port_key, strlen(port_key));
    json_unsigned(json, address ? address->port : 0);
}

/* The same for all events of a connection, so written once. */
void reqin_describe(reqin_connection *connection)
{
    json_writer json;

    json_start(&json, connection->c->pool, DESCRIPTION_CAPACITY, REQIN_MAX_EVENT);
    write_address(&json, connection->c->client_addr, ",\"src_ip\":", ",\"src_port\":");
    write_address(&json, connection->c->local_addr, ",\"dst_ip\":", ",\"dst_port\":");
    KEY(&json, "conn_seq");
    json_unsigned(&json, connection->seq);
    KEY(&json, "conn_start_us");
    json_unsigned(&json, (apr_uint64_t)connection->started);
    connection->description = json.text;
    connection->description_len = json.len;
}

static void write_cookie_names(json_writer *json, const reqin_fields *fields)
{
    KEY(json, "cookie_names");
    json_literal(json, "[");
    if (fields->cookies > 0)
        json_raw(json, fields->cookie_names.text, fields->cookie_names.len);
    json_literal(json, "]");
}

static void write_http2(json_writer *json, request_rec *r, const reqin_connection *connection)
{
    const char *start = __atomic_load_n(&connection->http2_start, __ATOMIC_ACQUIRE);
    const char *stream = http2_variable ? http2_variable(r->pool, r->server, r->connection, r,
                                                         (char *)"H2_STREAM_ID") : NULL;

    if (stream && *stream >= '1' && *stream <= '9') {
        KEY(json, "h2_stream");
        json_unsigned(json, (apr_uint64_t)apr_atoi64(stream));
    }
    if (start) {
        json_literal(json, ",\"h2_start\":\""); /* base64 needs no escape */
        json_raw(json, start, strlen(start));
        json_literal(json, "\"");
    }
}

/* The two first words of the request line. Apache has none for a line that it refused: take them as they came. */
static void write_target(json_writer *json, request_rec *r, const reqin_request *seen)
{
    const char *line = NULL, *space;
    apr_size_t len = 0, method_len;

    if (r->method && r->unparsed_uri) {
        KEY(json, "method");
        json_text(json, r->method, REQIN_MAX_NAME);
        KEY(json, "unparsed_uri");
        json_text(json, r->unparsed_uri, REQIN_MAX_VALUE);
        return;
    }
    reqin_http1_request_line(&seen->http1, &line, &len);
    space = len > 0 ? memchr(line, ' ', len) : NULL;
    method_len = space ? (apr_size_t)(space - line) : len;
    KEY(json, "method");
    json_string(json, line, method_len, REQIN_MAX_NAME);
    if (space) {
        line = space + 1;
        len -= method_len + 1;
        space = len > 0 ? memchr(line, ' ', len) : NULL;
    }
    else {
        len = 0;
    }
    KEY(json, "unparsed_uri");
    json_string(json, line, space ? (apr_size_t)(space - line) : len, REQIN_MAX_VALUE);
}

static const char *host_of(request_rec *r)
{
    return r->hostname ? r->hostname : apr_table_get(r->headers_in, "Host");
}

void reqin_send_request(request_rec *r, const reqin_request *seen)
{
    /* A request that failed while it was read has the fields that came until then. */
    int is_wire = seen->http1.lines > 0 && (seen->http1.complete || !seen->seen_fields);
    const reqin_fields *fields = is_wire ? &seen->http1.fields : seen->seen_fields;
    reqin_fields none;
    const reqin_connection *connection = seen->connection;
    const request_rec *last = r;
    apr_time_t now = apr_time_now();
    apr_time_t started = r->request_time > 0 ? r->request_time : now;
    json_writer json;

    while (last->next)
        last = last->next; /* an error document or another internal redirect answered */
    if (!fields) {
        reqin_fields_start(&none, r->pool);
        fields = &none;
    }
    json = fields->json;
    json_set_limit(&json, REQIN_MAX_EVENT);
    json_literal(&json, "]");
    if (fields->cut)
        json_literal(&json, ",\"headers_cut\":true");
    if (is_wire)
        json_literal(&json, ",\"header_order_source\":\"wire\"");
    else
        json_literal(&json, ",\"header_order_source\":\"server\"");
    write_cookie_names(&json, fields);
    KEY(&json, "t_us");
    json_unsigned(&json, (apr_uint64_t)started);
    KEY(&json, "dur_us");
    json_unsigned(&json, now > started ? (apr_uint64_t)(now - started) : 0);
    json_raw(&json, connection->description, connection->description_len);
    KEY(&json, "conn_req");
    json_unsigned(&json, seen->number);
    KEY(&json, "useragent_ip");
    json_text(&json, r->useragent_ip, REQIN_MAX_NAME);
    KEY(&json, "scheme");
    json_text(&json, ap_http_scheme(r), REQIN_MAX_NAME);
    KEY(&json, "host");
    json_text(&json, host_of(r), REQIN_MAX_NAME);
    write_target(&json, r, seen);
    KEY(&json, "proto");
    json_text(&json, r->protocol ? r->protocol : "", REQIN_MAX_NAME);
    KEY(&json, "status");
    json_unsigned(&json, last->status > 0 ? (apr_uint64_t)last->status : 0);
    if (!r->connection->master) {
        /* Streams of HTTP/2 share their connection's bytes, so none of them has a count. */
        KEY(&json, "request_bytes");
        json_unsigned(&json, seen->request_bytes);
    }
    KEY(&json, "bytes");
    json_unsigned(&json, last->bytes_sent > 0 ? (apr_uint64_t)last->bytes_sent : 0);
    if (r->connection->master)
        write_http2(&json, r, connection);
    reqin_submit(json.overflowed ? NULL : json.text, json.len);
}

void reqin_send_close(const reqin_connection *connection)
{
    json_writer json;

    json_start(&json, connection->c->pool, CLOSE_CAPACITY, REQIN_MAX_EVENT);
    json_literal(&json, "{\"v\":1,\"ev\":\"close\",\"t_us\":");
    json_unsigned(&json, (apr_uint64_t)apr_time_now());
    json_raw(&json, connection->description, connection->description_len);
    KEY(&json, "requests");
    json_unsigned(&json, __atomic_load_n(&connection->requests_finished, __ATOMIC_RELAXED));
    if (reqin_get_settings()->reads_wire) {
        KEY(&json, "bytes_in");
        json_unsigned(&json, connection->bytes_in);
    }
    KEY(&json, "is_http2");
    if (connection->is_http2)
        json_literal(&json, "true");
    else
        json_literal(&json, "false");
    reqin_submit(json.overflowed ? NULL : json.text, json.len);
}
