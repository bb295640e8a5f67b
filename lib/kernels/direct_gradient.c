/* The gradient of the weights by definition: for each tap a sum of outer products over the pixels. */
#include <string.h>

#include "kernels/conv_algorithm.h"

#define CHUNK_FLOATS (1 << 17) /* of x and dy worked through together: they stay in the L2 cache for all taps and channels */
#define LEAST_TASKS 16         /* else they are divided by blocks of outputs, too */

static int output_parts(const FmnConvShape *s) {
  return s->k * s->k * fmn_conv_input_blocks(s) < LEAST_TASKS ? fmn_conv_blocks(s) : 1;
}

static int tasks(const FmnConvShape *s) { return s->k * s->k * fmn_conv_input_blocks(s) * output_parts(s); }

/* A gradient for each thread is more to add up; threads that share one read all pixels each. */
static gboolean by_images(const FmnConvShape *s, int images, int threads) {
  gsize values = (gsize)(s->in_h * s->in_w) * (gsize)s->in_c + (gsize)(s->out_h * s->out_w) * (gsize)s->out_c;
  return (gsize)threads * fmn_conv_weight_count(s) < (gsize)images * values;
}

/* Chunks are whole images where these are small, else rows of one. */
typedef struct {
  const FmnConvShape *s;
  int n, chunks, chunk;
  int images, rows; /* of output, in a chunk */
  const float *x, *dy;
  float *sums; /* [tap][input][output] */
  float *dw;
} Job;

static int chunks_an_image(const Job *job) { return (job->s->out_h + job->rows - 1) / job->rows; }

static void make_chunks(Job *job) {
  const FmnConvShape *s = job->s;
  int row = s->stride * s->in_w * s->in_c + s->out_w * s->out_c, image = row * s->out_h;
  job->images = CLAMP(CHUNK_FLOATS / image, 1, job->n);
  job->rows = image <= CHUNK_FLOATS ? s->out_h : CLAMP(CHUNK_FLOATS / row, 1, s->out_h);
  job->chunks = (job->n + job->images - 1) / job->images * chunks_an_image(job);
}

/* The outputs first ≤ o < last of `size` whose tap at offset `tap` lies inside of the picture. */
static void outputs_inside(const FmnConvShape *s, int tap, int in_size, int *first, int *last) {
  int before = s->pad - tap, end = in_size - 1 + before;
  *first = MAX(*first, before > 0 ? (before + s->stride - 1) / s->stride : 0);
  *last = MIN(*last, end < 0 ? 0 : end / s->stride + 1);
}

/* One image's part of a tap: output rows row0 ≤ row < row1, outputs out0 ≤ o < out1. */
static void add_image(const Job *job, int image, int row0, int row1, int tap, int input, int out0, int out1) {
  const FmnConvShape *s = job->s;
  gsize in = (gsize)s->in_c, out = (gsize)s->out_c;
  int ky = tap / s->k, kx = tap % s->k, col0 = 0, col1 = s->out_w;
  outputs_inside(s, ky, s->in_h, &row0, &row1);
  outputs_inside(s, kx, s->in_w, &col0, &col1);
  if (row0 >= row1 || col0 >= col1)
    return;
  int y = image * s->in_h + row0 * s->stride - s->pad + ky, x = col0 * s->stride - s->pad + kx;
  FmnPixels from = {job->x + (gsize)(y * s->in_w + x) * in + input, (gsize)(s->stride * s->in_w) * in, (gsize)s->stride * in};
  for (int o = out0; o < out1; o += FMN_LANES) {
    FmnPixels dy = {job->dy + (gsize)((image * s->out_h + row0) * s->out_w + col0) * out + o, (gsize)s->out_w * out, out};
    fmn_grad_kernels()->outer(&from, &dy, row1 - row0, col1 - col0, MIN(FMN_PRODUCT_ROWS, s->in_c - input),
                              MIN(FMN_LANES, s->out_c - o),
                              job->sums + ((gsize)tap * in + (gsize)input) * out + o, out, TRUE);
  }
}

/* Tasks: taps × blocks of inputs × parts of the outputs. */
static void add_chunk(gpointer data, int begin, int end, int slot) {
  const Job *job = data;
  const FmnConvShape *s = job->s;
  int image = job->chunk / chunks_an_image(job) * job->images, row = job->chunk % chunks_an_image(job) * job->rows;
  int parts = output_parts(s), inputs = fmn_conv_input_blocks(s), outputs = parts > 1 ? FMN_LANES : s->out_c;
  for (int task = begin; task < end; task++) {
    int tap = task / parts / inputs, input = task / parts % inputs * FMN_PRODUCT_ROWS, out0 = task % parts * outputs;
    for (int i = image; i < MIN(image + job->images, job->n); i++)
      add_image(job, i, row, MIN(row + job->rows, s->out_h), tap, input, out0,
                MIN(out0 + outputs, s->out_c));
  }
}

/* Tasks: 16 outputs each. */
static void unpack(gpointer data, int begin, int end, int slot) {
  const Job *job = data;
  const FmnConvShape *s = job->s;
  gsize in = (gsize)s->in_c, out = (gsize)s->out_c, taps = (gsize)(s->k * s->k);
  for (gsize o0 = (gsize)begin * 16; o0 < (gsize)end * 16; o0 += 16)
    for (gsize i = 0; i < in; i++)
      for (gsize o = o0; o < MIN(o0 + 16, out); o++)
        for (gsize t = 0; t < taps; t++)
          job->dw[(o * in + i) * taps + t] = job->sums[(t * in + i) * out + o];
}

static void run(const FmnConvGradientCall *call, int first, int n, float *dw, float *memory, FmnPool *pool) {
  FmnConvShape s = call->conv->shape;
  gsize x = (gsize)first * (gsize)(s.in_h * s.in_w * s.in_c), dy = (gsize)first * (gsize)(s.out_h * s.out_w * s.out_c);
  if (s.k == 1 && s.stride == 1 && s.pad == 0) { /* rows are rows, whatever their image */
    s.in_h = s.out_h = n * s.out_h;
    n = 1;
  }
  Job job = {.s = &s, .n = n, .x = call->x + x, .dy = call->dy + dy, .sums = memory, .dw = dw};
  make_chunks(&job);
  memset(memory, 0, fmn_conv_weight_count(&s) * sizeof *memory);
  for (job.chunk = 0; job.chunk < job.chunks; job.chunk++)
    fmn_pool_run(pool, add_chunk, &job, tasks(&s));
  fmn_pool_run(pool, unpack, &job, (s.out_c + 15) / 16);
}

const FmnConvGradient fmn_conv_direct_gradient = {by_images, fmn_conv_weight_count, run};
