#include <string.h>

#include "io/half.h"
#include "kernels/columns.h"
#include "kernels/conv_algorithm.h"

#define CHUNK (8 * FMN_PRODUCT_ROWS) /* output pixels of a task: each block of weights is read once for them */
#define RUN_BELOW 8                  /* input channels; with fewer a row of taps is read as one run */
#define MAX_TAPS FMN_CONV_MAX_TAPS
#define PACK_INPUTS 16
#define LONG_INPUTS 2048             /* of a 1×1 convolution; more are taken in parts whose weights stay in the cache */
#define SHARED_FROM (1 << 14)        /* multiply-adds: about half a microsecond; with less to do, sharing it takes longer */
#define HALF_WEIGHTS (1 << 17)       /* with at least so many weights ... */
#define HALF_PIXELS 256              /* ... for at most so many pixels, half precision pays */

static int pixels(const FmnConvShape *s) { return s->out_h * s->out_w; }

static int chunks(const FmnConvShape *s) { return (pixels(s) + CHUNK - 1) / CHUNK; }

static gboolean reads_runs(const FmnConvShape *s) { return s->in_c < RUN_BELOW || s->k * s->k > MAX_TAPS; }

static int tasks_an_image(const FmnConvShape *s) { return chunks(s) * fmn_conv_blocks(s); }

static gboolean suits(const FmnConvShape *s, int images) { return TRUE; }

static void choose(FmnConv *conv) {
  const FmnConvShape *s = &conv->shape;
  gsize inputs = (gsize)(s->k * s->k) * (gsize)s->in_c, weights = fmn_conv_packed_taps(s);
  conv->half = conv->half && fmn_kernels()->fast_half && weights >= HALF_WEIGHTS && pixels(s) <= HALF_PIXELS;
  conv->packed = conv->half ? weights / 2 : weights;
  conv->scratch = reads_runs(s) ? inputs * FMN_PRODUCT_ROWS : (gsize)s->in_c; /* or one pixel of zeros */
}

typedef struct {
  const FmnConv *conv;
  const float *w;
  gboolean transpose;
  float *packed;
} PackJob;

/* n weights, step apart, to one lane of a block from `at` on. */
static void pack_lane(const PackJob *job, const float *w, gsize step, gsize n, gsize at) {
  if (job->conv->half)
    for (gsize i = 0; i < n; i++)
      ((guint16 *)job->packed)[at + i * FMN_LANES] = fmn_float_to_half_finite(w[i * step]);
  else
    for (gsize i = 0; i < n; i++)
      job->packed[at + i * FMN_LANES] = w[i * step];
}

/* n inputs from the first on of a block; lanes past the last output are zero. */
static void pack_inputs(const PackJob *job, gsize block, gsize first, gsize n) {
  static const float zero;
  const FmnConvShape *s = &job->conv->shape;
  gsize taps = (gsize)(s->k * s->k), in = (gsize)s->in_c, out = (gsize)s->out_c;
  for (gsize t = 0; t < taps; t++)
    for (gsize lane = 0; lane < FMN_LANES; lane++) {
      gsize o = block * FMN_LANES + lane, at = ((block * taps + t) * in + first) * FMN_LANES + lane;
      if (o >= out)
        pack_lane(job, &zero, 0, n, at);
      else if (job->transpose)
        pack_lane(job, job->w + (first * out + o) * taps + taps - 1 - t, out * taps, n, at);
      else
        pack_lane(job, job->w + (o * in + first) * taps + t, taps, n, at);
    }
}

/* Tasks: blocks of outputs; some inputs at a time, so that what is read and what is written both stay in the cache. */
static void pack_tasks(gpointer data, int begin, int end, int slot) {
  const PackJob *job = data;
  gsize in = (gsize)job->conv->shape.in_c;
  for (gsize block = (gsize)begin; block < (gsize)end; block++)
    for (gsize i = 0; i < in; i += PACK_INPUTS)
      pack_inputs(job, block, i, MIN(PACK_INPUTS, in - i));
}

