#include <math.h>
#include <string.h>

#include "error.h"
#include "io/json.h"
#include "io/model_meta.h"
#include "io/safetensors.h"
#include "train/session_state.h"

#define FORMAT "fmnist-checkpoint-1"

/* Of the model's metadata, what is decided when a training starts. */
static const char *const described[] = {"anchors", "init_sha256"};

/* Every array of a checkpoint, under its name. */
typedef gboolean (*ArrayFunc)(const char *name, const FmnParam *param, float *data, gpointer user);

static gboolean foreach_array(FmnSession *s, ArrayFunc func, gpointer user) {
  for (int i = 0; i < s->n_params; i++) {
    const FmnParam *param = s->params[i].param;
    struct {
      const char *prefix;
      float *data;
    } arrays[] = {
        {"weights", param->data},
        {"optimizer0", fmn_optimizer_state(s->optimizer, i, 0)},
        {"optimizer1", fmn_optimizer_n_states(s->optimizer) > 1 ? fmn_optimizer_state(s->optimizer, i, 1) : NULL},
        {"average", s->ema ? fmn_ema_average(s->ema, i) : NULL},
        {"best", s->best ? s->best[i] : NULL},
    };
    for (gsize k = 0; k < G_N_ELEMENTS(arrays); k++) {
      g_autofree char *name = g_strdup_printf("%s.%s", arrays[k].prefix, s->params[i].name);
      if (arrays[k].data && !func(name, param, arrays[k].data, user))
        return FALSE;
    }
  }
  return TRUE;
}

static void add_history(JsonBuilder *b, const GArray *history) {
  json_builder_set_member_name(b, "history");
  json_builder_begin_array(b);
  for (guint i = 0; i < history->len; i++) {
    const FmnEpoch *e = &g_array_index(history, FmnEpoch, i);
    json_builder_begin_object(b);
    fmn_json_add_int(b, "epoch", e->epoch);
    fmn_json_add_double(b, "loss", e->loss);
    fmn_json_add_double(b, "accuracy", e->accuracy);
    fmn_json_add_double(b, "validation_loss", e->validation_loss);
    fmn_json_add_double(b, "validation_accuracy", e->validation_accuracy);
    fmn_json_add_double(b, "validation_map", e->validation_map);
    fmn_json_add_double(b, "rate", e->rate);
    fmn_json_add_double(b, "seconds", e->seconds);
    fmn_json_add_int(b, "images", e->images);
    fmn_json_add_int(b, "best", e->best);
    json_builder_end_object(b);
  }
  json_builder_end_array(b);
}

static char *state_json(FmnSession *s) {
  g_autoptr(JsonBuilder) b = json_builder_new();
  json_builder_begin_object(b);
  fmn_json_add_int(b, "epoch", s->epoch);
  fmn_json_add_int(b, "step", s->step);
  fmn_json_add_double(b, "loss_sum", s->loss_sum);
  fmn_json_add_int(b, "correct", s->correct);
  fmn_json_add_int(b, "judged", s->judged);
  fmn_json_add_double(b, "seconds", s->seconds);
  fmn_json_add_int(b, "optimizer_steps", *fmn_optimizer_steps(s->optimizer));
  fmn_json_add_int(b, "average_steps", s->ema ? *fmn_ema_steps(s->ema) : 0);
  fmn_json_add_double(b, "plateau_scale", s->schedule.scale);
  fmn_json_add_double(b, "plateau_best", s->schedule.best);
  fmn_json_add_int(b, "plateau_bad", s->schedule.bad);
  fmn_json_add_int(b, "plateau_cooldown", s->schedule.cooldown);
  fmn_json_add_int(b, "best_epoch", s->best ? s->best_epoch : 0);
  fmn_json_add_double(b, "best_accuracy", s->best_accuracy);
  fmn_json_add_double(b, "best_loss", s->best_loss);
  add_history(b, s->history);
  json_builder_end_object(b);
  return fmn_json_text(b, FALSE);
}

