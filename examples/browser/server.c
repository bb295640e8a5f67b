#include "server.h"

#define BOUNDARY "frame-of-gst-fmnist"
#define FRAMES_UNDER_WAY 2 /* a viewer that is slower gets fewer frames, the newest ones */
#define EVENTS_KEPT 50
#define EVENTS_UNDER_WAY 1000 /* a page that has taken none for so long is gone */

struct Server {
  SoupServer *soup;
  char *address;
  gboolean everywhere;
  GPtrArray *viewers, *listeners; /* of Client */
  GQueue events;                  /* of char * */
};

/* A response that does not end. */
typedef struct {
  GPtrArray *group; /* that it is in */
  SoupServerMessage *message;
  int under_way; /* chunks appended and not yet written */
} Client;

static void on_written(SoupServerMessage *message, Client *c) { c->under_way--; }

static void on_finished(SoupServerMessage *message, Client *c) { g_ptr_array_remove(c->group, c); }

static void client_free(gpointer data) {
  Client *c = data;
  g_signal_handlers_disconnect_by_data(c->message, c);
  g_object_unref(c->message);
  g_free(c);
}

static void client_send(Client *c, GBytes *bytes) {
  soup_message_body_append_bytes(soup_server_message_get_response_body(c->message), bytes);
  c->under_way++;
  soup_server_message_unpause(c->message);
}

static Client *client_new(GPtrArray *group, SoupServerMessage *message, const char *type) {
  Client *c = g_new0(Client, 1);
  SoupMessageHeaders *headers = soup_server_message_get_response_headers(message);
  c->group = group;
  c->message = g_object_ref(message);
  soup_server_message_set_status(message, SOUP_STATUS_OK, NULL);
  soup_message_headers_set_encoding(headers, SOUP_ENCODING_CHUNKED);
  soup_message_headers_replace(headers, "Content-Type", type);
  soup_message_headers_replace(headers, "Cache-Control", "no-store");
  soup_message_body_set_accumulate(soup_server_message_get_response_body(message), FALSE);
  g_signal_connect(message, "wrote-chunk", G_CALLBACK(on_written), c);
  g_signal_connect(message, "finished", G_CALLBACK(on_finished), c);
  g_ptr_array_add(group, c);
  return c;
}

/* What it has not taken goes with its connection. */
static void client_drop(Client *c) {
  GSocket *socket = soup_server_message_get_socket(c->message);
  if (socket)
    g_socket_shutdown(socket, TRUE, TRUE, NULL);
  g_ptr_array_remove(c->group, c);
}

static GBytes *event_bytes(const char *json) {
  char *text = g_strdup_printf("data: %s\n\n", json);
  return g_bytes_new_take(text, strlen(text));
}

static void send_event_to(Client *c, const char *json) {
  g_autoptr(GBytes) bytes = event_bytes(json);
  client_send(c, bytes);
}

/* What is for this machine alone is asked for by its name: a page of somebody else could have a name of its own lead
 * here (DNS rebinding), and its reader's browser would show it the camera. */
static gboolean is_for_us(const Server *s, SoupServerMessage *message) {
  const char *host = g_uri_get_host(soup_server_message_get_uri(message));
  return s->everywhere || g_strcmp0(host, "127.0.0.1") == 0 || g_strcmp0(host, "localhost") == 0;
}

static gboolean is_allowed(const Server *s, SoupServerMessage *message) {
  gboolean get = soup_server_message_get_method(message) == SOUP_METHOD_GET;
  if (get && is_for_us(s, message))
    return TRUE;
  soup_server_message_set_status(message, get ? SOUP_STATUS_FORBIDDEN : SOUP_STATUS_METHOD_NOT_ALLOWED, NULL);
  return FALSE;
}

static void serve_video(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
                        gpointer user) {
  Server *s = user;
  if (is_allowed(s, message))
    client_new(s->viewers, message, "multipart/x-mixed-replace; boundary=" BOUNDARY);
}