void fmn_conv_pack_taps(const FmnConv *conv, const float *w, gboolean transpose, float *packed, FmnPool *pool) {
  PackJob job = {conv, w, transpose, packed};
  fmn_pool_run(pool, pack_tasks, &job, fmn_conv_blocks(&conv->shape));
}

/* Where the window of an output pixel begins. */
typedef struct {
  int oy, ox, y, x;
} Place;

static Place place(const FmnConvShape *s, int pixel) {
  Place p = {.oy = pixel / s->out_w, .ox = pixel % s->out_w};
  p.y = p.oy * s->stride - s->pad;
  p.x = p.ox * s->stride - s->pad;
  return p;
}

static void next_place(const FmnConvShape *s, Place *p) {
  if (++p->ox < s->out_w)
    p->x += s->stride;
  else
    *p = place(s, (p->oy + 1) * s->out_w);
}

/* For n output pixels from the first on, where each of their taps is read: rows[tap · n + pixel]. */
static void find_taps(const FmnConvShape *s, const float *x, int first, int n, const float *zeros, const float **rows) {
  Place p = place(s, first);
  for (int r = 0; r < n; r++, next_place(s, &p))
    for (int ky = 0, t = r; ky < s->k; ky++)
      for (int kx = 0; kx < s->k; kx++, t += n) {
        int iy = p.y + ky, ix = p.x + kx;
        gboolean in = iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w;
        rows[t] = in ? x + (gsize)(iy * s->in_w + ix) * (gsize)s->in_c : zeros;
      }
}

/* The same by rows of taps, which lie together: rows[ky · n + pixel]. Windows over the border are put together in scratch. */
static void find_runs(const FmnConvShape *s, const float *x, int first, int n, float *scratch, const float **rows) {
  gsize c = (gsize)s->in_c, run = (gsize)s->k * c, line = (gsize)s->in_w * c, step = (gsize)s->stride * c;
  Place p = place(s, first);
  gboolean inside_y = p.y >= 0 && p.y + s->k <= s->in_h, one_line = p.ox + n <= s->out_w;
  if (inside_y && one_line && p.x >= 0 && p.x + (n - 1) * s->stride + s->k <= s->in_w) {
    const float *window = x + (gsize)(p.y * s->in_w + p.x) * c;
    for (int ky = 0; ky < s->k; ky++)
      for (int r = 0; r < n; r++)
        *rows++ = window + (gsize)ky * line + (gsize)r * step;
    return;
  }
  for (int r = 0; r < n; r++, next_place(s, &p)) {
    gboolean inside = p.y >= 0 && p.y + s->k <= s->in_h && p.x >= 0 && p.x + s->k <= s->in_w;
    float *window = scratch + (gsize)r * (gsize)s->k * run;
    if (!inside)
      fmn_columns(s, x, first + r, first + r + 1, window);
    for (int ky = 0; ky < s->k; ky++)
      rows[ky * n + r] = inside ? x + (gsize)((p.y + ky) * s->in_w + p.x) * c : window + (gsize)ky * run;
  }
}