/* What must be the same for the result to be the same. */
static char *options_json(const FmnSession *s) {
  g_autoptr(JsonBuilder) b = json_builder_new();
  g_auto(GStrv) options = fmn_train_config_options(s->config);
  json_builder_begin_object(b);
  for (int i = 0; options[i]; i += 2) {
    fmn_json_add_string(b, options[i], options[i + 1]);
  }
  g_autofree char *sizes = fmn_train_data_epoch_sizes(s->data);
  fmn_json_add_string(b, "the data (SHA-256)", fmn_train_data_sha256(s->data));
  fmn_json_add_string(b, "the images an epoch", sizes);
  g_autofree char *classes = fmn_labels_format(s->model->labels);
  fmn_json_add_string(b, "the classes", classes);
  fmn_json_add_string(b, "what the data's labels mean", fmn_train_data_meaning(s->data));
  if (s->teacher)
    fmn_json_add_string(b, "the teacher (SHA-256)", fmn_teacher_sha256(s->teacher));
  if (s->config->cutouts)
    fmn_json_add_string(b, "the cut-outs (SHA-256)", g_hash_table_lookup(s->model->metadata, "cutouts_sha256"));
  fmn_json_add_string(b, "the program's version", FMN_VERSION);
  json_builder_end_object(b);
  return fmn_json_text(b, FALSE);
}

static gboolean add_tensor(const char *name, const FmnParam *param, float *data, gpointer user) {
  fmn_safetensors_writer_tensor(user, name, param->dims, param->n_dims, data, FALSE);
  return TRUE;
}

gboolean fmn_checkpoint_save(FmnSession *s, GError **error) {
  g_autofree char *path = fmn_train_config_checkpoint(s->config);
  g_autofree char *state = state_json(s), *options = options_json(s);
  FmnSafetensorsWriter *w = fmn_safetensors_writer_new();
  fmn_safetensors_writer_metadata(w, "format", FORMAT);
  fmn_safetensors_writer_metadata(w, "options", options);
  fmn_safetensors_writer_metadata(w, "state", state);
  for (gsize i = 0; i < G_N_ELEMENTS(described); i++) {
    const char *value = g_hash_table_lookup(s->model->metadata, described[i]);
    if (value)
      fmn_safetensors_writer_metadata(w, described[i], value);
  }
  foreach_array(s, add_tensor, w);
  gboolean ok = fmn_safetensors_writer_save(w, path, error);
  fmn_safetensors_writer_free(w);
  return ok;
}

#define STATE_LEVELS 3 /* of brackets: the history is a list of objects */

static JsonObject *parse(const char *text) {
  g_autoptr(JsonNode) root = text ? fmn_json_parse(text, strlen(text), STATE_LEVELS, "checkpoint", NULL) : NULL;
  return root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_dup_object(root) : NULL;
}

static gboolean damaged(const char *path, const char *what, GError **error) {
  g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT,
              "%s: no checkpoint of this program (%s); delete it, or train without --resume", path, what);
  return FALSE;
}

static gboolean check_options(const FmnSession *s, const char *path, const FmnSafetensors *file, GError **error) {
  g_autofree char *text = options_json(s);
  g_autoptr(JsonObject) ours = parse(text), theirs = parse(fmn_safetensors_metadata(file, "options"));
  if (!theirs)
    return damaged(path, "no options in it", error);
  g_autoptr(GList) names = json_object_get_members(ours), more = json_object_get_members(theirs);
  names = g_list_concat(names, g_steal_pointer(&more));
  for (GList *l = names; l; l = l->next) {
    const char *now = json_object_get_string_member_with_default(ours, l->data, NULL);
    const char *then = json_object_get_string_member_with_default(theirs, l->data, NULL);
    if (g_strcmp0(now, then) == 0)
      continue;
    g_set_error(
        error, FMN_ERROR, FMN_ERROR_ARGUMENT,
        "%s belongs to a training in which %s was “%s”; now it is “%s”, and the result would be another; give the same "
        "options, or train without --resume",
        path, (char *)l->data, then ? then : "not given", now ? now : "not given");
    return FALSE;
  }
  return TRUE;
}

static double get_double(JsonObject *o, const char *name, double missing) {
  return json_object_get_double_member_with_default(o, name, missing);
}

static int get_int(JsonObject *o, const char *name) { return (int)json_object_get_int_member_with_default(o, name, 0); }

