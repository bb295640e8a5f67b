#include "train/extract.h"

#include <errno.h>
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "error.h"
#include "image/crop.h"
#include "io/model_file.h"
#include "train/labels.h"
#include "train/photo_view.h"
#include "train/random.h"

#define MOST_PIXELS 400000000 /* of a picture; 1.6 GB in memory */

/* --- folders and classes --- */

typedef struct {
  char *path;
  int label;
} Folder;

static void folder_clear(gpointer data) { g_free(((Folder *)data)->path); }

static int compare(gconstpointer a, gconstpointer b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Names in a folder, sorted, without hidden ones. */
static GPtrArray *list(const char *path, GError **error) {
  GError *reason = NULL;
  GDir *dir = g_dir_open(path, 0, &reason);
  if (!dir) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_NOT_FOUND,
                "%s: %s; --photos is for a folder with one sub-folder of pictures a class", path, reason->message);
    g_error_free(reason);
    return NULL;
  }
  GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
  for (const char *name; (name = g_dir_read_name(dir));)
    if (name[0] != '.')
      g_ptr_array_add(names, g_strdup(name));
  g_dir_close(dir);
  g_ptr_array_sort(names, compare);
  return names;
}

/* The number of a name among names, which gets it where it is new. */
static int number_of(GPtrArray *names, const char *name) {
  guint i = 0;
  while (i < names->len && strcmp(names->pdata[i], name) != 0)
    i++;
  if (i == names->len)
    g_ptr_array_add(names, g_strdup(name));
  return (int)i;
}

/* A class of Fashion-MNIST by its name, whatever the case, or its number. */
static const char *find_class(const char *text) {
  guint64 number;
  int n = (int)g_strv_length((char **)fmn_fashion_mnist_labels);
  if (g_ascii_string_to_unsigned(text, 10, 0, (guint64)n - 1, &number, NULL))
    return fmn_fashion_mnist_labels[number];
  for (int i = 0; i < n; i++)
    if (g_ascii_strcasecmp(text, fmn_fashion_mnist_labels[i]) == 0)
      return fmn_fashion_mnist_labels[i];
  return NULL;
}

/* What stands behind FOLDER= in maps, or NULL. */
static const char *find_map(char *const *maps, const char *folder) {
  gsize length = strlen(folder);
  for (; *maps; maps++)
    if (strncmp(*maps, folder, length) == 0 && (*maps)[length] == '=')
      return *maps + length + 1;
  return NULL;
}

/* "5|7" as "Sandal|Sneaker"; "" for none. NULL with an error. */
static char *parse_classes(const char *text, const char *folder, GError **error) {
  if (strcmp(text, FMN_LABEL_UNKNOWN) == 0)
    return g_strdup(text);
  GString *s = g_string_new(NULL);
  g_auto(GStrv) parts = g_strsplit(text, "|", -1);
  for (int i = 0; parts[i]; i++) {
    const char *class = find_class(parts[i]);
    if (!class) {
      g_autofree char *classes = g_strjoinv(", ", (char **)fmn_fashion_mnist_labels);
      g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                  "--map %s=%s: “%s” is no class; expected 0 to 9, “unknown” alone or one of %s", folder, text,
                  parts[i], classes);
      g_string_free(s, TRUE);
      return NULL;
    }
    g_string_append_printf(s, "%s%s", i ? "|" : "", class);
  }
  return g_string_free(s, FALSE);
}

gboolean fmn_extract_check_maps(char *const *maps, GError **error) {
  for (; *maps; maps++) {
    const char *equals = strchr(*maps, '=');
    if (!equals || equals == *maps) {
      g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "--map %s: expected FOLDER=CLASS[|CLASS...]", *maps);
      return FALSE;
    }
    g_autofree char *name = g_strndup(*maps, (gsize)(equals - *maps)),
                    *classes = parse_classes(equals + 1, name, error);
    if (!classes)
      return FALSE;
  }
  return TRUE;
}

/* Each of the maps, which make sense, must be of a folder that is there. */
static gboolean check_folders(const char *photos, char *const *maps, GError **error) {
  for (; *maps; maps++) {
    g_autofree char *name = g_strndup(*maps, strcspn(*maps, "="));
    g_autofree char *path = g_build_filename(photos, name, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
      continue;
    g_set_error(error, FMN_ERROR, FMN_ERROR_NOT_FOUND, "--map %s: there is no such folder among the photos", *maps);
    return FALSE;
  }
  return TRUE;
}

/* Which label a folder has: -1 for none, -2 with an error. */
static int label_of(const char *folder, char *const *maps, GPtrArray *names, GError **error) {
  if (!maps)
    return number_of(names, folder);
  const char *text = find_map(maps, folder), *same = text ? NULL : find_class(folder);
  if (!text && !same) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                "folder “%s” bears no class's name; say which it is with --map \"%s=CLASS\", or leave it out with "
                "--map \"%s=\"",
                folder, folder, folder);
    return -2;
  }
  g_autofree char *classes = text ? parse_classes(text, folder, error) : g_strdup(same);
  return !classes ? -2 : *classes ? number_of(names, classes) : -1;
}

