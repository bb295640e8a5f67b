#include "train/extract.h"

#include <errno.h>
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "error.h"
#include "image/crop.h"
#include "train/labels.h"
#include "train/photo_folders.h"
#include "train/photo_view.h"
#include "train/random.h"

#define MOST_PIXELS 400000000 /* of a picture; 1.6 GB in memory */

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

static gboolean add_folder(const Job *j, const FmnPhotoFolder *f, GError **error) {
  g_autoptr(GPtrArray) files = fmn_photo_folder_list(f->path, error);
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
  g_autoptr(GArray) folders = fmn_photo_folders_find(photos, maps, names, error);
  *counts = (FmnExtractCounts){0, 0, 0};
  Job job = {p,    views, fmn_photo_viewer_new(), g_byte_array_new(), g_byte_array_new(), g_byte_array_new(), notice,
             user, counts};
  gboolean ok = folders != NULL;
  for (guint i = 0; ok && i < folders->len; i++)
    ok = add_folder(&job, &g_array_index(folders, FmnPhotoFolder, i), error);
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

/* Files that are not compressed are read in place of those that are. */
static gboolean check_plain(const char *dir, const char *prefix, GError **error) {
  static const char *const parts[] = {"images-idx3", "images-idx4", "labels-idx1", "views-idx4"};
  for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
    g_autofree char *path = g_strdup_printf("%s/%s-%s-ubyte", dir, prefix, parts[i]);
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
      continue;
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                "%s is there, which would be read in place of what is written; remove it, or write to another folder",
                path);
    return FALSE;
  }
  return TRUE;
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
  if (!check_plain(dir, prefix, error))
    return FALSE;
  g_autofree char *other = g_strdup_printf("%s/%s-images-idx%d-ubyte.gz", dir, prefix, gray ? 4 : 3);
  g_remove(other); /* of what was there before, as is the next */
  if (data->n_views == 0)
    g_remove(views);
  return save_names(data, dir, error) &&
         fmn_idx_write(images, data->images, gray ? dims : colored, gray ? 3 : 4, error) &&
         fmn_idx_write(labels, data->labels, dims, 1, error) &&
         (data->n_views == 0 || fmn_idx_write(views, data->views, view_dims, 4, error));
}
