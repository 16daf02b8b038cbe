/* The configuration directives of mod_reqin_log; each is described in docs/reference/mod-reqin-log.md. */
#include "reqin_log.h"

#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "apr_strings.h"
#include "http_core.h"
#include "http_log.h"

APLOG_USE_MODULE(reqin_log);

#define DEFAULT_BUFFER_BYTES (1024 * 1024)
#define SMALLEST_BUFFER_BYTES (2 * REQIN_MAX_EVENT)
#define LARGEST_BUFFER_BYTES (256 * 1024 * 1024)
#define DEFAULT_FLUSH_MS 20

/* Those whose value has a column in raw_http_requests. */
static const char *const default_headers[] = {
    "user-agent", "accept", "accept-language", "accept-encoding", "referer",
    "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "sec-fetch-user",
    "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "x-forwarded-for",
    "signature", "signature-input", "signature-agent",
};

/* Credentials: their values never leave the server, whatever the configuration says. */
static const char *const secret_headers[] = {
    "authorization", "proxy-authorization", "cookie", "cookie2", "set-cookie",
};

static reqin_settings settings;

void reqin_reset_settings(apr_pool_t *pool)
{
    apr_size_t i;

    memset(&settings, 0, sizeof(settings));
    settings.buffer_bytes = DEFAULT_BUFFER_BYTES;
    settings.flush_ms = DEFAULT_FLUSH_MS;
    settings.reports_connections = 1;
    settings.reads_wire = 1;
    settings.names_cookies = 1;
    reqin_forget_kept_headers();
    for (i = 0; i < sizeof(default_headers) / sizeof(default_headers[0]); i++)
        reqin_keep_header(pool, default_headers[i]);
}

const reqin_settings *reqin_get_settings(void)
{
    return &settings;
}

void *reqin_create_vhost_conf(apr_pool_t *pool, server_rec *server)
{
    reqin_vhost_conf *conf = apr_palloc(pool, sizeof(*conf));

    (void)server;
    conf->enabled = -1;
    return conf;
}

void *reqin_merge_vhost_conf(apr_pool_t *pool, void *base, void *over)
{
    reqin_vhost_conf *merged = apr_palloc(pool, sizeof(*merged));
    const reqin_vhost_conf *outer = base, *inner = over;

    merged->enabled = inner->enabled == -1 ? outer->enabled : inner->enabled;
    return merged;
}

int reqin_is_enabled_for(server_rec *server)
{
    const reqin_vhost_conf *conf = ap_get_module_config(server->module_config, &reqin_log_module);

    return settings.socket_path != NULL && conf->enabled != 0;
}

static int equals_name(const char *known, const char *name, apr_size_t name_len)
{
    return strlen(known) == name_len && strncasecmp(known, name, name_len) == 0;
}

static int is_secret(const char *name, apr_size_t name_len)
{
    apr_size_t i;

    for (i = 0; i < sizeof(secret_headers) / sizeof(secret_headers[0]); i++) {
        if (equals_name(secret_headers[i], name, name_len))
            return 1;
    }
    return 0;
}

int reqin_is_cookie(const char *name, apr_size_t name_len)
{
    return name_len == 6 && (name[0] | 0x20) == 'c' && strncasecmp("cookie", name, 6) == 0;
}

static const char *set_enabled(cmd_parms *cmd, void *dummy, int on)
{
    reqin_vhost_conf *conf = ap_get_module_config(cmd->server->module_config, &reqin_log_module);

    (void)dummy;
    conf->enabled = on;
    return NULL;
}