static GArray *find_folders(const char *photos, char *const *maps, GPtrArray *names, GError **error) {
  gboolean ok = !maps || (fmn_extract_check_maps(maps, error) && check_folders(photos, maps, error));
  g_autoptr(GPtrArray) entries = ok ? list(photos, error) : NULL;
  g_autoptr(GArray) folders = g_array_new(FALSE, FALSE, sizeof(Folder));
  g_array_set_clear_func(folders, folder_clear);
  for (int i = 0; maps && fmn_fashion_mnist_labels[i]; i++)
    g_ptr_array_add(names, g_strdup(fmn_fashion_mnist_labels[i]));
  for (guint i = 0; entries && i < entries->len; i++) {
    Folder f = {g_build_filename(photos, entries->pdata[i], NULL), -1};
    if (g_file_test(f.path, G_FILE_TEST_IS_DIR))
      f.label = label_of(entries->pdata[i], maps, names, error);
    if (f.label >= 0)
      g_array_append_val(folders, f);
    else
      g_free(f.path);
    if (f.label < -1)
      return NULL;
  }
  if (!entries)
    return NULL;
  if (folders->len > 0 && names->len <= FMN_MAX_NAMES)
    return g_steal_pointer(&folders);
  if (folders->len == 0)
    g_set_error(error, FMN_ERROR, FMN_ERROR_NOT_FOUND,
                "%s: no folder for any class in it; expected a folder with one sub-folder of pictures a class", photos);
  else
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED, "%s: %u classes; there can be %d", photos, names->len,
                FMN_MAX_NAMES);
  return NULL;
}

/* --- pictures --- */

static FmnImageFormat format_of(const GdkPixbuf *pixbuf) {
  FmnImageFormat f;
  fmn_image_format_rgb(&f, gdk_pixbuf_get_width(pixbuf), gdk_pixbuf_get_height(pixbuf));
  for (int k = 0; k < 3; k++)
    f.component[k].pixel_stride = gdk_pixbuf_get_n_channels(pixbuf);
  return f;
}

/* The object in its colours and its mask, in the middle of p's picture. */
static void cut_out(FmnSampler *sampler, const FmnImage *image, const FmnObject *o, const FmnPreprocess *p,
                    guint8 *out) {
  static const FmnBox everything = {0, 0, 1, 1};
  double w = o->box.w * image->format->width, h = o->box.h * image->format->height;
  double scale = MIN((p->width - 2) / w, (p->height - 2) / h);
  int width = CLAMP((int)lrint(w * scale), 1, p->width), height = CLAMP((int)lrint(h * scale), 1, p->height);
  int left = (p->width - width) / 2, top = (p->height - height) / 2;
  FmnBox around = {o->box.x - left * o->box.w / width, o->box.y - top * o->box.h / height, o->box.w * p->width / width,
                   o->box.h * p->height / height};
  gsize plane = (gsize)p->width * (gsize)p->height;
  fmn_sampler_read(sampler, image, &around, 3, p->width, p->height, out);
  FmnImageFormat format;
  fmn_image_format_gray(&format, o->mask.width, o->mask.height);
  FmnImage mask = {&format, {o->mask.data}, {o->mask.width}};
  FmnSampler *cover = fmn_sampler_new(&format);
  g_autofree guint8 *small = g_malloc((gsize)width * (gsize)height);
  fmn_sampler_read(cover, &mask, &everything, 1, width, height, small);
  fmn_sampler_free(cover);
  memset(out + 3 * plane, 0, plane);
  for (int y = 0; y < height; y++)
    memcpy(out + 3 * plane + (gsize)(top + y) * (gsize)p->width + left, small + (gsize)y * (gsize)width, (gsize)width);
}

/* Whether something stood out; then out is what a network sees of it. */
static gboolean show(const FmnImage *image, const FmnPreprocess *p, guint8 *out) {
  FmnSegmentOptions options = FMN_SEGMENT_DEFAULTS;
  FmnSegmenter *segmenter = fmn_segmenter_new(image->format);
  const FmnObject *o;
  int n = fmn_segmenter_run(segmenter, image, &options, &o);
  if (n > 0) {
    FmnSampler *sampler = fmn_sampler_new(image->format);
    if (p->channels == FMN_CUTOUT_CHANNELS)
      cut_out(sampler, image, o, p, out);
    else
      fmn_crop(sampler, image, &o->box, o->mask.data ? &o->mask : NULL, p, out);
    fmn_sampler_free(sampler);
  }
  fmn_segmenter_free(segmenter);
  return n > 0;
}