static void read_history(FmnSession *s, JsonObject *o) {
  JsonNode *node = json_object_get_member(o, "history");
  JsonArray *list = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
  for (guint i = 0; list && i < json_array_get_length(list); i++) {
    JsonNode *element = json_array_get_element(list, i);
    if (!JSON_NODE_HOLDS_OBJECT(element))
      continue;
    JsonObject *e = json_node_get_object(element);
    FmnEpoch epoch = {get_int(e, "epoch"),
                      get_double(e, "loss", NAN),
                      get_double(e, "accuracy", NAN),
                      get_double(e, "validation_loss", NAN),
                      get_double(e, "validation_accuracy", NAN),
                      get_double(e, "validation_map", NAN),
                      get_double(e, "rate", NAN),
                      get_double(e, "seconds", NAN),
                      get_int(e, "images"),
                      get_int(e, "best")};
    g_array_append_val(s->history, epoch);
  }
}

static gboolean read_state(FmnSession *s, const char *path, const FmnSafetensors *file, GError **error) {
  g_autoptr(JsonObject) o = parse(fmn_safetensors_metadata(file, "state"));
  if (!o)
    return damaged(path, "no position in it", error);
  s->epoch = get_int(o, "epoch");
  s->step = get_int(o, "step");
  read_history(s, o);
  if (s->epoch < 0 || s->epoch > s->config->recipe.epochs || s->step < 0 || s->step >= s->steps ||
      (int)s->history->len != s->epoch)
    return damaged(path, "its position is not one of this training", error);
  for (gsize i = 0; i < G_N_ELEMENTS(described); i++)
    if (fmn_safetensors_metadata(file, described[i]))
      fmn_session_describe(s, described[i], g_strdup(fmn_safetensors_metadata(file, described[i])));
  s->loss_sum = get_double(o, "loss_sum", 0);
  s->correct = json_object_get_int_member_with_default(o, "correct", 0);
  s->judged = json_object_get_int_member_with_default(o, "judged", 0);
  s->seconds = get_double(o, "seconds", 0);
  *fmn_optimizer_steps(s->optimizer) = json_object_get_int_member_with_default(o, "optimizer_steps", 0);
  if (s->ema)
    *fmn_ema_steps(s->ema) = json_object_get_int_member_with_default(o, "average_steps", 0);
  s->schedule.scale = get_double(o, "plateau_scale", 1);
  s->schedule.best = get_double(o, "plateau_best", HUGE_VAL);
  s->schedule.bad = get_int(o, "plateau_bad");
  s->schedule.cooldown = get_int(o, "plateau_cooldown");
  s->best_accuracy = get_double(o, "best_accuracy", -1);
  s->best_loss = get_double(o, "best_loss", HUGE_VAL);
  if (get_int(o, "best_epoch") > 0) {
    fmn_session_keep_best(s); /* makes room */
    s->best_epoch = get_int(o, "best_epoch");
  }
  return TRUE;
}

typedef struct {
  const FmnSafetensors *file;
  const char *path;
  GError **error;
} Reading;

static gboolean read_tensor(const char *name, const FmnParam *param, float *data, gpointer user) {
  const Reading *r = user;
  const FmnTensorInfo *info = fmn_safetensors_find(r->file, name);
  if (!info || info->count != fmn_param_count(param)) {
    g_autofree char *what = g_strdup_printf("tensor “%s” %s", name, info ? "has another size" : "is missing");
    return damaged(r->path, what, r->error);
  }
  return fmn_safetensors_read(r->file, info, data, r->error);
}

gboolean fmn_checkpoint_load(FmnSession *s, const char *path, GError **error) {
  g_autoptr(GError) unreadable = NULL;
  FmnSafetensors *file = fmn_safetensors_load(path, &unreadable);
  if (g_error_matches(unreadable, FMN_ERROR, FMN_ERROR_FORMAT))
    return damaged(path, unreadable->message, error);
  if (!file) {
    g_propagate_error(error, g_steal_pointer(&unreadable));
    return FALSE;
  }
  Reading reading = {file, path, error};
  gboolean ok = g_strcmp0(fmn_safetensors_metadata(file, "format"), FORMAT) == 0
                    ? check_options(s, path, file, error) && read_state(s, path, file, error) &&
                          foreach_array(s, read_tensor, &reading)
                    : damaged(path, "another format", error);
  fmn_safetensors_free(file);
  return ok;
}