static const char *set_socket(cmd_parms *cmd, void *dummy, const char *path)
{
    const char *refused = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    const char *full;

    (void)dummy;
    if (refused)
        return refused;
    if (strcasecmp(path, "none") == 0) {
        settings.socket_path = NULL;
        return NULL;
    }
    full = ap_runtime_dir_relative(cmd->pool, path);
    if (!full || strlen(full) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return apr_psprintf(cmd->pool, "ReqinLogSocket: a path may have %lu bytes at most: %s",
                            (unsigned long)sizeof(((struct sockaddr_un *)0)->sun_path) - 1, path);
    settings.socket_path = full;
    return NULL;
}

static const char *number_within(cmd_parms *cmd, const char *text, apr_int64_t low, apr_int64_t high,
                                 apr_int64_t *number)
{
    char *end = NULL;
    const char *refused = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    if (refused)
        return refused;
    *number = apr_strtoi64(text, &end, 10);
    if (end == text || *end != '\0' || *number < low || *number > high)
        return apr_psprintf(cmd->pool, "%s takes a number from %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT,
                            cmd->cmd->name, low, high);
    return NULL;
}

static const char *set_buffer(cmd_parms *cmd, void *dummy, const char *text)
{
    apr_int64_t number = 0;
    const char *refused = number_within(cmd, text, SMALLEST_BUFFER_BYTES, LARGEST_BUFFER_BYTES, &number);

    (void)dummy;
    if (!refused)
        settings.buffer_bytes = (apr_size_t)number;
    return refused;
}

static const char *set_flush(cmd_parms *cmd, void *dummy, const char *text)
{
    apr_int64_t number = 0;
    const char *refused = number_within(cmd, text, 1, 1000, &number);

    (void)dummy;
    if (!refused)
        settings.flush_ms = (int)number;
    return refused;
}

/* Once for each name; the first replaces the default list. */
static const char *add_header(cmd_parms *cmd, void *dummy, const char *name)
{
    const char *refused = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dummy;
    if (refused)
        return refused;
    if (!settings.has_own_headers) {
        settings.has_own_headers = 1;
        reqin_forget_kept_headers();
    }
    if (strcasecmp(name, "none") == 0)
        return NULL;
    if (is_secret(name, strlen(name))) {
        /* A warning, since refusing would keep the site down for a line that has no effect. */
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, cmd->server,
                     "ReqinLogHeaders: the value of %s is never written, the name is ignored", name);
        return NULL;
    }
    if (!reqin_keep_header(cmd->pool, name))
        return apr_psprintf(cmd->pool, "ReqinLogHeaders takes %d names at most", REQIN_MAX_KEPT_HEADERS);
    return NULL;
}

static const char *set_global_flag(cmd_parms *cmd, void *dummy, int on)
{
    const char *refused = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dummy;
    if (!refused)
        *(int *)cmd->info = on;
    return refused;
}

const command_rec reqin_directives[] = {
    AP_INIT_FLAG("ReqinLog", set_enabled, NULL, RSRC_CONF,
                 "Report requests of this server or virtual host (default: On)"),
    AP_INIT_TAKE1("ReqinLogSocket", set_socket, NULL, RSRC_CONF,
                  "UNIX stream socket of the agent, or none (default: none)"),
    AP_INIT_TAKE1("ReqinLogBuffer", set_buffer, NULL, RSRC_CONF,
                  "Bytes of events that a child process holds for a slow reader (default: 1048576)"),
    AP_INIT_TAKE1("ReqinLogFlushInterval", set_flush, NULL, RSRC_CONF,
                  "Milliseconds for which events are gathered into one write (default: 20)"),
    AP_INIT_ITERATE("ReqinLogHeaders", add_header, NULL, RSRC_CONF,
                    "Headers whose values are reported, or none"),
    AP_INIT_FLAG("ReqinLogCookieNames", set_global_flag, &settings.names_cookies, RSRC_CONF,
                 "Report the names, never the values, of cookies (default: On)"),
    AP_INIT_FLAG("ReqinLogConnections", set_global_flag, &settings.reports_connections, RSRC_CONF,
                 "Report the end of each connection (default: On)"),
    AP_INIT_FLAG("ReqinLogWire", set_global_flag, &settings.reads_wire, RSRC_CONF,
                 "Read header names from the connection, not from the server's table (default: On)"),
    {NULL, {NULL}, NULL, 0, 0, NULL},
};
