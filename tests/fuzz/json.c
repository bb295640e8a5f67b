/* Any bytes as JSON; what is accepted can be written and read again. */
#include <string.h>

#include "fuzz.h"
#include "io/json.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) { return 0; }

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size) {
  g_autoptr(GError) error = NULL;
  JsonNode *root = fmn_json_parse(size ? (const char *)data : "", size, 6, "fuzz", &error);
  fuzz_judge(root != NULL, &error);
  if (root) {
    g_autofree char *text = json_to_string(root, FALSE);
    json_node_unref(root);
    /* json-glib writes more digits than are read, of numbers that have them */
    root = g_utf8_validate(text, -1, NULL) ? fmn_json_parse(text, strlen(text), 6, "fuzz", &error) : NULL;
    if (root)
      json_node_unref(root);
  }
  return 0;
}
