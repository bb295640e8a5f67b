#include "gstfmnistformat.h"

#include <string.h>

#define LINE_SLACK 64 /* bytes; unpack functions that work in groups of pixels write past the last one */

struct GstFmnistFormat {
  GstVideoInfo info;
  FmnImageFormat image;
  gboolean native;
  GstVideoFrame frame;              /* between map and unmap */
  const GstVideoFormatInfo *unpack; /* of the intermediate frame: AYUV, ARGB or their 16-bit kin */
  gsize unpack_stride;
  guint8 *unpacked; /* unpack_stride × height; allocated when first needed */
  guint8 *line;     /* unpack_stride, for painting */
  guint8 *cover;    /* width */
  guint8 *packed;   /* a line as in the frame; NULL where lines are read and written in place */
};

/* Some packed formats give all their components the same place in GstVideoFormatInfo: those cannot be read natively. */
static gboolean components_are_distinct(const GstVideoFormatInfo *v) {
  for (guint i = 0; i < v->n_components; i++) {
    for (guint k = 0; k < i; k++) {
      if (v->plane[i] == v->plane[k] && v->poffset[i] == v->poffset[k] && v->shift[i] == v->shift[k])
        return FALSE;
    }
  }
  return TRUE;
}

static gboolean is_regular(const GstVideoFormatInfo *v) {
  switch (GST_VIDEO_FORMAT_INFO_FORMAT(v)) {
  case GST_VIDEO_FORMAT_BGR15: /* described as RGB15 and RGB16 */
  case GST_VIDEO_FORMAT_BGR16:
  case GST_VIDEO_FORMAT_VYUY: /* as UYVY */
  case GST_VIDEO_FORMAT_v216: /* little endian, not flagged so */
    return FALSE;
  default:
    break;
  }
  if (v->flags & (GST_VIDEO_FORMAT_FLAG_COMPLEX | GST_VIDEO_FORMAT_FLAG_TILED | GST_VIDEO_FORMAT_FLAG_PALETTE))
    return FALSE;
  for (guint i = 0; i < v->n_components; i++) {
    if (v->pixel_stride[i] <= 0 || v->depth[i] + v->shift[i] > 16)
      return FALSE;
  }
  return components_are_distinct(v);
}

static void describe_native(FmnImageFormat *image, const GstVideoFormatInfo *v) {
  int n = image->color == FMN_COLOR_GRAY ? 1 : 3;
  for (int i = 0; i < n; i++) {
    FmnComponent *c = &image->component[i];
    c->plane = (int)v->plane[i];
    c->offset = v->poffset[i];
    c->pixel_stride = v->pixel_stride[i];
    c->depth = (int)v->depth[i];
    c->shift = (int)v->shift[i];
    c->word = c->pixel_stride > 1 && c->depth + c->shift > 8 ? 2 : 1;
    c->big_endian = c->word == 2 && !(v->flags & GST_VIDEO_FORMAT_FLAG_LE);
    c->sub_x = (int)v->w_sub[i];
    c->sub_y = (int)v->h_sub[i];
    if (c->word == 2 && c->offset == 1)
      c->offset = 2; /* V of P010, P012, P016: given in samples instead of bytes */
  }
}

static void describe_unpacked(FmnImageFormat *image, const GstVideoFormatInfo *u) {
  int word = GST_VIDEO_FORMAT_INFO_BITS(u) > 8 ? 2 : 1;
  for (int i = 0; i < 3; i++)
    image->component[i] = (FmnComponent){.offset = word * (i + 1),
                                         .pixel_stride = word * 4,
                                         .depth = word * 8,
                                         .word = word,
                                         .big_endian = word == 2 && G_BYTE_ORDER == G_BIG_ENDIAN};
}

/* GStreamer takes UYVP in twos of pixels, and of the last two of an odd width one byte is not in the line. */
static gboolean exceeds_its_lines(const GstVideoInfo *info) {
  return GST_VIDEO_INFO_FORMAT(info) == GST_VIDEO_FORMAT_UYVP && info->width % 2 == 1;
}

