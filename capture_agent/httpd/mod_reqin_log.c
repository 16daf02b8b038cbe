/* mod_reqin_log: one JSON event for each finished request and each ended connection, to the capture agent.
 *
 * The agent joins them with the ClientHello of the connection, so the TCP peer, the number of the connection
 * and the header names as sent matter here, which access logs do not have. */
#include "reqin_log.h"

#include <errno.h>

#include "http_connection.h"
#include "http_log.h"

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog;
    (void)ptemp;
    reqin_reset_settings(pconf);
    return OK;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *server)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    reqin_find_http2();
    if (!reqin_get_settings()->socket_path)
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, server, "mod_reqin_log: idle, ReqinLogSocket is not set");
    else if (!reqin_counter_open(server->process->pool)) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, errno, server, "mod_reqin_log: no shared memory");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

static void child_init(apr_pool_t *pchild, server_rec *server)
{
    if (reqin_get_settings()->socket_path)
        reqin_transport_start(pchild, server);
}

static void register_hooks(apr_pool_t *pool)
{
    reqin_register_filter();
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_connection(reqin_pre_connection, NULL, NULL, APR_HOOK_MIDDLE);
    reqin_request_hooks(pool);
}

AP_DECLARE_MODULE(reqin_log) = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    reqin_create_vhost_conf,
    reqin_merge_vhost_conf,
    reqin_directives,
    register_hooks,
    0,
};
