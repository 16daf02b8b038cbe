/* Follows a request from its first byte to its log entry. */
#include "reqin_log.h"

#include "apr_strings.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"

static reqin_request *request_of(request_rec *r)
{
    return ap_get_module_config(r->request_config, &reqin_log_module);
}

/* The next request's pool may be made before this one's is gone, never the other way round. */
static apr_status_t stop_reading(void *data)
{
    reqin_request *seen = data;

    if (seen->connection->reading == seen)
        seen->connection->reading = NULL;
    return APR_SUCCESS;
}

static reqin_request *begin_request(request_rec *r, reqin_connection *connection)
{
    reqin_request *seen = apr_pcalloc(r->pool, sizeof(*seen));

    seen->connection = connection;
    seen->number = __atomic_add_fetch(&connection->requests_begun, 1, __ATOMIC_RELAXED);
    /* The request that asked for HTTP/2 begins again as stream 1. */
    if (r->connection->master && connection->began_as_http1)
        seen->number--;
    ap_set_module_config(r->request_config, &reqin_log_module, seen);
    return seen;
}

/* Before the request line of HTTP/1 is read, and so also for requests that fail with 400, 408 or 414. */
static void pre_read_request(request_rec *r, conn_rec *c)
{
    reqin_connection *connection = reqin_connection_of(c);
    reqin_request *seen;

    if (!connection || c->master)
        return;
    seen = begin_request(r, connection);
    connection->began_as_http1 = 1;
    reqin_http1_start(&seen->http1, r->pool);
    connection->reading = seen;
    apr_pool_cleanup_register(r->pool, seen, stop_reading, apr_pool_cleanup_null);
}

/* The server's table of fields, before any other module changes it. */
static void keep_server_fields(request_rec *r, reqin_request *seen)
{
    const apr_array_header_t *table = apr_table_elts(r->headers_in);
    const apr_table_entry_t *entry = (const apr_table_entry_t *)table->elts;
    int i;

    seen->seen_fields = apr_palloc(r->pool, sizeof(*seen->seen_fields));
    reqin_fields_start(seen->seen_fields, r->pool);
    for (i = 0; i < table->nelts; i++) {
        if (entry[i].key)
            reqin_fields_add(seen->seen_fields, entry[i].key, strlen(entry[i].key), entry[i].val,
                             entry[i].val ? strlen(entry[i].val) : 0);
    }
}

static int post_read_request(request_rec *r)
{
    reqin_connection *connection = reqin_connection_of(r->connection);
    reqin_request *seen;

    /* An internal redirect runs this hook again; what the client sent stays with the first request. */
    if (!connection || r->prev || r->main)
        return DECLINED;
    seen = request_of(r);
    if (!seen)
        seen = begin_request(r, connection);
    if (!seen->http1.complete)
        keep_server_fields(r, seen);
    return DECLINED;
}

/* RFC 7540 section 3.2: the answer follows on stream 1, where the same request is reported with its outcome. */
static int is_upgraded_to_http2(request_rec *r)
{
    return r->status == HTTP_SWITCHING_PROTOCOLS && !strcmp(ap_get_protocol(r->connection), "h2c");
}

static int log_transaction(request_rec *r)
{
    reqin_connection *connection = reqin_connection_of(r->connection);
    reqin_request *seen;

    if (!connection || r->main || !reqin_is_enabled_for(r->server) || is_upgraded_to_http2(r))
        return DECLINED;
    seen = request_of(r);
    if (!seen)
        seen = begin_request(r, connection);
    __atomic_add_fetch(&connection->requests_finished, 1, __ATOMIC_RELAXED);
    reqin_send_request(r, seen);
    return OK;
}

void reqin_request_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_pre_read_request(pre_read_request, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_post_read_request(post_read_request, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_log_transaction(log_transaction, NULL, NULL, APR_HOOK_MIDDLE);
}