static GstFmnistFormat *format_new(const GstVideoInfo *info, gboolean allow_native) {
  const GstVideoFormatInfo *v = info->finfo;
  GstFmnistFormat *f = g_new0(GstFmnistFormat, 1);
  gdouble kr = .299, kb = .114;
  f->info = *info;
  f->native = allow_native && is_regular(v);
  f->unpack = gst_video_format_get_info(v->unpack_format);
  f->unpack_stride = (gsize)info->width * (GST_VIDEO_FORMAT_INFO_BITS(f->unpack) > 8 ? 8 : 4);
  if (exceeds_its_lines(info))
    f->packed = g_malloc0((gsize)GST_VIDEO_INFO_PLANE_STRIDE(info, 0) + LINE_SLACK);
  f->image.width = info->width;
  f->image.height = info->height;
  f->image.pixel_aspect = info->par_n > 0 && info->par_d > 0 ? (float)info->par_n / (float)info->par_d : 1;
  f->image.pixel_aspect = CLAMP(f->image.pixel_aspect, 1.0f / FMN_ASPECT_MAX, (float)FMN_ASPECT_MAX);
  if (GST_VIDEO_FORMAT_INFO_IS_GRAY(v))
    f->image.color = FMN_COLOR_GRAY;
  else if (GST_VIDEO_FORMAT_INFO_IS_RGB(v))
    f->image.color = FMN_COLOR_RGB;
  else
    f->image.color = FMN_COLOR_YUV;
  f->image.full_range = info->colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255 ||
                        (info->colorimetry.range == GST_VIDEO_COLOR_RANGE_UNKNOWN && f->image.color == FMN_COLOR_RGB);
  if (!gst_video_color_matrix_get_Kr_Kb(info->colorimetry.matrix, &kr, &kb)) {
    kr = .299;
    kb = .114;
  }
  f->image.kr = (float)kr;
  f->image.kb = (float)kb;
  if (f->native)
    describe_native(&f->image, v);
  else
    describe_unpacked(&f->image, f->unpack);
  return f;
}

GstFmnistFormat *gst_fmnist_format_new(const GstVideoInfo *info) { return format_new(info, TRUE); }

GstFmnistFormat *gst_fmnist_format_new_unpacking(const GstVideoInfo *info) { return format_new(info, FALSE); }

void gst_fmnist_format_free(GstFmnistFormat *f) {
  if (f == NULL)
    return;
  g_free(f->unpacked);
  g_free(f->line);
  g_free(f->cover);
  g_free(f->packed);
  g_free(f);
}

const FmnImageFormat *gst_fmnist_format_image(const GstFmnistFormat *f) { return &f->image; }

const GstVideoInfo *gst_fmnist_format_info(const GstFmnistFormat *f) { return &f->info; }

gboolean gst_fmnist_format_is_native(const GstFmnistFormat *f) { return f->native; }

void gst_fmnist_format_refuse_crop(GstQuery *query) {
  guint index;
  if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION)
    return;
  while (gst_query_find_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, &index))
    gst_query_remove_nth_allocation_meta(query, index);
}

static guint8 *packed_line(const GstVideoFrame *frame, int y) {
  return (guint8 *)GST_VIDEO_FRAME_PLANE_DATA(frame, 0) + (gssize)y * GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0);
}

static void unpack_line(const GstFmnistFormat *f, const GstVideoFrame *frame, gpointer out, int y) {
  const GstVideoFormatInfo *v = frame->info.finfo;
  gpointer line[] = {f->packed};
  if (f->packed != NULL) {
    memcpy(f->packed, packed_line(frame, y), (gsize)GST_VIDEO_INFO_PLANE_STRIDE(&f->info, 0));
    v->unpack_func(v, GST_VIDEO_PACK_FLAG_NONE, out, line, frame->info.stride, 0, 0, frame->info.width);
  } else {
    v->unpack_func(v, GST_VIDEO_PACK_FLAG_NONE, out, (gpointer *)frame->data, frame->info.stride, 0, y,
                   frame->info.width);
  }
}

static void pack_line(const GstFmnistFormat *f, GstVideoFrame *frame, int y) {
  const GstVideoFormatInfo *v = frame->info.finfo;
  gpointer line[] = {f->packed};
  if (f->packed != NULL) {
    v->pack_func(v, GST_VIDEO_PACK_FLAG_NONE, f->line, 0, line, frame->info.stride, f->info.chroma_site, 0,
                 f->info.width);
    memcpy(packed_line(frame, y), f->packed, (gsize)GST_VIDEO_INFO_PLANE_STRIDE(&f->info, 0));
  } else {
    v->pack_func(v, GST_VIDEO_PACK_FLAG_NONE, f->line, 0, frame->data, frame->info.stride, f->info.chroma_site, y,
                 f->info.width);
  }
}

gboolean gst_fmnist_format_map_frame(const GstFmnistFormat *f, GstBuffer *buffer, GstMapFlags flags,
                                     GstVideoFrame *frame) {
  if (!gst_video_frame_map(frame, &f->info, buffer, flags))
    return FALSE;
  if (frame->info.width == f->info.width && frame->info.height == f->info.height)
    return TRUE;
  gst_video_frame_unmap(frame);
  return FALSE;
}

