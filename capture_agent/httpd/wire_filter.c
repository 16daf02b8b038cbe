/* The input filter between TLS and the protocols: it looks at the decrypted bytes and passes everything on.
 *
 * It stays for the life of the connection. Removing it in the middle of a request loses what Apache still
 * expects from the filter's place in the chain: HTTP/1.1 then hung for 20 seconds. */
#include "reqin_log.h"

#include "apr_buckets.h"
#include "util_filter.h"

#define FILTER_NAME "REQIN_LOG_WIRE"

static ap_filter_rec_t *wire_filter;

static void see_bytes(reqin_connection *connection, ap_input_mode_t mode, const char *bytes, apr_size_t len)
{
    reqin_request *reading = connection->reading;

    connection->bytes_in += len;
    if (reading) {
        reading->request_bytes += len;
        /* Bodies and chunk trailers come after the empty line, at which the reader of the fields stops. */
        if (mode == AP_MODE_GETLINE && !reading->http1.complete)
            reqin_http1_feed(&reading->http1, bytes, len);
    }
    if (mode == AP_MODE_READBYTES && !(reading && !connection->is_http2)) {
        if (!connection->http2)
            connection->http2 = reqin_http2_create(connection->c->pool, &connection->http2_start);
        connection->is_http2 = reqin_http2_feed(connection->http2, bytes, len);
    }
}

static apr_status_t see_input(ap_filter_t *f, apr_bucket_brigade *brigade, ap_input_mode_t mode,
                              apr_read_type_e block, apr_off_t readbytes)
{
    apr_status_t status = ap_get_brigade(f->next, brigade, mode, block, readbytes);
    apr_bucket *bucket;

    /* A speculative read shows bytes that a later read will give again. */
    if (status != APR_SUCCESS || mode == AP_MODE_SPECULATIVE || mode == AP_MODE_INIT)
        return status;
    for (bucket = APR_BRIGADE_FIRST(brigade); bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = APR_BUCKET_NEXT(bucket)) {
        const char *bytes;
        apr_size_t len;

        /* Only what is in memory already: reading a socket's bucket here could wait for the client. */
        if (!APR_BUCKET_IS_HEAP(bucket) && !APR_BUCKET_IS_TRANSIENT(bucket) && !APR_BUCKET_IS_POOL(bucket)
            && !APR_BUCKET_IS_IMMORTAL(bucket))
            continue;
        if (apr_bucket_read(bucket, &bytes, &len, APR_NONBLOCK_READ) == APR_SUCCESS && len > 0)
            see_bytes(f->ctx, mode, bytes, len);
    }
    return status;
}

void reqin_register_filter(void)
{
    /* Above TLS (AP_FTYPE_CONNECTION + 5), below everything that knows requests. */
    wire_filter = ap_register_input_filter(FILTER_NAME, see_input, NULL, AP_FTYPE_CONNECTION);
}

void reqin_add_filter(reqin_connection *connection)
{
    ap_add_input_filter_handle(wire_filter, connection, NULL, connection->c);
}
