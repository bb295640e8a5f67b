#include <string.h>

#include "error.h"
#include "nets/nets.h"
#include "train/data.h"
#include "train/recipes.h"
#include "train/scene_plan.h"

FmnTrainConfig *fmn_train_config_new(const char *arch) {
  FmnTrainConfig *c = g_new0(FmnTrainConfig, 1);
  const char *colon = strchr(arch, ':');
  c->arch = colon ? g_strndup(arch, (gsize)(colon - arch)) : g_strdup(arch);
  c->arch_options = g_strdup(colon ? colon + 1 : "");
  c->recipe = *fmn_recipe_find(c->arch);
  c->seed = 1;
  c->distillation = (FmnDistillation){.weight = 0.9, .temperature = 4};
  c->threads = (int)MIN(g_get_num_processors(), FMN_THREADS_MAX);
  return c;
}

void fmn_train_config_free(FmnTrainConfig *c) {
  if (!c)
    return;
  g_free(c->arch);
  g_free(c->arch_options);
  g_free(c->out);
  g_strfreev(c->data);
  g_free(c->cutouts);
  g_free(c->init);
  g_strfreev(c->teachers);
  g_free(c);
}

/* The shortest decimal that reads back as the same number. */
static char *number(double value) {
  char text[G_ASCII_DTOSTR_BUF_SIZE], format[8];
  for (int digits = 6;; digits++) {
    g_snprintf(format, sizeof format, "%%.%dg", digits);
    g_ascii_formatd(text, sizeof text, format, value);
    if (digits >= 17 || g_ascii_strtod(text, NULL) == value)
      return g_strdup(text);
  }
}

gboolean fmn_train_config_check(const FmnTrainConfig *c, GError **error) {
  const FmnRecipe *r = &c->recipe;
  const struct {
    const char *option;
    double value, min, max;
  } ranges[] = {
      {"--epochs", r->epochs, 1, 2000},
      {"--batch", r->batch, 1, 65536},
      {"--lr", r->rate, 1e-12, 1e3},
      {"--momentum", r->optimizer.momentum, 0, 0.999999},
      {"--weight-decay", r->optimizer.weight_decay, 0, 10},
      {"--clip-norm", r->optimizer.clip_norm, 0, 1e9},
      {"--sam", r->sam, 0, 1e3},
      {"--warmup", r->warmup, 0, 1e6},
      {"--last-epochs", r->last_epochs, 0, r->epochs - 1},
      {"--label-smoothing", r->label_smoothing, 0, 0.999},
      {"--ema", r->ema, 0, 0.9999999},
      {"--bn-images", r->bn_images, 0, 1e6},
      {"--validation", r->validation, 0, 0.9},
      {"--teacher-weight", c->distillation.weight, 0, 1},
      {"--teacher-temperature", c->distillation.temperature, 0.1, 100},
      {"--threads", c->threads, 1, FMN_THREADS_MAX},
      {"--time-limit", c->time_limit / 60, 0, 1e6},
      {"--epoch-scenes", r->scenes.epoch, 0, 1e7},
      {"--validation-scenes", r->scenes.validation, 0, 1e6},
      {"--test-scenes", r->scenes.test, 0, 1e6},
      {"--item-size's second number", r->scenes.item_max, 0, 2048},
      {"--item-size's first number", r->scenes.item_min, 0, r->scenes.item_max},
      {"--dense", r->scenes.dense, 0, 1},
      {"--match", r->scenes.match, 0, 1},
      {"--class-weight", r->scenes.class_weight, 0, 1e3},
      {"--box-weight", r->scenes.box_weight, 0, 1e3},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(ranges); i++)
    if (!(ranges[i].value >= ranges[i].min && ranges[i].value <= ranges[i].max)) {
      g_autofree char *min = number(ranges[i].min), *max = number(ranges[i].max), *value = number(ranges[i].value);
      g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "%s must be from %s to %s, not %s", ranges[i].option, min, max,
                  value);
      return FALSE;
    }
  if (c->teachers && !*c->teachers) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                "--teacher: expected the name or the file of a model, found nothing");
    return FALSE;
  }
  for (char **text = c->data; text && *text; text++) {
    g_autofree char *dir = fmn_train_data_dir(*text, error);
    if (!dir)
      return FALSE;
  }
  FmnSchedule schedule = {.rate = r->rate};
  FmnAugment augment, last_augment;
  FmnSceneMix mix;
  FmnSizes sizes;
  if (!fmn_schedule_parse(r->schedule, &schedule, error) ||
      (r->last_augment && !fmn_augment_parse(r->last_augment, &last_augment, error)) ||
      !fmn_augment_parse(r->augment, &augment, error) ||
      (r->scenes.epoch &&
       (!fmn_scene_mix_parse(r->scenes.presets, &mix, error) || !fmn_sizes_parse(r->scenes.sizes, &sizes, error))))
    return FALSE;
  g_autofree char *changes = fmn_augment_to_string(&augment);
  if (r->last_augment && !r->last_epochs) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "--last-augment goes with --last-epochs N");
    return FALSE;
  }
  if (r->scenes.epoch && (!g_str_equal(changes, "none") || r->last_epochs || r->bn_images)) {
    g_set_error(
        error, FMN_ERROR, FMN_ERROR_ARGUMENT,
        r->bn_images
            ? "--bn-images is for classifiers"
            : "--augment and --last-epochs change the images of classifiers; a detector's scenes differ by themselves");
    return FALSE;
  }
  FmnGraph *g = fmn_net_build(c->arch, c->arch_options, 10, error);
  fmn_graph_free(g);
  return g != NULL;
}

static void add(GPtrArray *list, const char *option, char *value) {
  g_ptr_array_add(list, g_strdup(option));
  g_ptr_array_add(list, value);
}