gboolean gst_fmnist_format_map(GstFmnistFormat *f, GstBuffer *buffer, FmnImage *image) {
  *image = (FmnImage){.format = &f->image};
  /* without a reference: the buffer stays writable, for its metadata */
  if (!gst_fmnist_format_map_frame(f, buffer, GST_MAP_READ | (GstMapFlags)GST_VIDEO_FRAME_MAP_FLAG_NO_REF, &f->frame))
    return FALSE;
  if (f->native) {
    for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES(&f->frame); i++) {
      image->plane[i] = GST_VIDEO_FRAME_PLANE_DATA(&f->frame, i);
      image->stride[i] = GST_VIDEO_FRAME_PLANE_STRIDE(&f->frame, i);
    }
    return TRUE;
  }
  if (f->unpacked == NULL &&
      (f->unpacked = g_try_malloc(f->unpack_stride * (gsize)f->info.height + LINE_SLACK)) == NULL) {
    gst_video_frame_unmap(&f->frame);
    return FALSE;
  }
  for (int y = 0; y < f->info.height; y++)
    unpack_line(f, &f->frame, f->unpacked + f->unpack_stride * (gsize)y, y);
  image->plane[0] = f->unpacked;
  image->stride[0] = (int)f->unpack_stride;
  return TRUE;
}

void gst_fmnist_format_unmap(GstFmnistFormat *f) { gst_video_frame_unmap(&f->frame); }

/* The four components of a white and of a black pixel in the intermediate frame. */
static void paint_values(const GstFmnistFormat *f, guint16 white[4], guint16 black[4]) {
  GstVideoColorRange range = f->image.full_range ? GST_VIDEO_COLOR_RANGE_0_255 : GST_VIDEO_COLOR_RANGE_16_235;
  gint offset[4], scale[4];
  gboolean rgb = GST_VIDEO_FORMAT_INFO_IS_RGB(f->unpack);
  gst_video_color_range_offsets(range, f->unpack, offset, scale);
  white[0] = black[0] = GST_VIDEO_FORMAT_INFO_BITS(f->unpack) > 8 ? 65535 : 255; /* opaque */
  for (int i = 0; i < 3; i++) {
    black[i + 1] = (guint16)offset[i];
    white[i + 1] = (guint16)(i == 0 || rgb ? offset[i] + scale[i] : offset[i]);
  }
}

static void paint_line(const GstFmnistFormat *f, const guint16 white[4], const guint16 black[4], gboolean whiten) {
  gboolean wide = GST_VIDEO_FORMAT_INFO_BITS(f->unpack) > 8;
  for (int x = 0; x < f->info.width; x++) {
    const guint16 *value = f->cover[x] == 0 ? black : whiten ? white : NULL;
    if (value == NULL)
      continue;
    if (wide) {
      memcpy(f->line + (gsize)x * 8, value, 8);
    } else {
      for (int i = 0; i < 4; i++)
        f->line[x * 4 + i] = (guint8)value[i];
    }
  }
}

/* Packing chooses from a palette of its own. */
static void write_palette(const GstVideoFrame *frame) {
  gsize size = 0;
  gconstpointer palette = gst_video_format_get_palette(GST_VIDEO_FRAME_FORMAT(frame), &size);
  if (palette != NULL)
    memcpy(GST_VIDEO_FRAME_PLANE_DATA(frame, 1), palette, size);
}

gboolean gst_fmnist_format_paint(GstFmnistFormat *f, GstBuffer *buffer, GstFmnistCoverFunc cover, gpointer user,
                                 gboolean white) {
  const GstVideoFormatInfo *v = f->info.finfo;
  guint16 white_value[4], black_value[4];
  GstVideoFrame frame;
  if (!gst_fmnist_format_map_frame(f, buffer, GST_MAP_READWRITE, &frame))
    return FALSE;
  if (f->line == NULL) {
    f->line = g_malloc(f->unpack_stride + LINE_SLACK);
    f->cover = g_malloc((gsize)f->info.width);
  }
  paint_values(f, white_value, black_value);
  for (int y = 0; y < f->info.height; y++) {
    cover(user, y, f->cover);
    unpack_line(f, &frame, f->line, y);
    paint_line(f, white_value, black_value, white);
    pack_line(f, &frame, y);
  }
  if (v->flags & GST_VIDEO_FORMAT_FLAG_PALETTE)
    write_palette(&frame);
  gst_video_frame_unmap(&frame);
  return TRUE;
}