static void run_tasks(gpointer data, int begin, int end, int slot) {
  const FmnConvCall *call = data;
  const FmnConv *conv = call->conv;
  const FmnConvShape *s = &conv->shape;
  int blocks = fmn_conv_blocks(s), tasks = tasks_an_image(s), taps = s->k * s->k;
  const float *rows[FMN_PRODUCT_ROWS * MAX_TAPS];
  float *scratch = call->scratch + (gsize)slot * call->scratch_size;
  FmnPacked w = {call->packed, conv->half};

  if (!reads_runs(s))
    memset(scratch, 0, (gsize)s->in_c * sizeof *scratch);
  for (int task = begin; task < end; task++) {
    int image = task / tasks, block = task % blocks, chunk = task % tasks / blocks;
    int lanes = MIN(FMN_LANES, s->out_c - block * FMN_LANES), last = MIN((chunk + 1) * CHUNK, pixels(s));
    const float *x = call->x + (gsize)image * (gsize)(s->in_h * s->in_w) * (gsize)s->in_c;
    float *y = call->y + (gsize)image * (gsize)pixels(s) * (gsize)s->out_c + (gsize)block * FMN_LANES;
    FmnEpilogue e = fmn_epilogue_from(call->epilogue, block * FMN_LANES);

    for (int p = chunk * CHUNK; p < last; p += FMN_PRODUCT_ROWS) {
      int n = MIN(FMN_PRODUCT_ROWS, last - p);
      float *out = y + (gsize)p * (gsize)s->out_c;
      if (reads_runs(s)) {
        find_runs(s, x, p, n, scratch, rows);
        fmn_kernels()->product(rows, n, s->k, (gsize)(s->k * s->in_c), w, (gsize)block, out, (gsize)s->out_c, lanes, FALSE);
      } else {
        find_taps(s, x, p, n, scratch, rows);
        fmn_kernels()->product(rows, n, taps, (gsize)s->in_c, w, (gsize)block, out, (gsize)s->out_c, lanes, FALSE);
      }
      fmn_kernels()->epilogue(out, (gsize)n, (gsize)lanes, (gsize)s->out_c, &e);
    }
  }
}

/* A 1×1 convolution of very many inputs, as a dense layer's: part by part, each added to what is there. Tasks as above. */
static void run_long_tasks(gpointer data, int begin, int end, int slot) {
  const FmnConvCall *call = data;
  const FmnConvShape *s = &call->conv->shape;
  int blocks = fmn_conv_blocks(s);
  for (int task = begin; task < end; task++) {
    int block = task % blocks, chunk = task / blocks, last = MIN((chunk + 1) * CHUNK, pixels(s));
    int lanes = MIN(FMN_LANES, s->out_c - block * FMN_LANES), first = chunk * CHUNK;
    float *y = call->y + (gsize)block * FMN_LANES;
    for (int i = 0; i < s->in_c; i += LONG_INPUTS) {
      FmnPacked w = {call->packed + ((gsize)block * (gsize)s->in_c + (gsize)i) * FMN_LANES, FALSE};
      for (int p = first; p < last; p += FMN_PRODUCT_ROWS) {
        const float *rows[FMN_PRODUCT_ROWS];
        int n = MIN(FMN_PRODUCT_ROWS, last - p);
        for (int r = 0; r < n; r++)
          rows[r] = call->x + (gsize)(p + r) * (gsize)s->in_c + i;
        fmn_kernels()->product(rows, n, 1, (gsize)MIN(LONG_INPUTS, s->in_c - i), w, 0, y + (gsize)p * (gsize)s->out_c,
                               (gsize)s->out_c, lanes, i > 0);
      }
    }
    FmnEpilogue e = fmn_epilogue_from(call->epilogue, block * FMN_LANES);
    fmn_kernels()->epilogue(y + (gsize)first * (gsize)s->out_c, (gsize)(last - first), (gsize)lanes, (gsize)s->out_c, &e);
  }
}

/* A 1×1 convolution does not care which image a row belongs to: one tall image leaves fewer groups of pixels incomplete. */
static void run(const FmnConvCall *call, FmnPool *pool) {
  FmnConv conv = *call->conv;
  FmnConvCall whole = *call;
  FmnConvShape *s = &conv.shape;
  if (s->k == 1 && s->stride == 1 && s->pad == 0) {
    s->in_h = s->out_h = call->n * s->out_h;
    whole.n = 1;
    whole.conv = &conv;
  }
  guint64 work = (guint64)(whole.n * pixels(s)) * (guint64)(s->k * s->k * s->in_c) * (guint64)s->out_c;
  gboolean is_long = whole.conv == &conv && s->in_c > LONG_INPUTS && !conv.half;
  fmn_pool_run(work < SHARED_FROM ? NULL : pool, is_long ? run_long_tasks : run_tasks, &whole, whole.n * tasks_an_image(s));
}

const FmnConvAlgorithm fmn_conv_direct = {"direct", suits, choose, fmn_conv_pack_taps, run};
