#include "image/work.h"

#include <math.h>

/* Pulls the slopes and curves gently to 0 where the pixels say little about them. */
#define RIDGE 1e-3

/* Cholesky; a is positive definite by the ridge. */
static void solve(double a[FMN_TERMS][FMN_TERMS], double b[3][FMN_TERMS]) {
  for (int i = 0; i < FMN_TERMS; i++)
    for (int j = 0; j <= i; j++) {
      double sum = a[i][j];
      for (int k = 0; k < j; k++)
        sum -= a[i][k] * a[j][k];
      a[i][j] = i == j ? sqrt(MAX(sum, 1e-12)) : sum / a[j][j];
    }
  for (int c = 0; c < 3; c++) {
    for (int i = 0; i < FMN_TERMS; i++) {
      for (int k = 0; k < i; k++)
        b[c][i] -= a[i][k] * b[c][k];
      b[c][i] /= a[i][i];
    }
    for (int i = FMN_TERMS - 1; i >= 0; i--) {
      for (int k = i + 1; k < FMN_TERMS; k++)
        b[c][i] -= a[k][i] * b[c][k];
      b[c][i] /= a[i][i];
    }
  }
}

void fmn_surface_fit(FmnSurface *surface, const FmnMoments *m) {
  static const int power_x[FMN_TERMS] = {0, 1, 0, 2, 1, 0}, power_y[FMN_TERMS] = {0, 0, 1, 0, 1, 2};
  double a[FMN_TERMS][FMN_TERMS] = {{0}}, b[3][FMN_TERMS];
  for (int j = 0; j < FMN_TERMS; j++)
    for (int k = 0; k <= j; k++) {
      int y = power_y[j] + power_y[k], degree = power_x[j] + power_x[k] + y;
      a[j][k] = m->monomial[degree * (degree + 1) / 2 + y];
    }
  for (int c = 0; c < 3; c++)
    for (int j = 0; j < FMN_TERMS; j++)
      b[c][j] = m->colored[c][j];
  double ridge = RIDGE * a[0][0];
  for (int j = 1; j < FMN_TERMS; j++)
    a[j][j] += ridge;
  a[0][0] += 1e-9;
  solve(a, b);
  for (int c = 0; c < 3; c++)
    for (int j = 0; j < FMN_TERMS; j++)
      surface->factor[c][j] = (float)b[c][j];
}

void fmn_surface_line(const FmnSurface *surface, int y, int height, float factor[3][3]) {
  float v = (2 * y + 1) / (float)height - 1;
  for (int c = 0; c < 3; c++) {
    const float *f = surface->factor[c];
    factor[c][0] = f[0] + v * (f[2] + v * f[5]);
    factor[c][1] = f[1] + f[4] * v;
    factor[c][2] = f[3];
  }
}