static void serve_events(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
                         gpointer user) {
  Server *s = user;
  if (!is_allowed(s, message))
    return;
  Client *c = client_new(s->listeners, message, "text/event-stream");
  g_autoptr(GBytes) hello = g_bytes_new_static(": events\n\n", 10);
  client_send(c, hello);
  for (GList *l = s->events.head; l != NULL; l = l->next)
    send_event_to(c, l->data);
}

static void serve_page(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
                       gpointer user) {
  g_autoptr(GBytes) page = NULL;
  if (strcmp(path, "/") != 0) {
    soup_server_message_set_status(message, SOUP_STATUS_NOT_FOUND, NULL);
    return;
  }
  if (!is_allowed(user, message))
    return;
  page = g_resources_lookup_data("/fmnist/browser/page.html", G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  soup_server_message_set_status(message, SOUP_STATUS_OK, NULL);
  soup_message_headers_replace(soup_server_message_get_response_headers(message), "Content-Type",
                               "text/html; charset=utf-8");
  soup_message_body_append_bytes(soup_server_message_get_response_body(message), page);
}

/* Backwards: who does not listen any more goes. */
static void send_to_all(GPtrArray *group, GBytes *bytes, int most, gboolean drop) {
  for (guint i = group->len; i-- > 0;) {
    Client *c = g_ptr_array_index(group, i);
    if (c->under_way < most)
      client_send(c, bytes);
    else if (drop)
      client_drop(c);
  }
}

void server_send_frame(Server *s, GBytes *jpeg) {
  if (s->viewers->len == 0)
    return;
  gsize size = g_bytes_get_size(jpeg);
  GByteArray *part = g_byte_array_new();
  g_autofree char *head = g_strdup_printf(
      "--" BOUNDARY "\r\nContent-Type: image/jpeg\r\nContent-Length: %" G_GSIZE_FORMAT "\r\n\r\n", size);
  g_byte_array_append(part, (const guint8 *)head, (guint)strlen(head));
  g_byte_array_append(part, g_bytes_get_data(jpeg, NULL), (guint)size);
  g_byte_array_append(part, (const guint8 *)"\r\n", 2);
  g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(part);
  send_to_all(s->viewers, bytes, FRAMES_UNDER_WAY, FALSE);
}

void server_send_event(Server *s, const char *json) {
  g_autoptr(GBytes) bytes = event_bytes(json);
  g_queue_push_tail(&s->events, g_strdup(json));
  if (s->events.length > EVENTS_KEPT)
    g_free(g_queue_pop_head(&s->events));
  send_to_all(s->listeners, bytes, EVENTS_UNDER_WAY, TRUE);
}

const char *server_address(Server *s) { return s->address; }

Server *server_new(guint port, gboolean everywhere, GError **error) {
  Server *s = g_new0(Server, 1);
  s->everywhere = everywhere;
  s->soup = soup_server_new("server-header", "gst-fmnist", NULL);
  s->viewers = g_ptr_array_new_with_free_func(client_free);
  s->listeners = g_ptr_array_new_with_free_func(client_free);
  soup_server_add_handler(s->soup, NULL, serve_page, s, NULL);
  soup_server_add_handler(s->soup, "/video", serve_video, s, NULL);
  soup_server_add_handler(s->soup, "/events", serve_events, s, NULL);
  gboolean ok = everywhere ? soup_server_listen_all(s->soup, port, 0, error)
                           : soup_server_listen_local(s->soup, port, SOUP_SERVER_LISTEN_IPV4_ONLY, error);
  if (!ok) {
    server_free(s);
    return NULL;
  }
  GSList *uris = soup_server_get_uris(s->soup);
  s->address =
      g_strdup_printf("http://%s:%d/", everywhere ? g_get_host_name() : "127.0.0.1", g_uri_get_port(uris->data));
  g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
  return s;
}

void server_free(Server *s) {
  g_ptr_array_unref(s->viewers);
  g_ptr_array_unref(s->listeners);
  soup_server_disconnect(s->soup);
  g_object_unref(s->soup);
  g_queue_clear_full(&s->events, g_free);
  g_free(s->address);
  g_free(s);
}
