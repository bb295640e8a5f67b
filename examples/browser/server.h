/* What the page is served: itself, the frames, the events. For the thread of the default main context. */
#ifndef EXAMPLES_SERVER_H
#define EXAMPLES_SERVER_H

#include <libsoup/soup.h>

typedef struct Server Server;

/* Listens at port (0: one that is free) of this machine alone or, with everywhere, of all its addresses. NULL with an
 * error where it is taken. */
Server *server_new(guint port, gboolean everywhere, GError **error);
void server_free(Server *s);
const char *server_address(Server *s); /* of the page; owned by s */

void server_send_frame(Server *s, GBytes *jpeg);
/* json: an object in one line. The last ones are kept for pages that come later. */
void server_send_event(Server *s, const char *json);

#endif