static gboolean show_photo(const GdkPixbuf *photo, const FmnPreprocess *p, guint8 *out) {
  FmnImageFormat format = format_of(photo);
  return show(&(FmnImage){&format, {gdk_pixbuf_read_pixels(photo)}, {gdk_pixbuf_get_rowstride(photo)}}, p, out);
}

static gboolean show_view(FmnPhotoViewer *viewer, const GdkPixbuf *photo, guint64 seed, const FmnPreprocess *p,
                          guint8 *out) {
  FmnImageFormat format;
  int width, height;
  const guint8 *rgb = fmn_photo_view(viewer, photo, seed, &width, &height);
  fmn_image_format_rgb(&format, width, height);
  return show(&(FmnImage){&format, {rgb}, {3 * width}}, p, out);
}

typedef struct {
  const FmnPreprocess *p;
  int n_views;
  FmnPhotoViewer *viewer;
  GByteArray *images, *labels, *views;
  FmnExtractNotice notice;
  gpointer user;
  FmnExtractCounts *counts;
} Job;

static void leave_out(const Job *j, const char *path, const char *why) {
  if (j->notice)
    j->notice(path, why, j->user);
}

static guint picture_size(const FmnPreprocess *p) { return (guint)(p->channels * p->width * p->height); }

/* Whether one more picture, and its views, can be kept. */
static gboolean has_room(const Job *j, GError **error) {
  guint64 size = picture_size(j->p), views = size * (guint64)j->n_views;
  if (j->images->len + size <= G_MAXUINT && j->views->len + views <= G_MAXUINT)
    return TRUE;
  g_set_error(
      error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
      "%d pictures of %d×%d with %d views each are 4 GiB, which is the most; take fewer, or smaller ones (--views, "
      "--size)",
      j->counts->pictures, j->p->width, j->p->height, j->n_views);
  return FALSE;
}

/* The views of the picture that was added last. */
static void add_views(const Job *j, const GdkPixbuf *photo) {
  guint size = picture_size(j->p), at = j->views->len, picture = j->images->len - size;
  g_byte_array_set_size(j->views, at + size * (guint)j->n_views);
  for (int i = 0; i < j->n_views; i++) {
    guint8 *out = j->views->data + at + size * (guint)i;
    if (!show_view(j->viewer, photo, fmn_random_derive(picture / size, (guint64)i), j->p, out))
      memcpy(out, j->images->data + picture, size);
  }
}

static gboolean check_size(int width, int height, GError **error) {
  if (MAX(width, height) <= FMN_IMAGE_MAX && (gint64)width * height <= MOST_PIXELS)
    return TRUE;
  g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
              "it is too large, %d×%d; a side may have %d pixels and the picture %d million at most", width, height,
              FMN_IMAGE_MAX, MOST_PIXELS / 1000000);
  return FALSE;
}

/* What its file says of its size is asked first, where it does: unpacked it might not fit into memory. */
static GdkPixbuf *read_photo(const char *path, GError **error) {
  int width = 0, height = 0;
  gdk_pixbuf_get_file_info(path, &width, &height);
  g_autoptr(GdkPixbuf) read = check_size(width, height, error) ? gdk_pixbuf_new_from_file(path, error) : NULL;
  if (!read || !check_size(gdk_pixbuf_get_width(read), gdk_pixbuf_get_height(read), error))
    return NULL;
  return gdk_pixbuf_apply_embedded_orientation(read);
}

static void add_photo(const Job *j, const char *path, int label) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GdkPixbuf) pixbuf = read_photo(path, &error);
  guint size = picture_size(j->p), at = j->images->len;
  guint8 byte = (guint8)label;
  if (!pixbuf) {
    j->counts->unreadable++;
    leave_out(j, path, error ? error->message : "it cannot be turned upright");
    return;
  }
  g_byte_array_set_size(j->images, at + size);
  if (show_photo(pixbuf, j->p, j->images->data + at)) {
    g_byte_array_append(j->labels, &byte, 1);
    add_views(j, pixbuf);
    j->counts->pictures++;
    return;
  }
  g_byte_array_set_size(j->images, at);
  j->counts->nothing++;
  leave_out(j, path, "nothing stands out from what is behind it");
}

