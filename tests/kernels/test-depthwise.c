/* Depthwise convolution and its gradients in every set against their definition. */
#include <string.h>

#include "kernels/kernels.h"
#include "train/random.h"

static float *random_floats(gsize n, guint64 seed) {
  FmnRandom r = {seed};
  float *data = fmn_floats_new(n);
  for (gsize i = 0; i < n; i++)
    data[i] = (float)fmn_random_range(&r, -2.0, 2.0);
  return data;
}

typedef struct {
  FmnWindow win;
  float *x, *w, *dy, *bias, *y, *dw, *dx;
  double *want_y, *want_dw, *want_dx;
} Case;

static gsize inputs(const FmnWindow *s) { return (gsize)(s->in_h * s->in_w) * s->c; }

static gsize outputs(const FmnWindow *s) { return (gsize)(s->out_h * s->out_w) * s->c; }

static gsize weights(const FmnWindow *s) { return (gsize)(s->k * s->k) * s->c; }

static void by_definition(Case *t) {
  const FmnWindow *s = &t->win;
  for (int o = 0; o < s->out_h * s->out_w; o++)
    for (int tap = 0; tap < s->k * s->k; tap++) {
      int iy = o / s->out_w * s->stride - s->pad + tap / s->k, ix = o % s->out_w * s->stride - s->pad + tap % s->k;
      if (iy < 0 || iy >= s->in_h || ix < 0 || ix >= s->in_w)
        continue;
      for (gsize c = 0; c < s->c; c++) {
        gsize in = (gsize)(iy * s->in_w + ix) * s->c + c, out = (gsize)o * s->c + c, at = (gsize)tap * s->c + c;
        t->want_y[out] += (double)t->x[in] * t->w[at];
        t->want_dw[at] += (double)t->x[in] * t->dy[out];
        t->want_dx[in] += (double)t->dy[out] * t->w[at];
      }
    }
}

static void compare(const float *got, const double *want, gsize n) {
  for (gsize i = 0; i < n; i++)
    g_assert_cmpfloat_with_epsilon(got[i], want[i], 1e-4);
}

static void check(FmnWindow s) {
  s.out_h = (s.in_h + 2 * s.pad - s.k) / s.stride + 1;
  s.out_w = (s.in_w + 2 * s.pad - s.k) / s.stride + 1;
  Case t = {s,
            random_floats(inputs(&s), 1),
            random_floats(weights(&s), 2),
            random_floats(outputs(&s), 3),
            random_floats(s.c, 4),
            fmn_floats_new(outputs(&s)),
            fmn_floats_new(weights(&s)),
            fmn_floats_new(inputs(&s)),
            g_new0(double, outputs(&s)),
            g_new0(double, weights(&s)),
            g_new0(double, inputs(&s))};
  FmnEpilogue e = {.act = FMN_ACT_RELU, .bias = t.bias};

  by_definition(&t);
  for (gsize i = 0; i < outputs(&s); i++)
    t.want_y[i] = MAX(t.want_y[i] + t.bias[i % s.c], 0);
  for (gsize i = 0; i < weights(&s); i++)
    t.want_dw[i] += 1; /* added to what is there */
  for (int i = 0; fmn_kernels_all()[i]; i++) {
    const FmnKernels *k = fmn_kernels_all()[i];
    const FmnGradKernels *grad = fmn_grad_kernels_at(i);
    for (int row = 0; row < s.out_h; row++)
      k->depthwise(&s, t.x, t.w, &e, row, t.y + (gsize)row * (gsize)s.out_w * s.c);
    compare(t.y, t.want_y, outputs(&s));
    for (gsize j = 0; j < weights(&s); j++)
      t.dw[j] = 1.f;
    memset(t.dx, 0x7f, inputs(&s) * sizeof *t.dx);
    grad->depthwise(&s, t.x, t.dy, t.w, t.dw, t.dx);
    compare(t.dw, t.want_dw, weights(&s));
    compare(t.dx, t.want_dx, inputs(&s));
    grad->depthwise(&s, t.x, t.dy, t.w, t.dw, NULL);
  }
  float *floats[] = {t.x, t.w, t.dy, t.bias, t.y, t.dw, t.dx};
  for (gsize i = 0; i < G_N_ELEMENTS(floats); i++)
    fmn_floats_free(floats[i]);
  g_free(t.want_y);
  g_free(t.want_dw);
  g_free(t.want_dx);
}

static void test_shapes(void) {
  for (int k = 1; k <= 5; k += 2)
    for (int stride = 1; stride <= 3; stride++)
      for (int pad = 0; pad <= k / 2 + 1; pad++)
        for (int h = MAX(1, k - 2 * pad); h <= k + 3; h++)
          check(
              (FmnWindow){.in_h = h, .in_w = h % 3 + k, .k = k, .stride = stride, .pad = pad, .c = (gsize)(7 * h + k)});
  for (gsize c = 1; c < 100; c += 7)
    check((FmnWindow){.in_h = 2, .in_w = 2, .k = 5, .stride = 1, .pad = 2, .c = c});
  check((FmnWindow){.in_h = 1, .in_w = 1, .k = 5, .stride = 1, .pad = 2, .c = 1152});
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/kernels/depthwise", test_shapes);
  return g_test_run();
}
