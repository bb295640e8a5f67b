#include "image/work.h"

#include <math.h>
#include <string.h>

#define TERMS 6
/* Pulls the slopes and curves gently to 0 where the pixels say little about them. */
#define RIDGE 1e-3

static void terms(const FmnWork *work, int pixel, float t[TERMS]) {
  float x = (2 * (pixel % work->width) + 1) / (float)work->width - 1;
  float y = (2 * (pixel / work->width) + 1) / (float)work->height - 1;
  t[0] = 1, t[1] = x, t[2] = y, t[3] = x * x, t[4] = x * y, t[5] = y * y;
}

/* Cholesky; a is positive definite by the ridge. */
static void solve(double a[TERMS][TERMS], double b[3][TERMS]) {
  for (int i = 0; i < TERMS; i++)
    for (int j = 0; j <= i; j++) {
      double sum = a[i][j];
      for (int k = 0; k < j; k++)
        sum -= a[i][k] * a[j][k];
      a[i][j] = i == j ? sqrt(MAX(sum, 1e-12)) : sum / a[j][j];
    }
  for (int c = 0; c < 3; c++) {
    for (int i = 0; i < TERMS; i++) {
      for (int k = 0; k < i; k++)
        b[c][i] -= a[i][k] * b[c][k];
      b[c][i] /= a[i][i];
    }
    for (int i = TERMS - 1; i >= 0; i--) {
      for (int k = i + 1; k < TERMS; k++)
        b[c][i] -= a[k][i] * b[c][k];
      b[c][i] /= a[i][i];
    }
  }
}

void fmn_surface_fit(FmnSurface *surface, const FmnWork *work, const int *pixels, const float *weights, int n) {
  double a[TERMS][TERMS] = {{0}}, b[3][TERMS] = {{0}};
  for (int i = 0; i < n; i++) {
    float t[TERMS];
    terms(work, pixels[i], t);
    for (int j = 0; j < TERMS; j++) {
      float wt = weights[i] * t[j];
      for (int k = 0; k <= j; k++)
        a[j][k] += wt * t[k];
      for (int c = 0; c < 3; c++)
        b[c][j] += wt * work->color[c][pixels[i]];
    }
  }
  double ridge = RIDGE * a[0][0];
  for (int j = 1; j < TERMS; j++)
    a[j][j] += ridge;
  a[0][0] += 1e-9;
  solve(a, b);
  for (int c = 0; c < 3; c++)
    for (int j = 0; j < TERMS; j++)
      surface->factor[c][j] = (float)b[c][j];
}

void fmn_surface_line(const FmnSurface *surface, const FmnWork *work, int y, float *const out[3]) {
  float v = (2 * y + 1) / (float)work->height - 1;
  for (int c = 0; c < 3; c++) {
    const float *f = surface->factor[c];
    float constant = f[0] + f[2] * v + f[5] * v * v, slope = f[1] + f[4] * v, curve = f[3], *restrict line = out[c];
    float step = 2.f / work->width, start = 1.f / work->width - 1;
    for (int x = 0; x < work->width; x++) {
      float u = start + step * x;
      line[x] = constant + u * (slope + u * curve);
    }
  }
}