static gboolean add_folder(const Job *j, const Folder *f, GError **error) {
  g_autoptr(GPtrArray) files = list(f->path, error);
  gboolean room = TRUE;
  for (guint i = 0; files && room && i < files->len; i++) {
    g_autofree char *path = g_build_filename(f->path, files->pdata[i], NULL);
    /* beside pictures there may be labels, or a note of where they are from */
    if (g_file_test(path, G_FILE_TEST_IS_REGULAR) && !g_str_has_suffix(path, ".txt") && (room = has_room(j, error)))
      add_photo(j, path, f->label);
  }
  return files && room;
}

FmnDataset *fmn_extract(const char *photos, char *const *maps, const FmnPreprocess *p, int views,
                        FmnExtractNotice notice, gpointer user, FmnExtractCounts *counts, GError **error) {
  g_return_val_if_fail(
      (p->channels == 1 || p->channels == FMN_CUTOUT_CHANNELS) && views >= 0 && views <= FMN_EXTRACT_MAX_VIEWS, NULL);
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GArray) folders = find_folders(photos, maps, names, error);
  *counts = (FmnExtractCounts){0, 0, 0};
  Job job = {p,    views, fmn_photo_viewer_new(), g_byte_array_new(), g_byte_array_new(), g_byte_array_new(), notice,
             user, counts};
  gboolean ok = folders != NULL;
  for (guint i = 0; ok && i < folders->len; i++)
    ok = add_folder(&job, &g_array_index(folders, Folder, i), error);
  if (ok && counts->pictures == 0) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_NOT_FOUND,
                "%s: no picture in which a garment was found (%d files are no pictures, in %d nothing stands out)",
                photos, counts->unreadable, counts->nothing);
    ok = FALSE;
  }
  fmn_photo_viewer_free(job.viewer);
  FmnDataset *d = NULL;
  if (ok) {
    g_ptr_array_add(names, NULL);
    d = g_new(FmnDataset, 1);
    *d = (FmnDataset){.n = counts->pictures,
                      .channels = p->channels,
                      .height = p->height,
                      .width = p->width,
                      .images = g_byte_array_free(g_steal_pointer(&job.images), FALSE),
                      .labels = g_byte_array_free(g_steal_pointer(&job.labels), FALSE),
                      .n_views = views,
                      .views = g_byte_array_free(g_steal_pointer(&job.views), views == 0),
                      .names = g_strdupv((char **)names->pdata)};
  } else {
    g_byte_array_free(job.images, TRUE);
    g_byte_array_free(job.labels, TRUE);
    g_byte_array_free(job.views, TRUE);
  }
  return d;
}

/* --- files --- */

static gboolean save_names(const FmnDataset *data, const char *dir, GError **error) {
  g_autofree char *path = g_build_filename(dir, FMN_LABELS_FILE, NULL), *lines = g_strjoinv("\n", data->names);
  g_autofree char *text = g_strconcat(lines, "\n", NULL), *old = NULL;
  if (!g_file_get_contents(path, &old, NULL, NULL))
    return g_file_set_contents(path, text, -1, error);
  if (strcmp(old, text) == 0)
    return TRUE;
  g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
              "%s names other classes than these pictures have; use another folder, or remove the data set in it",
              path);
  return FALSE;
}

gboolean fmn_dataset_save(const FmnDataset *data, const char *dir, FmnSplit split, GError **error) {
  const char *prefix = split == FMN_SPLIT_TRAIN ? "train" : "t10k";
  gboolean gray = data->channels == 1;
  g_autofree char *images = g_strdup_printf("%s/%s-images-idx%d-ubyte.gz", dir, prefix, gray ? 3 : 4);
  g_autofree char *labels = g_strdup_printf("%s/%s-labels-idx1-ubyte.gz", dir, prefix);
  g_autofree char *views = g_strdup_printf("%s/%s-views-idx4-ubyte.gz", dir, prefix);
  const int dims[3] = {data->n, data->height, data->width};
  const int colored[4] = {data->n, data->channels, data->height, data->width};
  const int view_dims[4] = {data->n, data->n_views, data->height, data->width};
  if (g_mkdir_with_parents(dir, 0777) != 0) {
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno), "cannot make the folder %s: %s", dir,
                g_strerror(errno));
    return FALSE;
  }
  if (data->n_views == 0)
    g_remove(views); /* of what was there before */
  return save_names(data, dir, error) &&
         fmn_idx_write(images, data->images, gray ? dims : colored, gray ? 3 : 4, error) &&
         fmn_idx_write(labels, data->labels, dims, 1, error) &&
         (data->n_views == 0 || fmn_idx_write(views, data->views, view_dims, 4, error));
}
