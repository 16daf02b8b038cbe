/* What the module knows of one connection: its number, its addresses, what came in on it. */
#include "reqin_log.h"

#include <string.h>
#include <sys/mman.h>

#include "apr_strings.h"
#include "http_connection.h"

#define COUNTER_KEY "mod_reqin_log:connections"

/* In memory that parent and children share: a number stands for one connection of the whole server, over
 * graceful restarts too. `conn->id` cannot serve, since it is reused and changes within an HTTP/2 connection. */
static apr_uint64_t *counter;

/* Raises nothing: returns 0 if there is no shared memory. `process_pool` outlives restarts, as the module's own
 * static variables do not. */
int reqin_counter_open(apr_pool_t *process_pool)
{
    void *found = NULL;

    apr_pool_userdata_get(&found, COUNTER_KEY, process_pool);
    if (!found) {
        found = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (found == MAP_FAILED)
            return 0;
        /* The copying form: the module's own text of the key is unmapped when a restart loads it again. */
        apr_pool_userdata_set(found, COUNTER_KEY, apr_pool_cleanup_null, process_pool);
    }
    counter = found;
    return 1;
}

reqin_connection *reqin_connection_of(conn_rec *c)
{
    conn_rec *tcp = c->master ? c->master : c;

    return ap_get_module_config(tcp->conn_config, &reqin_log_module);
}

/* Runs after the pools of all requests of the connection are gone, so their events come first. */
static apr_status_t connection_ended(void *data)
{
    const reqin_connection *connection = data;

    if (reqin_get_settings()->reports_connections && reqin_is_enabled_for(connection->c->base_server))
        reqin_send_close(connection);
    return APR_SUCCESS;
}

int reqin_pre_connection(conn_rec *c, void *socket)
{
    reqin_connection *connection;

    (void)socket;
    if (c->master || c->outgoing || !reqin_get_settings()->socket_path || !counter)
        return DECLINED;
    connection = apr_pcalloc(c->pool, sizeof(*connection));
    connection->c = c;
    connection->seq = __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
    connection->started = apr_time_now();
    /* Now, because a PROXY header that mod_remoteip reads may change what the connection shows later. */
    reqin_describe(connection);
    ap_set_module_config(c->conn_config, &reqin_log_module, connection);
    apr_pool_cleanup_register(c->pool, connection, connection_ended, apr_pool_cleanup_null);
    if (reqin_get_settings()->reads_wire)
        reqin_add_filter(connection);
    return DECLINED;
}