static void add_scenes(GPtrArray *list, const FmnSceneRecipe *r) {
  add(list, "--scenes", g_strdup(r->presets));
  add(list, "--sizes", g_strdup(*r->sizes ? r->sizes : "0"));
  add(list, "--epoch-scenes", g_strdup_printf("%d", r->epoch));
  add(list, "--validation-scenes", g_strdup_printf("%d", r->validation));
  add(list, "--test-scenes", g_strdup_printf("%d", r->test));
  g_autofree char *least = number(r->item_min), *most = number(r->item_max);
  add(list, "--item-size", g_strdup_printf("%s-%s", least, most));
  add(list, "--dense", number(r->dense));
  add(list, "--match", number(r->match));
  add(list, "--class-weight", number(r->class_weight));
  add(list, "--box-weight", number(r->box_weight));
}

char **fmn_train_config_options(const FmnTrainConfig *c) {
  const FmnRecipe *r = &c->recipe;
  GPtrArray *list = g_ptr_array_new();
  FmnAugment augment;
  add(list, "--arch", *c->arch_options ? g_strconcat(c->arch, ":", c->arch_options, NULL) : g_strdup(c->arch));
  add(list, "--epochs", g_strdup_printf("%d", r->epochs));
  add(list, "--batch", g_strdup_printf("%d", r->batch));
  add(list, "--optimizer", g_strdup(r->optimizer.kind == FMN_OPTIMIZER_ADAM ? "adam" : "sgd"));
  add(list, "--lr", number(r->rate));
  add(list, "--momentum", number(r->optimizer.momentum));
  if (r->optimizer.kind == FMN_OPTIMIZER_SGD && !r->optimizer.nesterov)
    add(list, "--no-nesterov", g_strdup(""));
  add(list, "--weight-decay", number(r->optimizer.weight_decay));
  if (r->optimizer.clip_norm > 0)
    add(list, "--clip-norm", number(r->optimizer.clip_norm));
  if (r->sam > 0)
    add(list, "--sam", number(r->sam));
  add(list, "--schedule", g_strdup(r->schedule));
  add(list, "--warmup", number(r->warmup));
  fmn_augment_parse(r->augment, &augment, NULL);
  add(list, "--augment", fmn_augment_to_string(&augment));
  if (r->last_epochs) {
    fmn_augment_parse(r->last_augment ? r->last_augment : "none", &augment, NULL);
    add(list, "--last-epochs", g_strdup_printf("%d", r->last_epochs));
    add(list, "--last-augment", fmn_augment_to_string(&augment));
  }
  add(list, "--label-smoothing", number(r->label_smoothing));
  add(list, "--ema", number(r->ema));
  if (r->bn_images)
    add(list, "--bn-images", g_strdup_printf("%d", r->bn_images));
  add(list, "--validation", number(r->validation));
  if (r->scenes.epoch)
    add_scenes(list, &r->scenes);
  if (c->init)
    add(list, "--init", g_strdup(c->init));
  if (c->teachers) {
    add(list, "--teacher", g_strjoinv(",", c->teachers));
    if (c->teacher_mirrored)
      add(list, "--teacher-mirrored", g_strdup(""));
    add(list, "--teacher-weight", number(c->distillation.weight));
    add(list, "--teacher-temperature", number(c->distillation.temperature));
  }
  add(list, "--seed", g_strdup_printf("%" G_GUINT64_FORMAT, c->seed));
  add(list, "--threads", g_strdup_printf("%d", c->threads));
  g_ptr_array_add(list, NULL);
  return (char **)g_ptr_array_free(list, FALSE);
}

/* Appends an option with its value, quoted for a shell where that is needed. */
static void append_option(GString *s, const char *option, const char *value) {
  static const char plain[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_./:=,+-%@";
  g_autofree char *quoted = value[strspn(value, plain)] ? g_shell_quote(value) : NULL;
  g_string_append_printf(s, *value ? " %s %s" : " %s", option, quoted ? quoted : value);
}

char *fmn_train_config_command(const FmnTrainConfig *c) {
  GString *s = g_string_new("fmnist-train train");
  g_auto(GStrv) options = fmn_train_config_options(c);
  for (int i = 0; options[i]; i += 2)
    append_option(s, options[i], options[i + 1]);
  if (c->keep_last)
    g_string_append(s, " --keep last");
  for (int i = 0; c->data && c->data[i]; i++)
    append_option(s, "--data", c->data[i]);
  if (c->cutouts)
    append_option(s, "--cutouts", c->cutouts);
  g_string_append_printf(s, " --out %s.safetensors", c->arch);
  return g_string_free(s, FALSE);
}

char *fmn_train_command_option(const char *command, const char *option) {
  g_auto(GStrv) words = NULL;
  if (!command || !g_shell_parse_argv(command, NULL, &words, NULL))
    return NULL;
  for (int i = 0; words[i] && words[i + 1]; i++)
    if (strcmp(words[i], option) == 0)
      return g_strdup(words[i + 1]);
  return NULL;
}

char *fmn_train_command_learned(const char *command, guint64 seed, double share) {
  g_autofree char *seed_then = fmn_train_command_option(command, "--seed"),
                  *share_then = fmn_train_command_option(command, "--validation");
  gboolean learned = seed_then && share_then && share > 0 &&
                     (g_ascii_strtoull(seed_then, NULL, 10) != seed || g_ascii_strtod(share_then, NULL) < share);
  return learned ? g_strdup_printf("--seed %s --validation %s", seed_then, share_then) : NULL;
}

char *fmn_train_config_checkpoint(const FmnTrainConfig *c) { return g_strconcat(c->out, ".ckpt", NULL); }
